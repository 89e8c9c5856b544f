// Every format at every rate and channel count, read back by our Decoder and by the ffmpeg command.

#include "support/audio_files.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"
#include "svsep/decoder.hpp"
#include "svsep/encoder.hpp"
#include "svsep/error.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <set>

namespace svsep {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;

TEST(NearestSampleRate, IsTheLowestThatIsNotBelowOrTheHighest) {
  EXPECT_EQ(nearest_sample_rate(AudioFormat::mp3, 44100), 44100);
  EXPECT_EQ(nearest_sample_rate(AudioFormat::mp3, 44101), 48000);
  EXPECT_EQ(nearest_sample_rate(AudioFormat::mp3, 192000), 48000);
  EXPECT_EQ(nearest_sample_rate(AudioFormat::mp3, 1000), 8000);
  EXPECT_EQ(nearest_sample_rate(AudioFormat::m4a, 192000), 96000);
  EXPECT_EQ(nearest_sample_rate(AudioFormat::m4a, 50000), 64000);
  EXPECT_EQ(nearest_sample_rate(AudioFormat::ogg, 11127), 11127);
  EXPECT_EQ(nearest_sample_rate(AudioFormat::ogg, 384000), 192000);
  EXPECT_EQ(nearest_sample_rate(AudioFormat::opus, 8000), 48000);
  EXPECT_EQ(nearest_sample_rate(AudioFormat::flac, 192000), 192000);
  EXPECT_EQ(nearest_sample_rate(AudioFormat::wav_s24, 11127), 11127);
}

bool holds(AudioFormat format, std::size_t channels) {
  if (format == AudioFormat::mp3) return channels <= 2;
  if (format == AudioFormat::opus) return channels != 5 && channels != 7;
  return true;
}

TEST(Encoder, NamesTheFormatsThatHoldTheChannelsWhereOneCannot) {
  const TemporaryFolder folder;
  const auto text = [&](AudioFormat format, int channels) -> std::string {
    try {
      Encoder(folder / "a", {format, 48000, channels});
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::output);
      return error.what();
    }
    return "";
  };
  const std::string start = "cannot write: " + (folder / "a").string() + ": ";
  EXPECT_EQ(text(AudioFormat::mp3, 6),
            start + "MP3 cannot hold 6 channels; wav16, wav24, wav32f, flac, m4a, ogg and opus can");
  EXPECT_EQ(text(AudioFormat::opus, 7),
            start + "Opus cannot hold 7 channels; wav16, wav24, wav32f, flac, m4a and ogg can");
  EXPECT_EQ(text(AudioFormat::ogg, 9),
            start + "Ogg Vorbis cannot hold 9 channels; wav16, wav24 and wav32f can");
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

/// Noise whose power lies below an eighth of the rate mostly, different in every channel: codecs keep it, and
/// one sample of delay would show in a difference.
AudioBuffer dull_noise(std::size_t samples, std::size_t channels) {
  AudioBuffer song = test::noise(samples, channels, 0.9);
  for (auto& channel : song.channels) {
    float state = 0.0F;
    for (float& value : channel) value = state += 0.15F * (value - state);
  }
  return song;
}

void encode(const fs::path& path, const EncoderSettings& settings, const AudioBuffer& song) {
  Encoder encoder(path, settings);
  encoder.write(song);
  encoder.finish();
}

double snr_db(const std::vector<float>& wanted, const std::vector<float>& got) {
  double power = 0.0;
  double error = 1e-30;
  for (std::size_t n = 0; n < wanted.size(); ++n) {
    power += double{wanted[n]} * double{wanted[n]};
    error += std::pow(double{wanted[n]} - double{got[n]}, 2.0);
  }
  return 10.0 * std::log10(power / error);
}

nlohmann::json ffprobe(const fs::path& path) {
  const auto result =
      test::run({"ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", path.string()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return nlohmann::json::parse(result.out);
}

/// Samples per channel that FFmpeg's programs find. ffmpeg 5.1 plays an MP4's last packet whole, so there it
/// is the length that the edit list states.
std::size_t samples_by_ffmpeg(const fs::path& path, const EncoderSettings& settings) {
  if (settings.format == AudioFormat::m4a) {
    const auto stream = ffprobe(path)["streams"][0];
    EXPECT_EQ(stream["time_base"], "1/" + std::to_string(settings.sample_rate_hz));
    return stream["duration_ts"].get<std::size_t>();
  }
  const auto result = test::run({"ffmpeg", "-v", "error", "-i", path.string(), "-f", "f32le", "-"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  return result.out.size() / sizeof(float) / static_cast<std::size_t>(settings.channels);
}

/// By how many samples `got` comes later than `wanted`, within -1500..1500.
std::ptrdiff_t delay(const std::vector<float>& wanted, const std::vector<float>& got) {
  constexpr std::ptrdiff_t kMost = 1500;
  std::ptrdiff_t best = 0;
  double best_product = 0.0;
  for (std::ptrdiff_t lag = -kMost; lag <= kMost; ++lag) {
    double product = 0.0;
    for (std::ptrdiff_t n = kMost; n < std::ssize(wanted) - kMost; ++n) {
      product += double{wanted[static_cast<std::size_t>(n)]} * double{got[static_cast<std::size_t>(n + lag)]};
    }
    if (product > best_product) {
      best_product = product;
      best = lag;
    }
  }
  return best;
}

class Formats : public testing::TestWithParam<FormatName> {
 protected:
  [[nodiscard]] fs::path path() const { return folder_ / ("a." + std::string(GetParam().extension)); }

 private:
  TemporaryFolder folder_;
};

TEST_P(Formats, KeepEveryLengthRateAndChannelCount) {
  const AudioFormat format = GetParam().format;
  std::set<int> rates_hz;
  for (const int rate_hz : {8000, 16000, 22050, 32000, 44100, 48000, 96000, 192000}) {
    rates_hz.insert(nearest_sample_rate(format, rate_hz));
  }
  for (const int rate_hz : rates_hz) {
    for (const int channels : {1, 2, 6}) {
      if (!holds(format, static_cast<std::size_t>(channels))) continue;
      SCOPED_TRACE(std::to_string(rate_hz) + " Hz, " + std::to_string(channels) + " channels");
      const EncoderSettings settings = {format, rate_hz, channels};
      const AudioBuffer song =
          dull_noise(static_cast<std::size_t>(0.3 * rate_hz) + 7, static_cast<std::size_t>(channels));
      encode(path(), settings, song);
      Decoder decoder(path());
      EXPECT_EQ(decoder.sample_rate_hz(), rate_hz);
      const AudioBuffer read = read_all(decoder);
      ASSERT_EQ(read.channels.size(), song.channels.size());
      ASSERT_EQ(read.samples(), song.samples());
      EXPECT_EQ(samples_by_ffmpeg(path(), settings), song.samples());
      for (std::size_t c = 0; c < song.channels.size(); ++c) {
        // AAC and Vorbis keep of the fourth of six channels only what a subwoofer plays.
        if (c == 3 && (format == AudioFormat::m4a || format == AudioFormat::ogg)) continue;
        // One sample of delay would be 5 dB.
        const double least_db = GetParam().is_lossy ? 9.0 : format == AudioFormat::wav_s16 ? 80.0 : 130.0;
        EXPECT_GT(snr_db(song.channels[c], read.channels[c]), least_db);
      }
    }
  }
}

TEST_P(Formats, KeepEverySampleInItsPlace) {
  const int rate_hz = nearest_sample_rate(GetParam().format, 44100);
  const AudioBuffer song = dull_noise(12007, 2);
  encode(path(), {GetParam().format, rate_hz, 2}, song);
  Decoder decoder(path());
  const AudioBuffer read = read_all(decoder);
  ASSERT_EQ(read.samples(), song.samples());
  for (std::size_t c = 0; c < 2; ++c) EXPECT_EQ(delay(song.channels[c], read.channels[c]), 0);
}

TEST_P(Formats, HoldUpToEightChannelsInTheirOrder) {
  const int rate_hz = nearest_sample_rate(GetParam().format, 44100);
  for (std::size_t channels = 1; channels <= 8; ++channels) {
    const EncoderSettings settings = {GetParam().format, rate_hz, static_cast<int>(channels)};
    if (!holds(settings.format, channels)) continue;
    // Each channel's tone is its own, and low enough for a subwoofer's.
    AudioBuffer song(channels, 20000);
    for (std::size_t c = 0; c < channels; ++c) {
      song.channels[c] = test::sine(rate_hz, 20000, 1, 50.0 + 10.0 * static_cast<double>(c)).channels[0];
    }
    encode(path(), settings, song);
    Decoder decoder(path());
    const AudioBuffer read = read_all(decoder);
    ASSERT_EQ(read.channels.size(), channels);
    ASSERT_EQ(read.samples(), song.samples());
    for (std::size_t c = 0; c < channels; ++c) {
      EXPECT_GT(snr_db(song.channels[c], read.channels[c]), 6.0) << c << " of " << channels;
    }
  }
}

TEST_P(Formats, KeepTheLengthOfAVeryShortSong) {
  const int rate_hz = nearest_sample_rate(GetParam().format, 44100);
  for (const std::size_t samples : {1U, 2U, 100U, 1000U, 1105U, 2048U, 2049U, 4608U, 4609U, 6000U}) {
    encode(path(), {GetParam().format, rate_hz, 2}, dull_noise(samples, 2));
    Decoder decoder(path());
    EXPECT_EQ(read_all(decoder).samples(), samples);
  }
}

TEST_P(Formats, ClipAtFullScaleUnlessTheyAreFloatAndSayThePeak) {
  AudioBuffer song = test::sine(48000, 48000, 2, 440.0, 2.0);  // the second channel reaches full scale
  song.channels[0][5] = std::numeric_limits<float>::infinity();
  song.channels[1][6] = std::numeric_limits<float>::quiet_NaN();
  Encoder encoder(path(), {GetParam().format, 48000, 2});
  EXPECT_EQ(encoder.peak(), 0.0F);
  encoder.write(song);
  encoder.finish();
  EXPECT_NEAR(encoder.peak(), 2.0F, 1e-4F);
  const auto beyond = std::count_if(song.channels[0].begin(), song.channels[0].end(),
                                    [](float value) { return std::abs(value) > 1.0F; });
  EXPECT_EQ(encoder.clipped_samples(), GetParam().format == AudioFormat::wav_f32 ? 0 : beyond);
}

TEST_P(Formats, TakeABitRateIfTheyAreLossy) {
  if (!GetParam().is_lossy) return;
  const AudioBuffer song = dull_noise(3 * 48000, 2);
  encode(path(), {GetParam().format, 48000, 2, 96}, song);
  const double kbps = static_cast<double>(fs::file_size(path())) * 8.0 / 3000.0;
  EXPECT_NEAR(kbps, 96.0, 24.0);
}

INSTANTIATE_TEST_SUITE_P(All, Formats, testing::ValuesIn(kFormatNames),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace svsep
