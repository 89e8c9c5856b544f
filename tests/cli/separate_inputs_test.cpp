#include "separate_fixture.hpp"

#include <fstream>
#include <string>
#include <vector>

namespace svsep {
namespace {

using test::decode;
using Names = std::vector<std::string>;

class SeparateInputs : public test::SeparateTest {
 protected:
  void SetUp() override { write_song("song.wav", 3001, 2); }

  void expect_usage_error(const Names& arguments, const Names& parts) {
    expect_failure(separate(arguments), 2, parts);
  }
};

TEST_F(SeparateInputs, TakesFilesFoldersPlaylistsAndListsTogether) {
  for (const char* name : {"in/a.wav", "in/sub/b.wav", "p1.wav", "p2.wav", "listed.wav"}) write_song(name);
  std::ofstream(folder_ / "in/readme.txt") << "no song";
  std::ofstream(folder_ / "list.txt") << "# songs\n\nlisted.wav\n";
  std::ofstream(folder_ / "p.m3u8") << "#EXTM3U\np1.wav\np2.wav\n";
  const test::RunResult result =
      separate({"song.wav", "in", "p.m3u8", "--list", "list.txt", "--stems", "vocals"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(files("separated"), (Names{"a/vocals.wav", "listed/vocals.wav", "p1/vocals.wav", "p2/vocals.wav",
                                       "song/vocals.wav", "sub/b/vocals.wav"}));
}

TEST_F(SeparateInputs, ReadsAListFromStandardInput) {
  EXPECT_EQ(separate_stdin("song.wav\n", {"--list", "-"}).exit_code, 0);
  expect_stems("song", 22050, 2, 3001);
}

TEST_F(SeparateInputs, ReadsPathsThatEndInANul) {
  write_song("two\nlines.wav");
  EXPECT_EQ(
      separate_stdin(std::string("song.wav\0two\nlines.wav\0", 24), {"--null", "--list", "-"}).exit_code, 0);
  expect_stems("two\nlines", 22050, 1, 2000);
  std::filesystem::remove_all(folder_ / "separated");
  expect_usage_error({"song.wav", "--null"}, {"--null", "--list"});
}

TEST_F(SeparateInputs, ReadsASongFromAPipe) {
  test::run_ffmpeg({"-i", (folder_ / "song.wav").string(), (folder_ / "song.mp3").string()});
  const test::RunResult result =
      test::run_shell(separate_line() + "-o piped - <song.wav && cat song.mp3 | '" SVSEP_BINARY
                                        "' separate --model tiny.safetensors -o piped - --name 'My Song'");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  expect_audio("piped/stdin/vocals.wav", 22050, 2, 3001);
  expect_audio("piped/My Song/accompaniment.wav", 22050, 2, 3001);
}

TEST_F(SeparateInputs, WritesOneStemToStandardOutputAndNothingElse) {
  ASSERT_EQ(separate({"song.wav"}).exit_code, 0);
  const test::RunResult result = separate({"song.wav", "-o", "-", "--stems", "vocals"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out.rfind("RIFF", 0), 0U);
  std::ofstream(folder_ / "vocals.wav", std::ios::binary) << result.out;
  EXPECT_EQ(decode(folder_ / "vocals.wav").channels, decode(folder_ / "separated/song/vocals.wav").channels);
}

TEST_F(SeparateInputs, StandsBetweenTwoPrograms) {
  for (const char* format : {"wav24", "flac", "mp3", "m4a", "ogg", "opus"}) {
    const test::RunResult result = test::run(
        {"/bin/bash", "-c",
         "set -o pipefail; " + separate_line() + "--quiet -o - --stems accompaniment --format " + format +
             " - <song.wav | ffmpeg -v error -y -i - -c:a pcm_s16le back.wav && rm back.wav"});
    EXPECT_EQ(result.exit_code, 0) << format << ": " << result.err;
    EXPECT_EQ(result.err, "") << format;
  }
}

TEST_F(SeparateInputs, MirrorsSubFoldersAndNeverTakesItsOutputsAsInputs) {
  write_song("music/one/a.wav");
  write_song("music/two/a.wav");
  for (int time = 0; time < 2; ++time) {
    const test::RunResult result =
        separate({"music", "-o", "music/stems", "--stems", "vocals", "--skip-existing"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(files("music"),
              (Names{"one/a.wav", "stems/one/a/vocals.wav", "stems/two/a/vocals.wav", "two/a.wav"}));
  }
}

TEST_F(SeparateInputs, SharesTheSongsOutToShards) {
  for (const char* name : {"in/a.wav", "in/b.wav", "in/c.wav"}) write_song(name);
  const test::RunResult second = separate({"in", "--shard", "2/2", "--stems", "vocals"});
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(files("separated"), (Names{"b/vocals.wav"}));
  EXPECT_EQ(separate({"in", "--shard", "1/2", "--stems", "vocals"}).exit_code, 0);
  EXPECT_EQ(files("separated"), (Names{"a/vocals.wav", "b/vocals.wav", "c/vocals.wav"}));
  EXPECT_EQ(separate({"in", "--shard", "9/9"}).exit_code, 0);
}

TEST_F(SeparateInputs, LetsAScriptRunTheShardsOfAFolderSideBySide) {
  for (const char* name : {"in/a.wav", "in/b c.wav", "in/sub/d.wav"}) write_song(name);
  const std::string script =
      "SVSEP='" SVSEP_BINARY "' '" SVSEP_SOURCE_DIR "/scripts/separate_folder.sh' -n 2 in out ";
  const std::string options = "--model tiny.safetensors --threads 1 --stems vocals";
  const std::string go = "cd '" + folder_.path().string() + "'; ";
  const test::RunResult result = test::run_shell(go + script + options);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(files("out"), (Names{"a/vocals.wav", "b c/vocals.wav", "sub/d/vocals.wav"}));
  std::ofstream(folder_ / "in/bad.wav") << "no audio";
  EXPECT_EQ(test::run_shell(go + script + options + " --skip-existing").exit_code, 6);
}

TEST_F(SeparateInputs, FailsWhereThereIsNoSong) {
  std::filesystem::create_directory(folder_ / "empty");
  std::ofstream(folder_ / "list.txt") << "# nothing\n";
  expect_failure(separate({"empty"}), 3, {"no song found in: empty"});
  expect_failure(separate({"--list", "list.txt"}), 3, {"no song found"});
  expect_failure(separate({"--list", "missing.txt"}), 3, {"missing.txt", "No such file"});
}

TEST_F(SeparateInputs, RefusesWhatCannotGoTogether) {
  expect_usage_error({}, {"nothing to separate"});
  expect_usage_error({"song.wav", "--overwrite", "--skip-existing"}, {"--overwrite", "--skip-existing"});
  expect_usage_error({"song.wav", "--vocal-gain", "3"}, {"--vocal-gain", "--karaoke"});
  expect_usage_error({"song.wav", "--acc-gain", "-3"}, {"--acc-gain", "--karaoke"});
  expect_usage_error({"song.wav", "--karaoke", "--stems", "vocals"}, {"--karaoke", "--stems"});
  expect_usage_error({"song.wav", "--karaoke", "--vocal-gain", "nan"}, {"--vocal-gain"});
  expect_usage_error({"song.wav", "--karaoke", "--vocal-gain", "61"}, {"--vocal-gain"});
  expect_usage_error({"song.wav", "--stems", "drums"}, {"--stems", "drums"});
  expect_usage_error({"song.wav", "--stems", "vocals,"}, {"--stems"});
  expect_usage_error({"song.wav", "--format", "wma"}, {"--format", "wma"});
  expect_usage_error({"song.wav", "--format", "flac", "--bitrate", "128"}, {"--bitrate", "--format flac"});
  expect_usage_error({"song.wav", "--format", "stem.mp4", "--stems", "rest"}, {"--stems", "rest"});
  expect_usage_error({"song.wav", "--format", "stem.mp4", "--karaoke"}, {"stem.mp4", "--karaoke"});
  expect_usage_error({"song.wav", "-o", "-"}, {"--output -", "--stems"});
  expect_usage_error({"song.wav", "-o", "-", "--stems", "vocals", "--json"}, {"--output -", "--json"});
  expect_usage_error({"song.wav", "-o", "-", "--stems", "vocals", "--plot"}, {"--output -", "--plot"});
  expect_usage_error({"song.wav", "x.wav", "-o", "-", "--stems", "vocals"}, {"--output -", "one song"});
  expect_usage_error({"song.wav", "--name", "x"}, {"--name"});
  expect_usage_error({"-", "--name", "a/b"}, {"--name"});
  expect_usage_error({"-", "--list", "-"}, {"--list -"});
  expect_usage_error({"song.wav", "--shard", "3/2"}, {"--shard", "3/2"});
  expect_usage_error({"song.wav", "--output-template", "{song}.{ext}"}, {"--output-template", "{song}"});
  expect_usage_error({"song.wav", "--output-template", "../{stem}.{ext}"}, {"--output-template", "out of"});
  expect_usage_error({"song.wav", "--output-template", "/tmp/{stem}.{ext}"}, {"--output-template", "out of"});
  expect_usage_error({"song.wav", "--output-template", "{name}.{ext}"}, {"--output-template", "{stem}"});
  expect_usage_error(
      {"song.wav", "--overwrite", "--output-template", "{name}.{ext}", "--stems", "vocals", "--output", "."},
      {"replace a song", "song.wav"});
  EXPECT_EQ(decode(folder_ / "song.wav").samples(), 3001U);
}

}  // namespace
}  // namespace svsep
