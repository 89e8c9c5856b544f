#include "dataset/collection.hpp"

#include "support/dataset.hpp"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

namespace svsep {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

void touch(const fs::path& path) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << "x";
}

std::vector<std::string> names(const std::vector<Item>& items) {
  std::vector<std::string> result;
  for (const Item& item : items) result.push_back(item.name);
  return result;
}

std::vector<Part> parts(const Item& item) {
  std::vector<Part> result;
  for (const Source& source : item.sources) result.push_back(source.part);
  return result;
}

std::vector<Recording> recordings(Role role, const std::vector<std::string>& names) {
  std::vector<Recording> result;
  for (const std::string& name : names) {
    result.emplace_back().name = name;
    result.back().role = role;
  }
  return result;
}

std::vector<std::string> numbered(std::size_t count) {
  std::vector<std::string> result;
  for (std::size_t i = 0; i < count; ++i) result.push_back("take " + std::to_string(i) + ".wav");
  return result;
}

std::set<std::string> held_out(const std::vector<Recording>& recordings, Role role) {
  std::set<std::string> result;
  for (const Recording& recording : recordings) {
    if (recording.validation && recording.role == role) result.insert(recording.name);
  }
  return result;
}

template <typename Range>
void append(std::vector<Recording>& all, const Range& more) {
  all.insert(all.end(), more.begin(), more.end());
}

TEST(DataFolder, HasAWeightAfterTheLastEqualsSign) {
  EXPECT_EQ(parse_data_folder("a/b").folder, "a/b");
  EXPECT_EQ(parse_data_folder("a/b").weight, 1.0);
  EXPECT_EQ(parse_data_folder("a=b/c=0.25").folder, "a=b/c");
  EXPECT_EQ(parse_data_folder("a=b/c=0.25").weight, 0.25);
  EXPECT_EQ(parse_data_folder("a=b").folder, "a=b");  // no number
  EXPECT_EQ(parse_data_folder("a=").folder, "a=");
}

TEST(DataFolder, IsTheWholeTextWhereThatFolderExists) {
  const test::TemporaryFolder folder;
  fs::create_directory(folder / "take=2");
  EXPECT_EQ(parse_data_folder((folder / "take=2").string()).folder, folder / "take=2");
  EXPECT_EQ(parse_data_folder((folder / "take=2").string()).weight, 1.0);
  EXPECT_EQ(parse_data_folder((folder / "take=2=3").string()).folder, folder / "take=2");
  EXPECT_EQ(parse_data_folder((folder / "take=2=3").string()).weight, 3.0);
}

TEST(DataFolder, RefusesAWeightThatIsNotAboveZeroAndFinite) {
  for (const char* text : {"a=0", "a=-1", "a=inf", "a=nan", "a=1e999", "=2"}) {
    const Error error = error_of([&] { static_cast<void>(parse_data_folder(text)); });
    EXPECT_EQ(error.kind(), ErrorKind::usage) << text;
    EXPECT_THAT(error.what(), HasSubstr(std::string(text) + ": expected DIR or DIR=WEIGHT"));
  }
}

TEST(Collection, ListsStemFilesAndFoldersOfPartsAsSongs) {
  const test::TemporaryFolder folder;
  for (const char* part : {"mixture", "vocals", "drums", "bass", "other"}) {
    touch(folder / "train" / "B - hq" / (std::string(part) + ".wav"));
  }
  touch(folder / "train" / "C - two" / "vocals.flac");
  touch(folder / "train" / "C - two" / "other.flac");
  touch(folder / "train" / "A - stems.stem.mp4");
  touch(folder / "train" / "notes.txt");
  touch(folder / "train" / "._A - stems.stem.mp4");
  touch(folder / "train" / "D - mixture alone" / "mixture.wav");
  touch(folder / "train" / "E - instrumental" / "other.wav");
  touch(folder / "test" / "F.stem.mp4");
  const std::vector<Item> items = list_items({.musdb = {{folder.path(), 2.5}}});
  EXPECT_THAT(names(items), ElementsAre("A - stems", "B - hq", "C - two"));
  for (const Item& item : items) {
    EXPECT_EQ(item.role, Role::song);
    EXPECT_EQ(item.weight, 2.5);
  }
  EXPECT_THAT(parts(items[0]), ElementsAre(Part::vocals, Part::drums, Part::bass, Part::other));
  EXPECT_EQ(items[0].sources[1].stem, Stem::drums);
  EXPECT_THAT(parts(items[1]), ElementsAre(Part::vocals, Part::drums, Part::bass, Part::other));
  EXPECT_EQ(items[1].sources[3].path.filename(), "other.wav");
  EXPECT_EQ(items[1].sources[3].stem, std::nullopt);
  EXPECT_THAT(parts(items[2]), ElementsAre(Part::vocals, Part::other));
}

TEST(Collection, ListsAudioOfAnyFormatInSubfoldersToo) {
  const test::TemporaryFolder folder;
  for (const char* file :
       {"v/b.opus", "v/anna/a.WAV", "v/anna/a.txt", "v/.trash/c.wav", "v/cover.jpg", "a/x.mp3"}) {
    touch(folder / file);
  }
  const std::vector<Item> items =
      list_items({.vocals = {{folder / "v/"}}, .accompaniment = {{folder / "a"}}});
  EXPECT_THAT(names(items), ElementsAre("anna/a.WAV", "b.opus", "x.mp3"));
  EXPECT_EQ(items[0].role, Role::vocals);
  EXPECT_THAT(parts(items[0]), ElementsAre(Part::vocals));
  EXPECT_EQ(items[2].role, Role::accompaniment);
  EXPECT_THAT(parts(items[2]), ElementsAre(Part::other));
}

