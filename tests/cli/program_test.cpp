#include "support/audio_files.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_model.hpp"
#include "svsep/encoder.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace svsep {
namespace {

void expect_holds(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "no \"" << part << "\" in:\n" << text;
}

TEST(Program, PrintsHelpAndVersionOnStdout) {
  const test::RunResult help = test::run_svsep({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_EQ(help.err, "");
  for (const char* verb : {"separate", "train", "info"}) expect_holds(help.out, verb);
  const test::RunResult version = test::run_svsep({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_EQ(version.out.rfind("svsep ", 0), 0U) << version.out;
  for (const char* part : {"\nrevision ", "\nLibTorch ", "\nFFmpeg "}) expect_holds(version.out, part);
}

TEST(Program, FailsWhereStdoutTakesNotAllThatIsPrinted) {
  for (const char* arguments :
       {"--version", "separate --help", "info '" SVSEP_GOLDEN_DIR "/cnn_tiny_f32.safetensors'"}) {
    const test::RunResult result =
        test::run_shell(std::string("'" SVSEP_BINARY "' ") + arguments + " >/dev/full");
    EXPECT_EQ(result.exit_code, 4) << arguments;
    EXPECT_EQ(result.err.rfind("svsep: error: cannot write: standard output: ", 0), 0U) << result.err;
  }
}

TEST(Program, TakesNoFileForAStandardStreamThatIsClosed) {
  const test::TemporaryFolder folder;
  const std::string pipe = (folder / "song").string();
  // Opening the pipe waits for the program, which would have it as its standard input.
  const test::RunResult result = test::run_shell(
      "mkfifo '" + pipe + "' && { '" SVSEP_BINARY "' info '" + pipe + "' <&- >&- 2>&- & } && exec 3>'" +
      pipe + "' && readlink /proc/$!/fd/0 /proc/$!/fd/1 /proc/$!/fd/2; exec 3>&-; wait");
  EXPECT_EQ(result.out, "/dev/null\n/dev/null\n/dev/null\n") << result.err;
}

TEST(Program, DoesNotLoadLibTorchBeforeItIsNeeded) {
  const test::RunResult result = test::run({"/bin/sh", "-c", "LD_DEBUG=libs '" SVSEP_BINARY "' --help 2>&1"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out.find("libtorch"), std::string::npos);
}

TEST(Info, TellsTheSameAsJson) {
  const test::TemporaryFolder folder;
  test::write_wav_s16(folder / "caf\xE9.wav", test::noise(44100 * 2, 2), 44100);
  const test::RunResult song = test::run_svsep({"info", "--json", (folder / "caf\xE9.wav").string()});
  EXPECT_EQ(song.exit_code, 0) << song.err;
  const nlohmann::json json = nlohmann::json::parse(song.out);
  EXPECT_EQ(json.at("file_percent_encoded"), (folder / "caf%E9.wav").string());
  EXPECT_EQ(json.at("audio_streams").at(0).at("codec"), "pcm_s16le");
  EXPECT_EQ(json.at("audio_streams").at(0).at("seconds"), 2.0);
  const test::RunResult model =
      test::run_svsep({"info", "--json", SVSEP_GOLDEN_DIR "/cnn_tiny_f32.safetensors"});
  EXPECT_EQ(model.exit_code, 0) << model.err;
  EXPECT_EQ(nlohmann::json::parse(model.out).at("stems"),
            (std::vector<std::string>{"vocals", "accompaniment"}));
}

TEST(Info, TellsWhatASongHolds) {
  const test::TemporaryFolder folder;
  test::write_wav_s16(folder / "song.wav", test::noise(44100 * 2, 2), 44100);
  const test::RunResult result = test::run_svsep({"info", (folder / "song.wav").string()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  expect_holds(result.out, "pcm_s16le, 44100 Hz, 2 channels, 0:02");
}

TEST(Info, TellsLanguagesSpeakersAndThatAFileIsCutOff) {
  const test::TemporaryFolder folder;
  test::write_wav_s16(folder / "song.wav", test::noise(44100 * 3, 6), 44100);
  test::run_ffmpeg({"-i", (folder / "song.wav").string(), "-i", (folder / "song.wav").string(), "-map", "0",
                    "-map", "1", "-channel_layout:a", "5.1", "-metadata:s:a:0", "language=fra", "-c:a",
                    "flac", (folder / "film.mkv").string()});
  std::filesystem::resize_file(folder / "song.wav", std::filesystem::file_size(folder / "song.wav") / 3);
  const test::RunResult film = test::run_svsep({"info", (folder / "film.mkv").string()});
  EXPECT_EQ(film.exit_code, 0) << film.err;
  expect_holds(film.out, "6 channels (5.1)");
  expect_holds(film.out, "fra");
  const test::RunResult cut = test::run_svsep({"info", (folder / "song.wav").string()});
  EXPECT_EQ(cut.exit_code, 0) << cut.err;
  expect_holds(cut.out, "cut off");
  const auto json =
      nlohmann::json::parse(test::run_svsep({"info", "--json", (folder / "song.wav").string()}).out);
  EXPECT_TRUE(json.at("cut_off").get<bool>());
  EXPECT_NEAR(json.at("declared_seconds").get<double>(), 3.0, 0.01);
  EXPECT_NEAR(json.at("seconds").get<double>(), 1.0, 0.01);
}

TEST(Info, TellsWhatAModelHolds) {
  const test::TemporaryFolder folder;
  ModelInfo model;
  model.thresholds = {.vocals = 0.15F, .accompaniment = 0.25F};
  model.licence = "CC0-1.0";
  test::write_tiny_model(folder / "model.safetensors", model);
  const test::RunResult result = test::run_svsep({"info", (folder / "model.safetensors").string()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const char* part :
       {"thesis-cnn", "float16", "22050 Hz", "vocals 0.15, accompaniment 0.25", "CC0-1.0"}) {
    expect_holds(result.out, part);
  }
}

TEST(Info, RefusesWhatIsNeither) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "text.txt") << "no music\n";
  EXPECT_EQ(test::run_svsep({"info", (folder / "text.txt").string()}).exit_code, 3);
  EXPECT_EQ(test::run_svsep({"info", (folder / "missing.wav").string()}).exit_code, 3);
  EXPECT_EQ(test::run_svsep({"info", (folder / "missing.safetensors").string()}).exit_code, 5);
  EXPECT_EQ(test::run_svsep({"info"}).exit_code, 2);
}

TEST(Train, RefusesADatasetThatIsMissingOrEmpty) {
  const test::TemporaryFolder folder;
  for (const std::string& musdb : {folder.path().string(), (folder / "missing").string()}) {
    const test::RunResult result =
        test::run_svsep({"train", "--musdb", musdb, "-o", (folder / "model.safetensors").string()});
    EXPECT_EQ(result.exit_code, 3) << result.err;
    expect_holds(result.err, musdb);
    EXPECT_FALSE(std::filesystem::exists(folder / "model.safetensors"));
  }
  EXPECT_EQ(test::run_svsep({"train"}).exit_code, 2);
  EXPECT_EQ(test::run_svsep({"train", "--musdb", folder.path().string(), "--lr", "-1"}).exit_code, 2);
}

TEST(Program, SaysWhatNumbersItTakesInOneShortLine) {
  const test::RunResult result = test::run_svsep({"separate", "--threads", std::string(400, '9'), "x.wav"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("--threads: expected a number from 0 to 1024, got 999"), std::string::npos)
      << result.err;
  EXPECT_LT(result.err.size(), 160U);
  EXPECT_NE(test::run_svsep({"separate", "--vocal-thresh", "2", "x.wav"}).err.find("from 0 to 1, got 2;"),
            std::string::npos);
}

}  // namespace
}  // namespace svsep
