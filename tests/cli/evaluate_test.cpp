#include "support/audio_files.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_model.hpp"
#include "svsep/decoder.hpp"
#include "svsep/stem_file.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <vector>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr int kRateHz = 8000;
constexpr std::size_t kSamples = 3 * kRateHz;

std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t samples_of(const fs::path& path) {
  Decoder decoder(path);
  return read_all(decoder).samples();
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

/// References and estimates of one track, in ref/ and est/, in which `svsep evaluate` runs.
class Evaluate : public ::testing::Test {
 protected:
  Evaluate() {
    for (const char* folder : {"ref", "est"}) fs::create_directories(folder_ / folder);
    write("ref/vocals.wav", test::noise(kSamples, 2, 0.5, 1));
    write("ref/accompaniment.wav", test::noise(kSamples, 2, 0.5, 2));
    write("est/vocals.wav", test::noise(kSamples, 2, 0.4, 1));
    write("est/accompaniment.wav", test::noise(kSamples, 2, 0.5, 3));
  }

  void write(const fs::path& path, const AudioBuffer& audio, int rate_hz = kRateHz) {
    test::write_wav_s16(folder_ / path, audio, rate_hz);
  }

  /// A folder of two tracks like MUSDB18's, of a second each.
  void make_musdb() {
    fs::create_directories(folder_ / "musdb/test");
    for (const char* track : {"A - One", "B - Two"}) {
      std::vector<std::string> arguments;
      for (const char* pitch : {"300", "100", "200", "400", "500"}) {
        arguments.insert(arguments.end(), {"-f", "lavfi", "-i", std::string("sine=r=44100:d=1:f=") + pitch});
      }
      for (const char* stream : {"0", "1", "2", "3", "4"})
        arguments.insert(arguments.end(), {"-map", stream});
      arguments.insert(arguments.end(),
                       {"-ac", "2", "-c:a", "aac", (folder_ / "musdb/test" / track).string() + ".stem.mp4"});
      test::run_ffmpeg(arguments);
    }
  }

  test::RunResult evaluate(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "evaluate");
    return test::run_svsep(std::move(arguments), {}, folder_.path());
  }
  test::RunResult evaluate_folders(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"--reference", "ref", "--estimate", "est"});
    return evaluate(std::move(more));
  }

  static void expect_failure(const test::RunResult& result, int code, const std::vector<std::string>& parts) {
    EXPECT_EQ(result.exit_code, code) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_EQ(result.err.rfind("svsep: error: ", 0), 0U) << result.err;
    for (const std::string& part : parts) EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
  }

  test::TemporaryFolder folder_;
};

