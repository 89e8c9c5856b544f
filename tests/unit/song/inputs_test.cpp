#include "song/inputs.hpp"

#include "support/temporary_folder.hpp"
#include "svsep/error.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace svsep {
namespace {

namespace fs = std::filesystem;

class FindSongs : public ::testing::Test {
 protected:
  void touch(const fs::path& name) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << "x";
  }
  [[nodiscard]] std::string at(const std::string& name) const { return (folder_ / name).string(); }

  /// "folder below|path in the test's folder|track" of every song.
  std::vector<std::string> find(const std::vector<std::string>& arguments, const std::string& list = {}) {
    std::vector<std::string> lines;
    for (const Song& song : find_songs({arguments, list, "piped", folder_ / "out"})) {
      const std::string path = song.path == kStdin ? "-" : fs::relative(song.path, folder_.path()).string();
      lines.push_back(song.folder.string() + "|" + path + "|" + song.track);
    }
    return lines;
  }

  test::TemporaryFolder folder_;
};

using Lines = std::vector<std::string>;

TEST_F(FindSongs, TakesTheMediaFilesBelowAFolderAndMirrorsItsSubFolders) {
  for (const char* name : {"in/b.mp3", "in/A.FLAC", "in/x/y/c.stem.mp4", "in/cover.jpg", "in/.hidden.mp3",
                           "in/.git/d.wav", "in/notes.txt", "in/unfinished.wav.12.part"}) {
    touch(name);
  }
  EXPECT_EQ(find({at("in")}), (Lines{"|in/A.FLAC|A", "|in/b.mp3|b", "x/y|in/x/y/c.stem.mp4|c"}));
}

TEST_F(FindSongs, LeavesOutTheFolderOfTheOutputs) {
  touch("a.wav");
  touch("out/a/vocals.wav");
  EXPECT_EQ(find({folder_.path().string()}), (Lines{"|a.wav|a"}));
}

TEST_F(FindSongs, RefusesTheFolderOfTheOutputsAsAnInput) {
  touch("out/a.wav");
  EXPECT_THROW(find({at("out")}), Error);
}

TEST_F(FindSongs, DoesNotFollowLinksToFolders) {
  touch("in/a.wav");
  fs::create_directory_symlink(folder_ / "in", folder_ / "in/again");
  EXPECT_EQ(find({at("in")}), (Lines{"|in/a.wav|a"}));
}

TEST_F(FindSongs, ExpandsPatternsUnlessAFileHasThatName) {
  for (const char* name : {"a1.mp3", "a2.mp3", "b.mp3", "take [1].mp3", "take 1.mp3"}) touch(name);
  EXPECT_EQ(find({at("a?.mp3")}), (Lines{"|a1.mp3|a1", "|a2.mp3|a2"}));
  EXPECT_EQ(find({at("take [1].mp3")}), (Lines{"|take [1].mp3|take [1]"}));
}

TEST_F(FindSongs, ReadsAListWithCommentsBlankLinesAndCarriageReturns) {
  std::ofstream(folder_ / "list") << "# songs\n\n   \n" << at("b.wav") << "\r\n" << at("a *.wav");
  EXPECT_EQ(find({}, at("list")), (Lines{"|a *.wav|a *", "|b.wav|b"}));
}

TEST_F(FindSongs, TakesEachSongOnceInTheOrderOfTheirPaths) {
  for (const char* name : {"z.wav", "a.wav", "in/m.wav"}) touch(name);
  EXPECT_EQ(find({at("z.wav"), at("in"), at("a.wav"), at("in"), at("*.wav")}),
            (Lines{"|a.wav|a", "|in/m.wav|m", "|z.wav|z"}));
}

TEST_F(FindSongs, KeepsWhatDoesNotExistSoThatItFailsByItself) {
  EXPECT_EQ(find({at("missing.wav")}), (Lines{"|missing.wav|missing"}));
}

TEST_F(FindSongs, NamesStandardInputAsToldTo) { EXPECT_EQ(find({"-"}), (Lines{"|-|piped"})); }

TEST_F(FindSongs, FailsWhereThereIsNoSongAtAll) {
  fs::create_directory(folder_ / "empty");
  std::ofstream(folder_ / "list") << "# nothing\n";
  for (const Lines& arguments : {Lines{at("empty")}, Lines{at("*.mp3")}}) {
    try {
      find(arguments);
      ADD_FAILURE() << "found something";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input);
      EXPECT_EQ(error.what(), "no song found in: " + arguments.front());
    }
  }
  EXPECT_THROW(find({}, at("list")), Error);
  EXPECT_THROW(find({}, at("no such list")), Error);
}

TEST(ParseShard, TakesIOfN) {
  EXPECT_EQ(parse_shard("3/12").index, 3U);
  EXPECT_EQ(parse_shard("3/12").count, 12U);
}

TEST(ParseShard, RefusesAnythingElse) {
  for (const char* text :
       {"", "1", "0/3", "4/3", "1/", "/3", "1/3x", "-1/3", "a/b", "1/99999999999999999999"}) {
    EXPECT_THROW(static_cast<void>(parse_shard(text)), Error) << text;
  }
}

}  // namespace
}  // namespace svsep