TEST(Collection, SaysWhatAFolderLacks) {
  const test::TemporaryFolder folder;
  const auto fails = [](const DatasetOptions& options) {
    return error_of([&] { static_cast<void>(list_items(options)); });
  };
  const Error missing = fails({.musdb = {{folder / "no"}}});
  EXPECT_EQ(missing.kind(), ErrorKind::input);
  EXPECT_THAT(missing.what(), HasSubstr((folder / "no/train").string() + ": No such file"));
  EXPECT_THAT(missing.what(), HasSubstr("expected MUSDB18 (train/*.stem.mp4) or a folder per song"));

  fs::create_directories(folder / "train");
  EXPECT_THAT(fails({.musdb = {{folder.path()}}}).what(), HasSubstr("train: no song; expected MUSDB18"));

  touch(folder / "v/readme.txt");
  const Error empty = fails({.vocals = {{folder / "v"}}, .accompaniment = {{folder / "v"}}});
  EXPECT_EQ(empty.kind(), ErrorKind::input);
  EXPECT_THAT(empty.what(),
              HasSubstr((folder / "v").string() + ": no audio file; expected recordings of voices"));
}

TEST(Collection, WantsSongsOrBothVoicesAndAccompaniments) {
  for (const DatasetOptions& options : {DatasetOptions{}, {.vocals = {{"v"}}}, {.accompaniment = {{"a"}}}}) {
    const Error error = error_of([&] { static_cast<void>(list_items(options)); });
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), HasSubstr("expected --musdb, or both --vocals and --accompaniment"));
  }
}

TEST(Split, SetsSongsAsideAsMusdbDoes) {
  auto songs =
      recordings(Role::song, {"Zeno - Signs", "Leaf - Summerghost", "A Classic Education - NightOwl"});
  split_recordings(songs);
  EXPECT_THAT(held_out(songs, Role::song), ElementsAre("Leaf - Summerghost"));
  auto others = recordings(Role::song, {"c", "b", "a"});  // the last seventh by name, not by place
  split_recordings(others);
  EXPECT_THAT(held_out(others, Role::song), ElementsAre("c"));
}

TEST(Split, HoldsOutAboutASixteenthOfManyVoices) {
  auto all = recordings(Role::vocals, numbered(2000));
  append(all, recordings(Role::accompaniment, numbered(2000)));
  split_recordings(all);
  EXPECT_NEAR(static_cast<double>(held_out(all, Role::vocals).size()), 125.0, 33.0);  // 3 standard deviations
  EXPECT_EQ(held_out(all, Role::vocals), held_out(all, Role::accompaniment));         // by the name alone
}

TEST(Split, DoesNotMoveTheOthersWhenAFileIsAdded) {
  auto before = recordings(Role::song, {"a", "b"});
  append(before, recordings(Role::vocals, numbered(200)));
  auto after = before;
  append(after, recordings(Role::vocals, {"a new one.wav", "zz.wav"}));
  std::reverse(after.begin(), after.end());
  split_recordings(before);
  split_recordings(after);
  auto expected = held_out(before, Role::vocals);
  auto got = held_out(after, Role::vocals);
  got.erase("a new one.wav");
  got.erase("zz.wav");
  EXPECT_EQ(got, expected);
}

TEST(Split, HoldsOutOneOfFewVoicesOnlyWhereNoSongValidates) {
  const auto held = [](std::size_t songs, std::size_t voices) {
    auto all = recordings(Role::song, numbered(songs));
    append(all, recordings(Role::vocals, numbered(voices)));
    append(all, recordings(Role::accompaniment, numbered(voices)));
    split_recordings(all);
    return std::pair(held_out(all, Role::song).size(), held_out(all, Role::vocals).size());
  };
  EXPECT_EQ(held(2, 1), std::pair(1UL, 0UL));
  EXPECT_EQ(held(2, 4), std::pair(1UL, 0UL));
  EXPECT_EQ(held(0, 2), std::pair(0UL, 1UL));
  EXPECT_EQ(held(1, 4), std::pair(0UL, 1UL));  // a single song is trained on
  for (std::size_t voices = 5; voices < 12; ++voices) EXPECT_GE(held(2, voices).second, 1UL);
}

TEST(Split, RefusesToLeaveASideWithoutMixtures) {
  auto one_song = recordings(Role::song, {"a"});
  auto one_pair = recordings(Role::vocals, {"a"});
  append(one_pair, recordings(Role::accompaniment, {"a"}));
  auto only_predefined = recordings(Role::song, {"Leaf - Summerghost", "ANiMAL - Rockshow"});
  std::vector<Recording> none;
  for (auto* few : {&one_song, &one_pair, &only_predefined, &none}) {
    const Error error = error_of([&] { split_recordings(*few); });
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_THAT(error.what(), HasSubstr("too few recordings"));
  }
}

}  // namespace
}  // namespace svsep