TEST_F(Evaluate, PrintsATableOfEveryStemAndWritesMusevalsJson) {
  const test::RunResult result = evaluate_folders({"-o", "scores"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(count(result.out, "\n"), 3U) << result.out;
  EXPECT_NE(result.out.find("vocals"), std::string::npos);
  EXPECT_NE(result.out.find("13.979"), std::string::npos) << "uSDR of the vocals: 20 log10(5)\n"
                                                          << result.out;
  const std::string json = read_text(folder_ / "scores/test/ref.json");
  EXPECT_EQ(count(json, "\"SDR\""), 6U);  // 2 stems, 3 windows
  EXPECT_EQ(count(json, "\"duration\": 1.0"), 6U);
}

TEST_F(Evaluate, ScoresTheTracksOfMusdbWithAModelAndTheOracles) {
  make_musdb();
  test::write_tiny_model(folder_ / "tiny.safetensors");
  const test::RunResult result = evaluate(
      {"--musdb", "musdb", "--model", "tiny.safetensors", "--oracle", "-o", "scores", "--threads", "2"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(count(result.out, "\n"), 9U) << result.out;
  for (const char* row : {"tiny", "mixture", "IBM", "IRM"})
    EXPECT_EQ(count(result.out, std::string(row) + " "), 2U) << row;
  for (const char* file : {"test/A - One.json", "test/B - Two.json", "mixture/test/A - One.json",
                           "IBM/test/B - Two.json", "IRM/test/A - One.json"}) {
    EXPECT_TRUE(fs::exists(folder_ / "scores" / file)) << file;
  }
}

TEST_F(Evaluate, UsesEarlierScoresAgainAndSaysSoUnlessToldToOverwrite) {
  ASSERT_EQ(evaluate_folders({"-o", "scores"}).exit_code, 0);
  const fs::path file = folder_ / "scores/test/ref.json";
  const std::string computed = read_text(file);
  const std::string marked =
      std::regex_replace(computed, std::regex(R"re("uSDR": [-\d.]+)re"), R"("uSDR": 4.5)");
  std::ofstream(file) << marked;
  fs::rename(folder_ / "est", folder_ / "moved");
  const test::RunResult resumed = evaluate(
      {"--reference", "ref", "--estimate", "moved", "-o", "scores"});  // the audio counts, not its place
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_NE(resumed.out.find("4.500"), std::string::npos) << resumed.out;
  EXPECT_NE(resumed.err.find("1 of 1 tracks were scored earlier: scores"), std::string::npos) << resumed.err;
  EXPECT_EQ(read_text(file), marked);
  fs::rename(folder_ / "moved", folder_ / "est");
  EXPECT_EQ(evaluate_folders({"-o", "scores", "--overwrite"}).exit_code, 0);
  EXPECT_EQ(read_text(file), computed);
}

TEST_F(Evaluate, RefusesTheScoresOfOtherEstimatesAndNamesBoth) {
  ASSERT_EQ(evaluate_folders({"-o", "scores"}).exit_code, 0);
  const std::string kept = read_text(folder_ / "scores/test/ref.json");
  fs::copy(folder_ / "est", folder_ / "other");
  write("other/vocals.wav", test::noise(kSamples, 2, 0.3, 1));
  expect_failure(evaluate({"--reference", "ref", "--estimate", "other", "-o", "scores", "--quiet"}), 4,
                 {"scores/test/ref.json", "scores of est", "those of other", "--overwrite"});
  write("est/vocals.wav", test::noise(kSamples, 2, 0.3, 1));
  expect_failure(evaluate_folders({"-o", "scores", "--quiet"}), 4, {"est as it was before"});
  EXPECT_EQ(read_text(folder_ / "scores/test/ref.json"), kept);
}

TEST_F(Evaluate, RefusesScoresThatDoNotSayWhatTheyAreOf) {
  fs::create_directories(folder_ / "scores/test");
  std::ofstream(folder_ / "scores/test/ref.json") << R"({"targets": [{"name": "vocals", "frames": []}]})";
  expect_failure(evaluate_folders({"-o", "scores", "--quiet"}), 4,
                 {"scores/test/ref.json", "estimates that it does not name"});
}

TEST_F(Evaluate, RefusesTheScoresOfAnotherModel) {
  make_musdb();
  for (const char* name : {"one.safetensors", "two.safetensors"}) test::write_tiny_model(folder_ / name);
  const auto score = [&](const char* model) {
    return evaluate({"--musdb", "musdb", "--model", model, "-o", "scores", "--quiet"});
  };
  ASSERT_EQ(score("one.safetensors").exit_code, 0);
  const test::RunResult same = score("two.safetensors");  // the same weights under another name
  EXPECT_EQ(same.exit_code, 0) << same.err;
  std::ofstream(folder_ / "two.safetensors", std::ios::binary | std::ios::app) << "x";
  EXPECT_NE(score("two.safetensors").exit_code, 0);
}

TEST_F(Evaluate, ScoresAnotherSongWhoseFolderHasTheSameNameByItself) {
  for (const char* song : {"one", "two"}) {
    fs::create_directories(folder_ / song);
    fs::copy(folder_ / "ref", folder_ / song / "stems");
  }
  write("two/stems/vocals.wav", test::noise(kSamples, 2, 0.25, 1));
  const auto score = [&](const std::string& song, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"--reference", song + "/stems", "--estimate", "est", "--quiet"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return evaluate(arguments);
  };
  ASSERT_EQ(score("one", {"-o", "scores"}).exit_code, 0);
  const std::string truth = score("two", {}).out;
  EXPECT_NE(truth, score("one", {}).out);
  EXPECT_EQ(score("two", {"-o", "scores"}).out, truth);
  EXPECT_EQ(score("two", {"-o", "scores"}).out, truth) << "and again, from its own file";
  EXPECT_TRUE(fs::exists(folder_ / "scores/test/two - stems.json"));
}

TEST_F(Evaluate, ReadsTheStemFilesThatSeparateWrites) {
  fs::create_directories(folder_ / "musdb/test/Song");
  fs::create_directories(folder_ / "separated");
  const AudioBuffer vocals = test::sine(kRateHz, kSamples, 2, 440);
  const AudioBuffer accompaniment = test::sine(kRateHz, kSamples, 2, 150, 0.3);
  write("musdb/test/Song/vocals.wav", vocals);
  write("musdb/test/Song/accompaniment.wav", accompaniment);
  StemFileEncoder file(folder_ / "separated/Song.stem.mp4", {"mixture", "accompaniment", "vocals"},
                       {AudioFormat::m4a, kRateHz, 2, 256});
  file.write(0, vocals);
  file.write(1, accompaniment);
  file.write(2, vocals);
  file.finish();
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--musdb", "musdb", "--estimates", "separated"},
        {"--reference", "musdb/test/Song", "--estimate", "separated/Song.stem.mp4"}}) {
    auto call = arguments;
    call.insert(call.end(), {"--overwrite", "-o", "scores"});
    const test::RunResult result = evaluate(call);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const auto scores = nlohmann::json::parse(read_text(folder_ / "scores/test/Song.json"));
    ASSERT_EQ(scores.at("targets").size(), 2U);
    for (const auto& target : scores.at("targets"))
      EXPECT_GT(target.at("uSDR").get<double>(), 20) << target.at("name");
  }
  write("musdb/test/Song/bass.wav", vocals);
  expect_failure(evaluate({"--reference", "musdb/test/Song", "--estimate", "separated/Song.stem.mp4"}), 3,
                 {"Song.stem.mp4", "bass"});
}

TEST_F(Evaluate, ScoresThePartsThatSongAndEstimatesBothHave) {
  fs::create_directories(folder_ / "musdb/test/Song");
  fs::create_directories(folder_ / "separated/Song");
  std::uint64_t seed = 10;
  for (const char* part : {"vocals", "drums", "bass", "other"}) {
    write(std::string("musdb/test/Song/") + part + ".wav", test::noise(kSamples, 2, 0.2, ++seed));
    AudioBuffer estimate = test::noise(kSamples, 2, 0.2, seed);
    for (auto& channel : estimate.channels) {
      for (float& sample : channel) sample *= 0.9F;  // 20 dB
    }
    write(std::string("separated/Song/") + part + ".wav", estimate);
  }
  const auto targets = [&](std::vector<std::string> more = {}) {
    more.insert(more.begin(),
                {"--musdb", "musdb", "--estimates", "separated", "--overwrite", "-o", "scores"});
    const test::RunResult result = evaluate(more);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    const auto song = nlohmann::json::parse(read_text(folder_ / "scores/test/Song.json"));
    std::map<std::string, double> scores;
    for (const auto& target : song.at("targets")) scores[target.at("name")] = target.at("uSDR").get<double>();
    return scores;
  };
  const std::map<std::string, double> all = targets({"--oracle", "--page", "pages"});
  ASSERT_EQ(all.size(), 5U) << "the accompaniment is the sum of its parts";
  for (const auto& [name, db] : all) EXPECT_NEAR(db, 20.0, 0.1) << name;
  EXPECT_TRUE(fs::exists(folder_ / "pages/Song/drums estimate.flac"));
  const auto mixture = nlohmann::json::parse(read_text(folder_ / "scores/mixture/test/Song.json"));
  EXPECT_EQ(mixture.at("targets").size(), 2U);

  write("separated/Song/piano.wav", test::noise(kSamples, 2, 0.1, 3));
  write("separated/Song/accompaniment.wav", test::noise(kSamples, 2, 0.1, 3));
  const std::map<std::string, double> six = targets();
  EXPECT_FALSE(six.contains("other")) << "what a model with a piano calls other is another part";
  EXPECT_TRUE(six.contains("drums"));
  for (const char* part : {"drums", "bass", "piano"})
    fs::remove(folder_ / "separated/Song" / (std::string(part) + ".wav"));
  EXPECT_EQ(targets().size(), 2U) << "other beside vocals alone is the whole accompaniment";
}

TEST_F(Evaluate, ScoresThePartsThatAModelGives) {
  fs::create_directories(folder_ / "musdb/test/Song");
  for (const char* part : {"vocals", "drums", "bass", "other"}) {
    write(std::string("musdb/test/Song/") + part + ".wav", test::noise(kSamples, 2, 0.2, 1));
  }
  const test::RunResult result =
      evaluate({"--musdb", "musdb", "--model", SVSEP_GOLDEN_DIR "/htdemucs_tiny.safetensors"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const char* stem : {"drums", "vocals", "accompaniment"})
    EXPECT_EQ(count(result.out, std::string(" ") + stem + " "), 1U) << result.out;
  EXPECT_EQ(count(result.out, "\n"), 4U) << result.out;
}

TEST_F(Evaluate, WritesPagesToHearReferencesAndEstimates) {
  const test::RunResult result = evaluate_folders({"--page", "pages", "-o", "scores"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::string page = read_text(folder_ / "pages/ref/index.html");
  for (const char* text : {"vocals%20reference.flac", "vocals%20estimate.flac", "vocals, estimate (uSDR "})
    EXPECT_NE(page.find(text), std::string::npos) << text;
  for (const char* file : {"vocals reference.flac", "accompaniment estimate.flac"})
    EXPECT_EQ(samples_of(folder_ / "pages/ref" / file), kSamples) << file;
  EXPECT_NE(read_text(folder_ / "pages/index.html").find("ref/index.html"), std::string::npos);

  expect_failure(evaluate_folders({"--page", "pages", "-o", "scores"}), 4,
                 {"pages/index.html", "exists already", "--overwrite"});
  EXPECT_EQ(evaluate_folders({"--page", "pages", "-o", "scores", "--overwrite"}).exit_code, 0);
  fs::create_directories(folder_ / "mine/ref");
  write("mine/ref/vocals reference.flac", test::noise(100, 2, 0.1, 4));
  expect_failure(evaluate_folders({"--page", "mine"}), 4, {"vocals reference.flac"});
  const test::RunResult other = evaluate_folders({"--page", "others", "-o", "scores"});
  EXPECT_EQ(other.out, result.out);
  EXPECT_TRUE(fs::exists(folder_ / "others/ref/index.html")) << "also where the scores are there";
}

TEST_F(Evaluate, PassesOverHiddenFiles) {
  make_musdb();
  for (const char* file : {"musdb/test/._A - One.stem.mp4", "ref/._vocals.wav"})
    std::ofstream(folder_ / file) << "x";
  EXPECT_EQ(evaluate_folders().exit_code, 0);
  test::write_tiny_model(folder_ / "tiny.safetensors");
  const test::RunResult result = evaluate({"--musdb", "musdb", "--model", "tiny.safetensors"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("     2 "), std::string::npos) << result.out;
}

TEST_F(Evaluate, ScoresMusdb18Hq) {
  const fs::path song = folder_ / "hq/test/A - One";
  fs::create_directories(song);
  AudioBuffer mixture(2, 44100);
  std::uint64_t seed = 0;
  for (const char* part : {"vocals.wav", "drums.WAV", "Bass.wav", "other.wav"}) {
    const AudioBuffer audio = test::noise(44100, 2, 0.2, seed++);
    write(song / part, audio, 44100);
    for (std::size_t c = 0; c < 2; ++c) {
      for (std::size_t n = 0; n < 44100; ++n) mixture.channels[c][n] += audio.channels[c][n];
    }
  }
  write(song / "mixture.wav", mixture, 44100);
  fs::create_directories(folder_ / "estimates/A - One");
  fs::copy(song / "vocals.wav", folder_ / "estimates/A - One/vocals.wav");
  fs::copy(song / "mixture.wav", folder_ / "estimates/A - One/accompaniment.wav");
  const test::RunResult result = evaluate({"--musdb", "hq", "--estimates", "estimates", "--oracle"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(count(result.out, "\n"), 9U) << result.out;
  EXPECT_NE(result.out.find("4.787"), std::string::npos) << "uSDR of 3 parts against 1: 10 log10(3)\n"
                                                         << result.out;
}

TEST_F(Evaluate, TakesStemsOfAnyFormatAndCase) {
  fs::remove(folder_ / "ref/vocals.wav");
  write("ref/Vocals.WAV", test::noise(50000, 2, 0.5, 1), 44100);
  write("ref/accompaniment.wav", test::noise(50000, 2, 0.5, 2), 44100);
  for (const std::string format : {"flac", "opus", "m4a", "mp3"}) {
    fs::create_directories(folder_ / format);
    for (const std::string stem : {"Vocals.WAV", "accompaniment.wav"}) {
      test::run_ffmpeg({"-i", (folder_ / "ref" / stem).string(),
                        (folder_ / format / fs::path(stem).stem()).string() + "." + format});
    }
    const test::RunResult result = evaluate({"--reference", "ref", "--estimate", format});
    EXPECT_EQ(result.exit_code, 0) << format << ": " << result.err;
    const bool says_so = result.err.find("resampled from 48000 to 44100 Hz") != std::string::npos;
    EXPECT_EQ(says_so, format == "opus") << result.err;
  }
}

TEST_F(Evaluate, SaysWhereAnEstimateHoldsNoNumbers) {
  AudioBuffer estimate = test::noise(kSamples, 2, 0.4, 1);
  estimate.channels[0][500] = std::numeric_limits<float>::quiet_NaN();
  test::write_wav_f32(folder_ / "est/vocals.wav", estimate, kRateHz);
  const test::RunResult result = evaluate_folders();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("est/vocals.wav: 1 samples"), std::string::npos) << result.err;
}

TEST_F(Evaluate, GoesOnAfterATrackThatFails) {
  make_musdb();
  for (const char* stem : {"vocals.wav", "accompaniment.wav"}) {
    fs::create_directories(folder_ / "estimates/A - One");
    write(fs::path("estimates/A - One") / stem, test::noise(45056, 2),
          44100);  // with the last AAC packet's padding
  }
  const test::RunResult result = evaluate({"--musdb", "musdb", "--estimates", "estimates", "-o", "scores"});
  EXPECT_EQ(result.exit_code, 6) << result.err;
  EXPECT_NE(result.err.find("estimates/B - Two"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("1 of 2 tracks failed"), std::string::npos) << result.err;
  EXPECT_EQ(count(result.out, "\n"), 3U) << result.out;
  EXPECT_TRUE(fs::exists(folder_ / "scores/test/A - One.json"));
  EXPECT_FALSE(fs::exists(folder_ / "scores/test/B - Two.json"));
}

TEST_F(Evaluate, RefusesAMissingStem) {
  fs::remove(folder_ / "est/vocals.wav");
  expect_failure(evaluate_folders(), 3, {"est/vocals.wav", "missing stem"});
}

TEST_F(Evaluate, RefusesAMissingOrEmptyFolder) {
  expect_failure(evaluate({"--reference", "absent", "--estimate", "est"}), 3, {"absent", "No such file"});
  expect_failure(evaluate({"--reference", "ref", "--estimate", "absent"}), 3, {"absent", "No such file"});
  fs::create_directories(folder_ / "empty");
  expect_failure(evaluate({"--reference", "empty", "--estimate", "est"}), 3, {"empty", "no stems"});
  expect_failure(evaluate({"--musdb", "empty", "--estimates", "est"}), 3, {"empty/test"});
}

TEST_F(Evaluate, RefusesTwoFilesOfOneStem) {
  fs::copy(folder_ / "est/vocals.wav", folder_ / "est/vocals.flac");
  expect_failure(evaluate_folders(), 3, {"est/vocals.", "the same stem as vocals."});
}

TEST_F(Evaluate, RefusesAnotherLengthRateOrChannelCountAndNamesBoth) {
  const fs::path estimate = "est/vocals.wav";
  write(estimate, test::noise(kSamples - 1, 2));
  expect_failure(evaluate_folders(), 3, {estimate, "lengths differ", "expected 24000 samples, got 23999"});
  write(estimate, test::noise(kSamples, 2), 11025);
  expect_failure(evaluate_folders(), 3, {estimate, "sample rates differ", "expected 8000 Hz, got 11025"});
  write(estimate, test::noise(kSamples, 1));
  expect_failure(evaluate_folders(), 3, {estimate, "channel counts differ", "expected 2 channels, got 1"});
}

TEST_F(Evaluate, RefusesAnEstimateThatIsNoAudio) {
  std::ofstream(folder_ / "est/vocals.wav") << "no audio";
  expect_failure(evaluate_folders(), 3, {"est/vocals.wav"});
}

TEST_F(Evaluate, RefusesUnreadableScores) {
  fs::create_directories(folder_ / "scores/test");
  std::ofstream(folder_ / "scores/test/ref.json") << "{\"targets\": [";
  expect_failure(evaluate_folders({"-o", "scores"}), 4,
                 {"scores/test/ref.json", "parse error", "--overwrite"});
  EXPECT_EQ(evaluate_folders({"-o", "scores", "--overwrite"}).exit_code, 0);
}

TEST_F(Evaluate, RefusesAnOutputThatIsNoFolder) {
  std::ofstream(folder_ / "file") << "text";
  expect_failure(evaluate_folders({"-o", "file"}), 4, {"file"});
}

TEST_F(Evaluate, RefusesAMissingModelBeforeAnyWork) {
  make_musdb();
  expect_failure(evaluate({"--musdb", "musdb", "--model", "absent.safetensors"}), 5, {"absent.safetensors"});
}

TEST_F(Evaluate, RefusesOptionsThatConflictAndNamesThem) {
  expect_failure(evaluate({}), 2, {"--musdb", "--reference"});
  expect_failure(evaluate({"--reference", "ref"}), 2, {"--reference", "--estimate"});
  expect_failure(evaluate({"--musdb", "x", "--reference", "ref", "--estimate", "est"}), 2,
                 {"--musdb", "--reference"});
  expect_failure(evaluate({"--musdb", "x", "--estimates", "y", "--model", "z"}), 2,
                 {"--estimates", "--model"});
  expect_failure(evaluate_folders({"--oracle"}), 2, {"--oracle", "--musdb"});
  expect_failure(evaluate({"--musdb", "x", "--subset", "all"}), 2, {"test|validation|train", "all"});
}

}  // namespace
}  // namespace svsep
