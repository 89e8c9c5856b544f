#include "svsep/encoder.hpp"

#include "support/audio_files.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"
#include "svsep/decoder.hpp"
#include "svsep/error.hpp"

#include <cmath>
#include <csignal>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <sys/resource.h>

namespace svsep {
namespace {

namespace fs = std::filesystem;
using test::noise;
using test::TemporaryFolder;

struct Case {
  AudioFormat format;
  const char* file;
  double step;  // between neighbouring values; 0 for float
};

constexpr std::array kCases = {
    Case{AudioFormat::wav_s16, "a16.wav", 0x1p-15}, Case{AudioFormat::wav_s24, "a24.wav", 0x1p-23},
    Case{AudioFormat::wav_f32, "af.wav", 0.0}, Case{AudioFormat::flac, "a.flac", 0x1p-23}};

void encode(const fs::path& path, AudioFormat format, int rate_hz, const AudioBuffer& song,
            std::size_t block_samples = 1 << 20) {
  Encoder encoder(path, {format, rate_hz, static_cast<int>(song.channels.size())});
  for (std::size_t from = 0; from < song.samples(); from += block_samples) {
    const std::size_t to = std::min(from + block_samples, song.samples());
    AudioBuffer block;
    for (const auto& channel : song.channels) {
      block.channels.emplace_back(channel.begin() + static_cast<std::ptrdiff_t>(from),
                                  channel.begin() + static_cast<std::ptrdiff_t>(to));
    }
    encoder.write(block);
  }
  encoder.finish();
}

/// What ffmpeg, not our Decoder, reads: interleaved floats.
std::vector<float> read_by_ffmpeg(const fs::path& path) {
  const auto result = test::run({"ffmpeg", "-v", "error", "-i", path.string(), "-f", "f32le", "-"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  std::vector<float> values(result.out.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), result.out.data(), values.size() * sizeof(float));
  return values;
}

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class Action>
std::string output_error(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::output);
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST(Encoder, WritesEverySampleRoundedToTheNearestValue) {
  const TemporaryFolder folder;
  for (const Case& one : kCases) {
    for (const std::size_t channels : {1U, 2U, 3U, 6U, 8U}) {
      const AudioBuffer song = noise(10007, channels, 0.9);
      encode(folder / one.file, one.format, 44100, song);
      const std::vector<float> read = read_by_ffmpeg(folder / one.file);
      ASSERT_EQ(read.size(), 10007 * channels) << one.file;
      double most = 0.0;
      for (std::size_t n = 0; n < song.samples(); ++n) {
        for (std::size_t c = 0; c < channels; ++c) {
          most = std::max(most, std::abs(double{read[n * channels + c]} - double{song.channels[c][n]}));
        }
      }
      EXPECT_LE(most, one.step / 2) << one.file << " with " << channels << " channels";
    }
  }
}

TEST(Encoder, WritesFilesThatOurDecoderReadsBack) {
  const TemporaryFolder folder;
  for (const Case& one : kCases) {
    for (const int rate_hz : {8000, 22050, 96000, 192000}) {
      encode(folder / one.file, one.format, rate_hz, noise(9001, 8));
      Decoder decoder(folder / one.file);
      EXPECT_EQ(decoder.sample_rate_hz(), rate_hz);
      EXPECT_EQ(decoder.channels(), 8);
      EXPECT_EQ(read_all(decoder).samples(), 9001U);
    }
  }
}

TEST(Encoder, WritesTheSameBytesHoweverTheSongWasCut) {
  const TemporaryFolder folder;
  const AudioBuffer song = noise(20011, 2);
  for (const Case& one : kCases) {
    encode(folder / one.file, one.format, 44100, song);
    const std::string bytes = bytes_of(folder / one.file);
    for (const std::size_t block_samples : {1U, 7U, 4096U, 4608U, 5000U}) {
      encode(folder / one.file, one.format, 44100, song, block_samples);
      EXPECT_TRUE(bytes_of(folder / one.file) == bytes) << one.file << " in blocks of " << block_samples;
    }
  }
}

TEST(Encoder, ClipsToFullScaleAndCounts) {
  const TemporaryFolder folder;
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  AudioBuffer song;
  song.channels = {{0.0F, 1.0F, -1.0F, 1.5F, -7.0F, inf, -inf, nan, 0.25F}};
  for (const Case& one : kCases) {
    Encoder encoder(folder / one.file, {one.format, 44100, 1});
    encoder.write(song);
    encoder.finish();
    const bool is_float = one.step == 0.0;
    EXPECT_EQ(encoder.clipped_samples(), is_float ? 0 : 4);  // full scale itself and NaN are not clipped
    const auto top = static_cast<float>(1.0 - one.step);
    const std::vector<float> expected =
        is_float ? std::vector{0.0F, 1.0F, -1.0F, 1.5F, -7.0F, inf, -inf, 0.0F, 0.25F}
                 : std::vector{0.0F, top, -1.0F, top, -1.0F, top, -1.0F, 0.0F, 0.25F};
    EXPECT_EQ(read_by_ffmpeg(folder / one.file), expected) << one.file;
  }
}

TEST(Encoder, RefusesWhatAFormatCannotHoldNamingRateAndChannels) {
  const TemporaryFolder folder;
  EXPECT_EQ(output_error([&] {
              Encoder(folder / "a.flac", {AudioFormat::flac, 44100, 9});
            }),
            "cannot write: " + (folder / "a.flac").string() +
                ": FLAC cannot hold 9 channels; wav16, wav24 and wav32f can");
  EXPECT_NE(output_error([&] {
              Encoder(folder / "a.flac", {AudioFormat::flac, 700001, 2});
            }).find("2 channels at 700001 Hz"),
            std::string::npos);
  EXPECT_NE(output_error([&] {
              Encoder(folder / "a.wav", {AudioFormat::wav_s24, 0, 2});
            }).find("24-bit WAV cannot hold 2 channels at 0 Hz"),
            std::string::npos);
  EXPECT_NE(output_error([&] {
              Encoder(folder / "a.wav", {AudioFormat::wav_s24, 44100, 0});
            }).find("0 channels"),
            std::string::npos);
  EXPECT_TRUE(fs::is_empty(folder.path()));
  encode(folder / "many.wav", AudioFormat::wav_s24, 44100, noise(1000, 24));
  EXPECT_EQ(read_by_ffmpeg(folder / "many.wav").size(), 24000U);
}

TEST(Encoder, LeavesNothingBehindUnlessItFinished) {
  const TemporaryFolder folder;
  const fs::path path = folder / "new folder" / "ä:b -x.wav";
  {
    Encoder encoder(path, {AudioFormat::wav_s24, 44100, 2});
    encoder.write(noise(100000, 2));
    EXPECT_FALSE(fs::exists(path));
  }
  EXPECT_FALSE(fs::exists(path.parent_path()));
  encode(path, AudioFormat::wav_s16, 44100, noise(1000, 2));
  const std::string before = bytes_of(path);
  Encoder(path, {AudioFormat::flac, 44100, 2}).write(noise(100000, 2));
  EXPECT_TRUE(bytes_of(path) == before);
  EXPECT_EQ(std::distance(fs::directory_iterator(path.parent_path()), {}), 1);
}

TEST(Encoder, WritesAnEmptySong) {
  const TemporaryFolder folder;
  for (const Case& one : kCases) {
    Encoder(folder / one.file, {one.format, 44100, 2}).finish();
    EXPECT_TRUE(read_by_ffmpeg(folder / one.file).empty()) << one.file;
  }
}

TEST(Encoder, SaysWhyItCannotWrite) {
  const TemporaryFolder folder;
  std::ofstream(folder / "file") << "x";
  EXPECT_NE(output_error([&] {
              Encoder(folder / "file" / "a.wav", {AudioFormat::wav_s24, 44100, 2});
            }).find("Not a directory"),
            std::string::npos);
}

TEST(Encoder, ReportsAFullDiskAndRemovesTheFile) {
  const TemporaryFolder folder;
  for (const FormatName& name : kFormatNames) {
    const fs::path path = folder / ("a." + std::string(name.extension));
    for (const std::size_t samples : {20000U, 200000U}) {  // fails at the end; fails on the way
      rlimit old{};
      getrlimit(RLIMIT_FSIZE, &old);
      const rlimit small = {4000, old.rlim_max};
      const auto handler = std::signal(SIGXFSZ, SIG_IGN);
      setrlimit(RLIMIT_FSIZE, &small);
      std::string text;
      try {
        encode(path, name.format, 48000, noise(samples, 2), 1000);
      } catch (const Error& error) {
        text = error.what();
      }
      setrlimit(RLIMIT_FSIZE, &old);
      std::signal(SIGXFSZ, handler);
      EXPECT_EQ(text, "cannot write: " + path.string() + ": File too large");
      EXPECT_TRUE(fs::is_empty(folder.path()));
    }
  }
}

}  // namespace
}  // namespace svsep
