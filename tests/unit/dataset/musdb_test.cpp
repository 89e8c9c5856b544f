#include "dataset/musdb.hpp"

#include "support/dataset.hpp"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace svsep {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> names(const std::vector<Track>& tracks) {
  std::vector<std::string> result;
  for (const Track& track : tracks) result.push_back(track.name);
  return result;
}

std::vector<Track> tracks_named(const std::vector<std::string>& names) {
  std::vector<Track> tracks;
  for (const std::string& name : names) tracks.push_back({name, name + ".stem.mp4"});
  return tracks;
}

TEST(Musdb, ListsTheStemFilesOfASubsetByName) {
  const test::TemporaryFolder folder;
  fs::create_directories(folder / "train" / "Folder.stem.mp4");
  fs::create_directories(folder / "test");
  for (const char* file : {"train/B - b.stem.mp4", "train/A - ä.STEM.MP4", "train/notes.txt", "train/C.mp4",
                           "test/D.stem.mp4"}) {
    std::ofstream(folder / file) << "x";
  }
  EXPECT_THAT(names(list_tracks(folder.path(), Subset::train)), ElementsAre("A - ä", "B - b"));
  EXPECT_THAT(names(list_tracks(folder.path(), Subset::test)), ElementsAre("D"));
}

TEST(Musdb, SaysWhichFolderIsMissingOrEmpty) {
  const test::TemporaryFolder folder;
  const Error missing = error_of([&] { static_cast<void>(list_tracks(folder / "no", Subset::train)); });
  EXPECT_EQ(missing.kind(), ErrorKind::input);
  EXPECT_THAT(missing.what(), HasSubstr((folder / "no" / "train").string() + ": No such file"));
  fs::create_directories(folder / "train");
  const Error empty = error_of([&] { static_cast<void>(list_tracks(folder.path(), Subset::train)); });
  EXPECT_EQ(empty.kind(), ErrorKind::input);
  EXPECT_THAT(empty.what(), HasSubstr("expected *.stem.mp4, got none"));
}

TEST(Musdb, SetsThePredefinedValidationTracksAside) {
  const Split split = split_tracks(tracks_named(
      {"A Classic Education - NightOwl", "ANiMAL - Rockshow", "Leaf - Summerghost", "Zeno - Signs"}));
  EXPECT_TRUE(split.predefined);
  EXPECT_THAT(names(split.training), ElementsAre("A Classic Education - NightOwl", "Zeno - Signs"));
  EXPECT_THAT(names(split.validation), ElementsAre("ANiMAL - Rockshow", "Leaf - Summerghost"));
}

TEST(Musdb, SetsTheLastSeventhAsideWhereNoneIsPredefined) {
  const Split two = split_tracks(tracks_named({"a", "b"}));
  EXPECT_FALSE(two.predefined);
  EXPECT_THAT(names(two.training), ElementsAre("a"));
  EXPECT_THAT(names(two.validation), ElementsAre("b"));
  const Split eight = split_tracks(tracks_named({"a", "b", "c", "d", "e", "f", "g", "h"}));
  EXPECT_THAT(names(eight.validation), ElementsAre("g", "h"));
  EXPECT_EQ(eight.training.size(), 6U);
}

TEST(Musdb, RefusesToSplitWhatLeavesASideEmpty) {
  for (const auto& few : {tracks_named({}), tracks_named({"a"}), tracks_named({"Leaf - Summerghost"})}) {
    const Error error = error_of([&] { static_cast<void>(split_tracks(few)); });
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_THAT(error.what(), HasSubstr("too few tracks"));
  }
}

TEST(Musdb, KnowsHowLongATrackIs) {
  const test::TemporaryFolder folder;
  EXPECT_NEAR(common_duration_s({"a", test::write_track(folder.path(), "a", {.seconds = 1.5})}), 1.5, 1e-3);
  const Error error = error_of([&] {
    static_cast<void>(common_duration_s({"b", test::write_track(folder.path(), "b", {.streams = 4})}));
  });
  EXPECT_EQ(error.kind(), ErrorKind::input);
  EXPECT_THAT(error.what(), HasSubstr("expected 5 audio streams, got 4"));
}

}  // namespace
}  // namespace svsep
