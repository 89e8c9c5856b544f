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

TEST(Musdb, ListsTheSongsOfMusdb18HqWithTheirPartsInAnyCase) {
  const test::TemporaryFolder folder;
  fs::create_directories(folder / "test" / "A - a");
  for (const char* file :
       {"mixture.wav", "Vocals.wav", "drums.WAV", "bass.flac", "other.wav", "._bass.wav"}) {
    std::ofstream(folder / "test" / "A - a" / file) << "x";
  }
  const std::vector<Track> tracks = list_tracks(folder.path(), Subset::test);
  ASSERT_EQ(tracks.size(), 1U);
  EXPECT_EQ(tracks[0].name, "A - a");
  EXPECT_FALSE(tracks[0].is_stem_file);
  EXPECT_EQ(tracks[0].mixture.filename(), "mixture.wav");
  ASSERT_EQ(tracks[0].sources.size(), 4U);
  EXPECT_EQ(tracks[0].sources[0].path.filename(), "Vocals.wav");
  EXPECT_EQ(tracks[0].sources[2].path.filename(), "bass.flac");
}

TEST(Musdb, ListsTheStemFilesOfASubsetByName) {
  const test::TemporaryFolder folder;
  fs::create_directories(folder / "train" / "Folder.stem.mp4");  // no song
  fs::create_directories(folder / "test");
  for (const char* file : {"train/B - b.stem.mp4", "train/A - ä.STEM.MP4", "train/notes.txt", "train/C.mp4",
                           "test/D.stem.mp4", "train/._B - b.stem.mp4"}) {
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
  EXPECT_THAT(empty.what(), HasSubstr("no song; expected MUSDB18 (train/*.stem.mp4)"));
}

TEST(Musdb, SetsThePredefinedValidationSongsAside) {
  EXPECT_THAT(
      validation_songs({"A Classic Education - NightOwl", "ANiMAL - Rockshow", "Leaf - Summerghost", "Zeno"}),
      ElementsAre(false, true, true, false));
}

TEST(Musdb, SetsTheLastSeventhAsideWhereNoneIsPredefined) {
  EXPECT_THAT(validation_songs({"a", "b"}), ElementsAre(false, true));
  EXPECT_THAT(validation_songs({"a", "b", "c", "d", "e", "f", "g", "h"}),
              ElementsAre(false, false, false, false, false, false, true, true));
}

}  // namespace
}  // namespace svsep
