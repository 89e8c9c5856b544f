#include "song/inputs.hpp"

#include "support/temporary_folder.hpp"
#include "svsep/error.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
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

  /// "folder below|path in the test's folder|name" of every song.
  std::vector<std::string> find(const std::vector<std::string>& arguments, const std::string& list = {},
                                bool list_has_nulls = false) {
    std::vector<std::string> lines;
    for (const Song& song : find_songs({arguments, list, list_has_nulls, "piped", folder_ / "out"}).songs) {
      const std::string path = song.path == kStdin ? "-" : fs::relative(song.path, folder_.path()).string();
      lines.push_back(song.folder.string() + "|" + path + "|" + song.name);
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

TEST_F(FindSongs, ReadsAListWithCommentsBlankLinesAndCarriageReturns) {
  std::ofstream(folder_ / "list") << "# songs\n\n   \n" << at("b.wav") << "\r\n" << at("a *.wav");
  EXPECT_EQ(find({}, at("list")), (Lines{"|a *.wav|a *", "|b.wav|b"}));
}

TEST_F(FindSongs, PassesOverAByteOrderMark) {
  std::ofstream(folder_ / "list") << "\xEF\xBB\xBF" << at("a.wav") << "\r\n";
  EXPECT_EQ(find({}, at("list")), (Lines{"|a.wav|a"}));
}

TEST_F(FindSongs, RefusesAListInUtf16) {
  std::ofstream(folder_ / "list", std::ios::binary) << "\xFF\xFE" << std::string("a\0\n\0", 4);
  try {
    find({}, at("list"));
    ADD_FAILURE() << "read it";
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), "cannot read: " + at("list") + ": is UTF-16; expected UTF-8");
  }
}

TEST_F(FindSongs, TakesALineThatBeginsWithANumberSignWhereAFileHasThatName) {
  touch("m/#9 Dream.wav");
  std::ofstream(folder_ / "m/list.m3u8") << "#EXTM3U\n#EXTINF:3,Dream\n#9 Dream.wav\n#10.wav\n";
  EXPECT_EQ(find({}, at("m/list.m3u8")), (Lines{"|m/#9 Dream.wav|#9 Dream"}));
}

TEST_F(FindSongs, FindsTheSongsOfAPlaylistInItsOwnFolder) {
  for (const char* name : {"m/a.wav", "m/b/c.mp3"}) touch(name);
  std::ofstream(folder_ / "m/list.M3U") << "a.wav\nb/c.mp3\n" << at("d.wav") << "\n";
  const Lines expected = {"|d.wav|d", "|m/a.wav|a", "|m/b/c.mp3|c"};
  EXPECT_EQ(find({}, at("m/list.M3U")), expected);
  EXPECT_EQ(find({at("m/list.M3U")}), expected) << "given as a song";
}

TEST_F(FindSongs, TakesEveryByteBetweenTheNulsOfAList) {
  std::ofstream(folder_ / "list") << at("two\nlines.wav") << '\0' << at("#1.wav") << '\0' << at("b.wav\r");
  EXPECT_EQ(find({}, at("list")), find({}, at("list"), true)) << "a NUL says it too";
  EXPECT_EQ(find({}, at("list"), true), (Lines{"|#1.wav|#1", "|b.wav\r|b", "|two\nlines.wav|two\nlines"}));
}

TEST_F(FindSongs, NamesAFolderThatCannotBeReadAndGoesOn) {
  touch("in/a.wav");
  fs::create_directories(folder_ / "in/closed");
  fs::permissions(folder_ / "in/closed", fs::perms::none);
  if (::geteuid() == 0) GTEST_SKIP() << "root may read every folder";
  const FoundSongs found = find_songs({{at("in")}, "", false, "", "out"});
  ASSERT_EQ(found.songs.size(), 1U);
  ASSERT_EQ(found.unreadable.size(), 1U);
  EXPECT_EQ(found.unreadable[0].path, folder_ / "in/closed");
}

TEST(SongName, IsTheFilesWithoutItsExtensionsUnlessOnlyDotsWouldBeLeft) {
  EXPECT_EQ(song_name("d/My Song.stem.mp4"), "My Song");
  EXPECT_EQ(song_name("F.O.O..mp3"), "F.O.O.");
  EXPECT_EQ(song_name("d/..mp3"), "..mp3");
  EXPECT_EQ(song_name("...mp3"), "...mp3");
  EXPECT_EQ(song_name("....mp3"), "...");
}

TEST_F(FindSongs, TakesEachSongOnceInTheOrderOfTheirPaths) {
  for (const char* name : {"z.wav", "a.wav", "in/m.wav"}) touch(name);
  EXPECT_EQ(find({at("z.wav"), at("in"), at("a.wav"), at("in"), at("z.wav")}),
            (Lines{"|a.wav|a", "|in/m.wav|m", "|z.wav|z"}));
}

TEST_F(FindSongs, KeepsWhatDoesNotExistSoThatItFailsByItself) {
  EXPECT_EQ(find({at("missing.wav")}), (Lines{"|missing.wav|missing"}));
}

TEST_F(FindSongs, NamesStandardInputAsToldTo) { EXPECT_EQ(find({"-"}), (Lines{"|-|piped"})); }

TEST_F(FindSongs, FailsWhereThereIsNoSongAtAll) {
  fs::create_directory(folder_ / "empty");
  std::ofstream(folder_ / "list") << "# nothing\n";
  try {
    find({at("empty")});
    ADD_FAILURE() << "found something";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_EQ(error.what(), "no song found in: " + at("empty"));
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
