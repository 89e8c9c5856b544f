#include "separate_fixture.hpp"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <sys/resource.h>
#include <vector>

namespace svsep {
namespace {

namespace fs = std::filesystem;

using test::decode;

class Separate : public test::SeparateTest {};

TEST_F(Separate, WritesBothStemsWithTheRateChannelsAndLengthOfTheSong) {
  test::write_wav_s16(folder_ / "song.wav", test::noise(50001, 2), 44100);
  const test::RunResult result = separate({"song.wav"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "");
  expect_stems("song", 44100, 2, 50001);
}

TEST_F(Separate, GivesStemsThatSumToTheSongWithoutThresholds) {
  const AudioBuffer song = test::noise(30000, 2, 0.4);
  test::write_wav_f32(folder_ / "song.wav", song, 44100);
  ASSERT_EQ(separate({"song.wav", "--vocal-thresh", "0", "--acc-thresh", "0"}).exit_code, 0);
  const AudioBuffer vocals = decode(folder_ / "separated/song/vocals.wav");
  const AudioBuffer accompaniment = decode(folder_ / "separated/song/accompaniment.wav");
  double largest = 0;
  double loudest_vocal = 0;
  for (std::size_t channel = 0; channel < 2; ++channel) {
    for (std::size_t n = 0; n < song.samples(); ++n) {
      const float sum = vocals.channels[channel][n] + accompaniment.channels[channel][n];
      largest = std::max(largest, static_cast<double>(std::abs(sum - song.channels[channel][n])));
      loudest_vocal = std::max(loudest_vocal, static_cast<double>(std::abs(vocals.channels[channel][n])));
    }
  }
  EXPECT_LT(largest, 1e-5);  // 24 bits and single precision
  EXPECT_GT(loudest_vocal, 0.01);
}

TEST_F(Separate, TakesEveryRateAndChannelCount) {
  std::vector<std::string> songs;
  for (const int rate_hz : {8000, 16000, 22050, 48000, 192000}) {
    for (const std::size_t channels : {1U, 6U, 8U}) {
      const std::string name = std::to_string(rate_hz) + " Hz, " + std::to_string(channels);
      test::write_wav_s16(folder_ / (name + ".wav"), test::noise(5001, channels), rate_hz);
      songs.push_back(name + ".wav");
    }
  }
  const test::RunResult result = separate(songs);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const int rate_hz : {8000, 16000, 22050, 48000, 192000}) {
    for (const std::size_t channels : {1U, 6U, 8U}) {
      expect_stems(std::to_string(rate_hz) + " Hz, " + std::to_string(channels), rate_hz, channels, 5001);
    }
  }
}

TEST_F(Separate, TakesNamesOfAnyKind) {
  const std::vector<std::string> names = {"ein schönes Lied", "歌", "a:b", "two  spaces", "quote\"'s"};
  std::vector<std::string> arguments;
  for (const std::string& name : names) {
    test::write_wav_s16(folder_ / (name + ".wav"), test::noise(2000), 22050);
    arguments.push_back(name + ".wav");
  }
  const test::RunResult result = separate(arguments);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const std::string& name : names) expect_stems(name, 22050, 1, 2000);
}

TEST_F(Separate, TakesTheMixtureOfAStemFileAndDropsBothExtensions) {
  test::write_wav_s16(folder_ / "mix.wav", test::noise(20000, 2), 44100);
  test::write_wav_s16(folder_ / "part.wav", test::noise(20000, 2, 0.1, 1), 44100);
  std::vector<std::string> arguments = {"-i", (folder_ / "mix.wav").string()};
  for (int stem = 1; stem < 5; ++stem) {
    arguments.insert(arguments.end(), {"-i", (folder_ / "part.wav").string()});
  }
  for (int stem = 0; stem < 5; ++stem) arguments.insert(arguments.end(), {"-map", std::to_string(stem)});
  arguments.insert(arguments.end(), {"-c:a", "alac", (folder_ / "A - B.stem.mp4").string()});
  test::run_ffmpeg(arguments);
  const test::RunResult result =
      separate({"A - B.stem.mp4", "--vocal-thresh", "0", "--acc-thresh", "0", "--acc-from", "residual"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  expect_stems("A - B", 44100, 2, 20000);
  const AudioBuffer song = decode(folder_ / "mix.wav");
  const AudioBuffer vocals = decode(folder_ / "separated/A - B/vocals.wav");
  const AudioBuffer accompaniment = decode(folder_ / "separated/A - B/accompaniment.wav");
  EXPECT_NEAR(vocals.channels[1][9999] + accompaniment.channels[1][9999], song.channels[1][9999], 1e-5);
}

TEST_F(Separate, KeepsTheExactLengthOfAnMp3) {
  test::write_wav_s16(folder_ / "song.wav", test::noise(44100, 2), 44100);
  test::run_ffmpeg({"-i", (folder_ / "song.wav").string(), (folder_ / "song.mp3").string()});
  ASSERT_EQ(separate({"song.mp3"}).exit_code, 0);
  expect_stems("song", 44100, 2, 44100);
}

TEST_F(Separate, SelectsAPartOfTheSong) {
  test::write_wav_s16(folder_ / "song.wav", test::noise(44100, 1), 44100);
  ASSERT_EQ(separate({"song.wav", "--start", "0.25", "--end", "0.75"}).exit_code, 0);
  expect_stems("song", 44100, 1, 22050);
}

TEST_F(Separate, GivesTheSameBytesEveryTime) {
  test::write_wav_s16(folder_ / "song.wav", test::noise(30000, 2), 44100);
  ASSERT_EQ(separate({"song.wav", "-o", "a"}).exit_code, 0);
  ASSERT_EQ(separate({"song.wav", "-o", "b"}).exit_code, 0);
  const test::RunResult same =
      test::run({"cmp", (folder_ / "a/song/vocals.wav").string(), (folder_ / "b/song/vocals.wav").string()});
  EXPECT_EQ(same.exit_code, 0) << same.out;
}

// oneDNN does not promise it: products of the tiny model are split otherwise among seven threads.
TEST_F(Separate, GivesTheSameBytesForAnyNumberOfThreads) {
  test::write_wav_s16(folder_ / "song.wav", test::noise(44100, 2), 44100);
  const auto stems_of = [&](const std::string& model, int threads) {
    const std::string output = std::to_string(threads);
    const test::RunResult result =
        test::run_svsep({"separate", "--threads", output, "--model", model, "--format", "wav32f", "-o",
                         (folder_ / output).string(), "--overwrite", (folder_ / "song.wav").string()});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    const fs::path stems = folder_ / output / "song";
    return test::bytes_of(stems / "vocals.wav") + test::bytes_of(stems / "accompaniment.wav");
  };
  for (const std::string model : {"unet", "cnn"}) {
    const std::string one = stems_of(model, 1);
    EXPECT_GT(one.size(), 2U * 2 * 4 * 44100) << model;
    for (const int threads : {2, 3, 7})
      EXPECT_TRUE(stems_of(model, threads) == one) << model << ", " << threads;
  }
}

TEST_F(Separate, GivesNearlyTheSameStemsInFloat32) {
  test::write_wav_s16(folder_ / "song.wav", test::noise(44100, 2), 44100);
  for (const char* model : {"unet", "cnn"}) {
    ASSERT_EQ(separate({"song.wav", "-o", "fast", "--overwrite"}, model).exit_code, 0);
    ASSERT_EQ(separate({"song.wav", "-o", "float32", "--overwrite", "--float32"}, model).exit_code, 0);
    const AudioBuffer fast = decode(folder_ / "fast/song/accompaniment.wav");
    const AudioBuffer exact = decode(folder_ / "float32/song/accompaniment.wav");
    ASSERT_EQ(fast.samples(), exact.samples());
    double signal = 0;
    double error = 0;
    for (std::size_t n = 0; n < exact.samples(); ++n) {
      signal += std::pow(exact.channels[0][n], 2);
      error += std::pow(exact.channels[0][n] - fast.channels[0][n], 2);
    }
    EXPECT_LT(error, 1e-4 * signal) << model;  // 40 dB
  }
}

TEST_F(Separate, KeepsStemsThatExistUnlessToldToOverwrite) {
  test::write_wav_s16(folder_ / "song.wav", test::noise(2000), 22050);
  ASSERT_EQ(separate({"song.wav"}).exit_code, 0);
  const test::RunResult again = separate({"song.wav"});
  EXPECT_EQ(again.exit_code, 4);
  EXPECT_NE(again.err.find("vocals.wav: exists already"), std::string::npos) << again.err;
  EXPECT_EQ(separate({"song.wav", "--overwrite"}).exit_code, 0);
}

TEST_F(Separate, GoesOnAfterABadSongOfSeveral) {
  test::write_wav_s16(folder_ / "good.wav", test::noise(2000), 22050);
  const test::RunResult result = separate({"missing.wav", "good.wav"});
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_NE(result.err.find("missing.wav: "), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("1 of 2 songs failed"), std::string::npos) << result.err;
  expect_stems("good", 22050, 1, 2000);
}

TEST_F(Separate, RefusesTwoSongsForOneOutputAndNamesBoth) {
  expect_failure(separate({"a/song.mp3", "b/song.wav", "--output-template", "{name}/{stem}.{ext}"}), 2,
                 {"a/song.mp3", "b/song.wav", "{folder}"});
}

TEST_F(Separate, NamesAMissingSong) {
  expect_failure(separate({"missing.mp3"}), 3, {"missing.mp3", "No such file"});
}

TEST_F(Separate, RefusesATextFile) {
  std::ofstream(folder_ / "song.mp3") << std::string(10000, 'a') << "\n";
  expect_failure(separate({"song.mp3"}), 3, {"song.mp3"});
}

TEST_F(Separate, RefusesAnEmptyWav) {
  test::write_wav_s16(folder_ / "song.wav", AudioBuffer(2, 0), 44100);
  expect_failure(separate({"song.wav"}), 3, {"song.wav"});
}

TEST_F(Separate, RefusesAFolderWithoutSongs) {
  fs::create_directory(folder_ / "songs");
  expect_failure(separate({"songs"}), 3, {"no song found in: songs"});
}

TEST_F(Separate, SeparatesWhatIsThereOfATruncatedMp3) {
  test::write_wav_s16(folder_ / "song.wav", test::noise(44100, 2), 44100);
  test::run_ffmpeg({"-i", (folder_ / "song.wav").string(), (folder_ / "song.mp3").string()});
  fs::resize_file(folder_ / "song.mp3", fs::file_size(folder_ / "song.mp3") / 2);
  const test::RunResult result = separate({"song.mp3"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::size_t samples = decode(folder_ / "separated/song/vocals.wav").samples();
  EXPECT_GT(samples, 15000U);
  EXPECT_LT(samples, 30000U);
}

TEST_F(Separate, TakesSamplesThatAreNoNumbersAsSilenceAndSaysSo) {
  AudioBuffer song = test::noise(20000);
  for (std::size_t n = 5000; n < 5020; ++n) song.channels[0][n] = std::numeric_limits<float>::quiet_NaN();
  song.channels[0][7000] = std::numeric_limits<float>::infinity();
  test::write_wav_f32(folder_ / "song.wav", song, 22050);
  const test::RunResult result = separate({"song.wav"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("21 samples"), std::string::npos) << result.err;
  expect_stems("song", 22050, 1, 20000);
}

TEST_F(Separate, RefusesASelectionWithoutLengthOrBeyondTheEnd) {
  test::write_wav_s16(folder_ / "song.wav", test::noise(22050), 22050);
  expect_failure(separate({"song.wav", "--start", "0.5", "--end", "0.5"}), 2, {"--start", "--end"});
  expect_failure(separate({"song.wav", "--quiet", "--start", "7"}), 3, {"song.wav"});
}

TEST_F(Separate, RefusesAModelThatIsMissingOrCutInHalf) {
  test::write_wav_s16(folder_ / "song.wav", test::noise(22050), 22050);
  expect_failure(separate({"song.wav"}, "no-such-model"), 5, {"no-such-model"});
  expect_failure(separate({"song.wav"}, "missing.safetensors"), 5, {"missing.safetensors"});
  fs::resize_file(model_, fs::file_size(model_) / 2);
  expect_failure(separate({"song.wav"}), 5, {"tiny.safetensors"});
  std::ofstream(model_) << "text";
  expect_failure(separate({"song.wav"}), 5, {"tiny.safetensors"});
}

TEST_F(Separate, RefusesAnOutputThatCannotBeAFolder) {
  test::write_wav_s16(folder_ / "song.wav", test::noise(2000), 22050);
  std::ofstream(folder_ / "file") << "";
  expect_failure(separate({"song.wav", "--quiet", "-o", "file"}), 4, {"file"});
  expect_failure(separate({"song.wav", "--quiet", "-o", "/proc/svsep"}), 4, {"/proc/svsep"});
}

TEST_F(Separate, RefusesWrongUsage) {
  EXPECT_EQ(test::run_svsep({"separate"}).exit_code, 2);
  EXPECT_EQ(test::run_svsep({"seperate", "song.wav"}).exit_code, 2);
  expect_failure(separate({"song.wav", "--vocal-thresh", "1.5"}), 2, {"--vocal-thresh"});
  expect_failure(separate({"song.wav", "--device", "gpu"}), 2, {"gpu"});
  expect_failure(separate({"song.wav", "--overlap", "2"}), 2, {"--overlap"});
  expect_failure(separate({"song.wav", "--no-such-option"}), 2, {"--no-such-option"});
}

TEST_F(Separate, StopsOnASignalAndLeavesNothingBehindNorAnEmptyFolder) {
  test::write_wav_s16(folder_ / "song.wav", test::noise(44100 * 60), 44100);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    EXPECT_EQ(separate_until_it_writes({"song.wav"}, signal), 128 + signal);
    EXPECT_NE(log().find("stopped by signal " + std::to_string(signal)), std::string::npos) << log();
    EXPECT_FALSE(fs::exists(folder_ / "separated"));
  }
}

TEST_F(Separate, GoesOnWhereAHangUpIsIgnored) {
  write_song("song.wav");
  const test::RunResult result =
      test::run_shell("trap '' HUP; " + separate_line() + "song.wav & kill -HUP $!; wait $!");
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(Separate, KeepsAFileThatAppearsDuringTheWork) {
  test::write_wav_s16(folder_ / "song.wav", test::noise(44100 * 20), 44100);
  const fs::path precious = folder_ / "separated/song/vocals.wav";
  const auto write_it = [&] {  // once the work has begun, which then goes on: signal 0 does nothing
    if (!is_writing("separated")) return false;
    std::ofstream(precious) << "precious";
    return true;
  };
  EXPECT_EQ(run_until({"song.wav"}, 0, write_it), 4);
  EXPECT_NE(log().find("vocals.wav: exists already"), std::string::npos) << log();
  EXPECT_EQ(files("separated"), std::vector<std::string>{"song/vocals.wav"});
  EXPECT_EQ(test::bytes_of(precious), "precious");
  EXPECT_EQ(separate({"song.wav", "--overwrite"}).exit_code, 0);
  EXPECT_NE(test::bytes_of(precious), "precious");
}

TEST_F(Separate, WritesSongsWhoseNamesAreAsLongAsTheFileSystemTakes) {
  const std::string name(251, 'n');
  write_song(name + ".wav");
  for (const char* clip : {"clip", "rescale"}) {
    const test::RunResult result = separate({name + ".wav", "--output-template", "{name}.{ext}", "--stems",
                                             "vocals", "--clip", clip, "--overwrite"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(files("separated"), std::vector<std::string>{name + ".wav"});
  }
}

TEST_F(Separate, SaysWhatToTypeWhereTheVerbIsMissingOrMisspelt) {
  write_song("song.wav");
  const auto says = [&](const std::string& word, const std::string& text) {
    const test::RunResult result = test::run_svsep({word, "x"}, {}, folder_.path());
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_NE(result.err.find(text), std::string::npos) << result.err;
  };
  says("song.wav", "svsep separate song.wav");
  says("other.mp3", "svsep separate other.mp3");
  says("separete", "did you mean separate?");
  says("frobnicate", "no such verb: frobnicate");
}

TEST_F(Separate, TakesTimesInMinutesAndHoursAndRefusesOthersInOneShortLine) {
  test::write_wav_s16(folder_ / "song.wav", test::noise(8000 * 65), 8000);
  ASSERT_EQ(separate({"song.wav", "--start", "1:00.5", "--end", "0:01:02"}).exit_code, 0);
  expect_stems("song", 8000, 1, 12000);
  for (const char* time :
       {"1:60", "1:2:3:4", "-1", "nan", "inf", "1e400", "1.5s", ":30", "1:", "", "1,5", "1:-5"}) {
    const test::RunResult result = separate({"song.wav", "-o", "other", "--start=" + std::string(time)});
    EXPECT_EQ(result.exit_code, 2) << time;
    EXPECT_LT(result.err.size(), 150U) << result.err;
  }
}

/// Peak resident memory of a separation of `seconds` of noise, in KiB.
long peak_memory_kib(const fs::path& folder, const fs::path& model, int seconds) {
  const fs::path song = folder / (std::to_string(seconds) + ".wav");
  test::write_wav_s16(song, test::noise(static_cast<std::size_t>(seconds) * 16000), 16000);
  rusage before{};
  getrusage(RUSAGE_CHILDREN, &before);
  const test::RunResult result = test::run_svsep({"separate", "--threads", "1", "--model", model.string(),
                                                  song.string(), "-o", (folder / "stems").string()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  rusage after{};
  getrusage(RUSAGE_CHILDREN, &after);  // the largest of all children so far
  return after.ru_maxrss;
}

TEST_F(Separate, NeedsNoMoreMemoryForALongerSong) {
  const long short_kib = peak_memory_kib(folder_.path(), model_, 20);
  const long long_kib = peak_memory_kib(folder_.path(), model_, 400);
  EXPECT_LT(static_cast<double>(long_kib), 1.1 * static_cast<double>(short_kib));
}

}  // namespace
}  // namespace svsep
