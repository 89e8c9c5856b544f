#include "separate_fixture.hpp"
#include "support/terminal.hpp"

#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

namespace svsep {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

class SeparateBatch : public test::SeparateTest {
 protected:
  void expect_holds(const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << "no \"" << part << "\" in:\n" << text;
  }
};

TEST_F(SeparateBatch, GivesTheSameBytesWhateverTheNumberOfJobs) {
  for (const char* name : {"in/a.wav", "in/b.wav", "in/c.wav"}) write_song(name, 9000, 2);
  ASSERT_EQ(separate({"in", "-o", "one"}).exit_code, 0);
  ASSERT_EQ(separate({"in", "-o", "three", "--jobs", "3"}).exit_code, 0);
  ASSERT_EQ(files("one"), files("three"));
  for (const std::string& name : files("one")) {
    EXPECT_EQ(test::bytes_of(folder_ / "one" / name), test::bytes_of(folder_ / "three" / name)) << name;
  }
}

TEST_F(SeparateBatch, GoesOnAfterBadSongsAndSumsUp) {
  for (const char* name : {"in/a.wav", "in/c.wav", "in/e.wav"}) write_song(name);
  std::ofstream(folder_ / "in/b.mp3") << "no audio";
  std::ofstream(folder_ / "in/d.flac") << "";
  ASSERT_EQ(separate({"in/e.wav"}).exit_code, 0);
  for (const char* jobs : {"1", "2"}) {
    fs::remove_all(folder_ / "separated/a");
    const test::RunResult result = separate({"in", "--skip-existing", "--jobs", jobs});
    EXPECT_EQ(result.exit_code, 6);
    expect_holds(result.err, "2 failed");
    expect_holds(result.err, "failed: cannot decode: in/b.mp3: ");
    expect_holds(result.err, "failed: cannot decode: in/d.flac: ");
    expect_holds(result.err, "svsep: error: 2 of 5 songs failed");
    expect_stems("a", 22050, 1, 2000);
    expect_stems("c", 22050, 1, 2000);
  }
}

TEST_F(SeparateBatch, StopsAtOnceWhereNoSongCouldDo) {
  for (const char* name : {"in/a.wav", "in/b.wav"}) write_song(name);
  expect_failure(separate({"in", "--quiet", "--device", "cuda:99"}), 1, {"cuda:99"});
}

TEST_F(SeparateBatch, SkipsOnlySongsThatHaveAllOutputs) {
  write_song("song.wav");
  ASSERT_EQ(separate({"song.wav"}).exit_code, 0);
  const test::RunResult again = separate({"song.wav", "--skip-existing"});
  EXPECT_EQ(again.exit_code, 0);
  expect_holds(again.err, "skipped");
  fs::remove(folder_ / "separated/song/vocals.wav");
  EXPECT_EQ(separate({"song.wav", "--skip-existing"}).exit_code, 0);
  expect_stems("song", 22050, 1, 2000);
}

TEST_F(SeparateBatch, StopsAllJobsOnASignalAndLeavesNothingBehind) {
  for (const char* name : {"in/a.wav", "in/b.wav"}) write_song(name, 22050 * 90);
  for (const Names& options : {Names{}, Names{"--clip", "rescale"}, Names{"--format", "stem.mp4"}}) {
    Names arguments = {"--jobs", "2", "in"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    EXPECT_EQ(separate_until_it_writes(arguments, SIGINT), 128 + SIGINT);
    expect_holds(log(), "stopped by signal 2");
    EXPECT_FALSE(fs::exists(folder_ / "separated"));
  }
}

TEST_F(SeparateBatch, StopsWhileItWaitsForAPipe) {
  write_song("song.wav", 2000);
  for (const Names& arguments : {Names{"-"}, Names{"--list", "-"}}) {
    const test::OpenPipe pipe(arguments.size() == 1 ? test::bytes_of(folder_ / "song.wav") : "song.wav\n");
    EXPECT_EQ(run_until(
                  arguments, SIGTERM, [&] { return pipe.is_empty(); }, pipe.reading_end()),
              128 + SIGTERM);
    EXPECT_FALSE(fs::exists(folder_ / "separated"));
  }
}

TEST_F(SeparateBatch, GoesOnBesideAFolderThatCannotBeRead) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read every folder";
  write_song("in/a.wav");
  fs::create_directories(folder_ / "in/closed");
  fs::permissions(folder_ / "in/closed", fs::perms::none);
  const test::RunResult result = separate({"in"});
  EXPECT_EQ(result.exit_code, 6);
  expect_holds(result.err, "cannot read: in/closed: Permission denied");
  expect_stems("a", 22050, 1, 2000);
}

TEST_F(SeparateBatch, DoesSongsOfOneNameInSeveralFoldersAndFormats) {
  for (const char* name : {"A/01 Intro.wav", "B/01 Intro.wav", "B/02.wav"}) write_song(name);
  test::run_ffmpeg({"-i", (folder_ / "B/02.wav").string(), (folder_ / "B/02.flac").string()});
  const test::RunResult result = separate({"A", "B", "--stems", "vocals"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(files("separated"), (Names{"02 (flac)/vocals.wav", "02 (wav)/vocals.wav", "A/01 Intro/vocals.wav",
                                       "B/01 Intro/vocals.wav"}));
}

TEST_F(SeparateBatch, RemovesOldRemainsOfARunThatWasKilledAndLeavesOthersAlone) {
  write_song("song.wav");
  const fs::path stems = folder_ / "separated/song";
  fs::create_directories(stems);
  const auto leave = [&](const std::string& name, std::chrono::hours age) {
    std::ofstream(stems / name) << "x";
    fs::last_write_time(stems / name, fs::file_time_type::clock::now() - age);
  };
  leave("vocals.wav.0123456789abcdef.part", std::chrono::hours(2));
  leave("accompaniment.wav.00123456789abcde.part", std::chrono::hours(0));  // somebody may be at work
  leave("movie.part", std::chrono::hours(2));
  leave("other.0123456789abcdeg.part", std::chrono::hours(2));
  ASSERT_EQ(separate({"song.wav", "--stems", "vocals"}).exit_code, 0);
  EXPECT_EQ(files("separated/song"), (Names{"accompaniment.wav.00123456789abcde.part", "movie.part",
                                            "other.0123456789abcdeg.part", "vocals.wav"}));
}

TEST_F(SeparateBatch, LeavesNothingBehindWhenTheDiskIsFullWhateverTheFormat) {
  test::write_wav_s16(folder_ / "song.wav", test::noise(400000), 22050);
  for (const char* options : {"--format wav32f", "--format flac", "--format mp3 --bitrate 320",
                              "--format opus", "--clip rescale", "--format stem.mp4 --bitrate 320"}) {
    const test::RunResult result =
        test::run({"/bin/bash", "-c",
                   "ulimit -f 50; trap '' XFSZ; " + separate_line() + "--quiet song.wav " + options});
    expect_failure(result, 4, {"File too large"});
  }
}

TEST_F(SeparateBatch, SaysThatStandardOutputCannotBeWritten) {
  write_song("song.wav", 50000);
  const test::RunResult result =
      test::run_shell(separate_line() + "--quiet song.wav -o - --stems vocals >/dev/full");
  EXPECT_EQ(result.exit_code, 4);
  expect_holds(result.err, "No space left on device");
}

TEST_F(SeparateBatch, SaysWhichDeviceItUsesAndWhy) {
  write_song("song.wav");
  expect_holds(separate({"song.wav", "--device", "cpu"}).err, "device cpu (as asked)");
}

TEST_F(SeparateBatch, DrawsBarsOnATerminalThatLogLinesDoNotBreak) {
  for (const char* name : {"in/first.wav", "in/second.wav", "in/third.wav"}) write_song(name, 22050 * 12);
  const test::RunResult result = test::run_in_terminal(
      {SVSEP_BINARY, "separate", "--threads", "1", "--model", model_.string(), "in", "--jobs", "2"},
      folder_.path());
  EXPECT_EQ(result.exit_code, 0) << result.out;
  expect_holds(result.out, "all songs [");
  expect_holds(result.out, "first [");
  // Every line that stays begins where a bar was erased, and holds nothing of a bar.
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t log = line.find("svsep: ");
    if (log == std::string::npos) continue;
    EXPECT_TRUE(log == 0 || line[log - 1] == 'K') << line;
    EXPECT_EQ(line.find("[#", log), std::string::npos) << line;
  }
  const std::string end = result.out.substr(result.out.rfind("\033[K"));
  EXPECT_EQ(end.find(" ["), std::string::npos) << "the bars go away: " << end;
}

TEST_F(SeparateBatch, DrawsNoBarsInALog) {
  write_song("song.wav", 22050 * 4);
  EXPECT_EQ(separate({"song.wav"}).err.find('\033'), std::string::npos);
}

}  // namespace
}  // namespace svsep
