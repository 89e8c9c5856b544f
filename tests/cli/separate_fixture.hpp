#pragma once

#include "support/audio_files.hpp"
#include "support/run.hpp"
#include "support/run_until.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_model.hpp"
#include "svsep/decoder.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace svsep::test {

namespace fs = std::filesystem;

inline AudioBuffer decode(const fs::path& path) {
  Decoder decoder(path);
  return read_all(decoder);
}

inline std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::size_t line_count(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// A folder with a tiny model, in which `svsep separate` runs.
class SeparateTest : public ::testing::Test {
 protected:
  SeparateTest() { write_tiny_model(model_); }

  /// Runs `svsep separate --model <tiny>` with `arguments` in the folder.
  RunResult separate(std::vector<std::string> arguments, const fs::path& model = {},
                     const std::string& input = {}) {
    arguments.insert(arguments.begin(),
                     {"separate", "--threads", "1", "--model", (model.empty() ? model_ : model).string()});
    return run_svsep(std::move(arguments), input, folder_.path());
  }
  RunResult separate_stdin(const std::string& input, std::vector<std::string> arguments) {
    return separate(std::move(arguments), {}, input);
  }

  /// Whether a file in work below the folder holds something by now.
  [[nodiscard]] bool is_writing(const fs::path& below) const {
    std::error_code code;
    fs::recursive_directory_iterator entry(folder_ / below, code);
    for (; !code && entry != fs::recursive_directory_iterator(); entry.increment(code)) {
      std::error_code gone;
      if (entry->path().extension() == ".part" && entry->file_size(gone) > 0 && !gone) return true;
    }
    return false;
  }

  /// As separate(), with a signal once `ready`; the exit code.
  int run_until(std::vector<std::string> arguments, int signal, const std::function<bool()>& ready,
                int input = -1) {
    arguments.insert(arguments.begin(), {"separate", "--threads", "1", "--model", model_.string()});
    return test::run_until(arguments, folder_ / "log", signal, ready, {folder_.path(), input});
  }
  int separate_until_it_writes(std::vector<std::string> arguments, int signal) {
    return run_until(std::move(arguments), signal, [&] { return is_writing("separated"); });
  }
  /// What the last run_until() wrote on standard error.
  [[nodiscard]] std::string log() const { return bytes_of(folder_ / "log"); }

  /// The start of a shell line that runs `svsep separate` in the folder.
  [[nodiscard]] std::string separate_line() const {
    return "cd '" + folder_.path().string() +
           "'; '" SVSEP_BINARY "' separate --threads 1 --model tiny.safetensors ";
  }

  /// Writes a short song of noise, 22050 Hz.
  void write_song(const fs::path& name, std::size_t samples = 2000, std::size_t channels = 1) {
    fs::create_directories((folder_ / name).parent_path());
    write_wav_s16(folder_ / name, noise(samples, channels), 22050);
  }

  /// The run failed with this code and one line on stderr that holds all of `parts`; no stem is left behind.
  void expect_failure(const RunResult& result, int code, const std::vector<std::string>& parts) {
    EXPECT_EQ(result.exit_code, code) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(line_count(result.err), 1U) << result.err;
    EXPECT_EQ(result.err.rfind("svsep: error: ", 0), 0U) << result.err;
    for (const std::string& part : parts) EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
    expect_no_files("separated");
  }

  void expect_no_files(const fs::path& below) {
    if (!fs::exists(folder_ / below)) return;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / below)) {
      EXPECT_TRUE(entry.is_directory()) << entry.path();
    }
  }

  void expect_audio(const fs::path& name, int sample_rate_hz, std::size_t channels, std::size_t samples) {
    ASSERT_TRUE(fs::exists(folder_ / name)) << name;
    Decoder decoder(folder_ / name);
    EXPECT_EQ(decoder.sample_rate_hz(), sample_rate_hz) << name;
    const AudioBuffer audio = read_all(decoder);
    EXPECT_EQ(audio.channels.size(), channels) << name;
    EXPECT_EQ(audio.samples(), samples) << name;
  }

  void expect_stems(const fs::path& song_folder, int sample_rate_hz, std::size_t channels,
                    std::size_t samples) {
    for (const char* stem : {"vocals.wav", "accompaniment.wav"}) {
      expect_audio("separated" / song_folder / stem, sample_rate_hz, channels, samples);
    }
  }

  /// The files below a folder, relative to it, sorted.
  std::vector<std::string> files(const fs::path& below) {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / below)) {
      if (!entry.is_directory()) names.push_back(fs::relative(entry.path(), folder_ / below).string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  TemporaryFolder folder_;
  fs::path model_ = folder_ / "tiny.safetensors";
};

}  // namespace svsep::test
