#include "demo_song.hpp"
#include "support/audio_files.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"
#include "svsep/stem_file.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>

namespace svsep {
namespace {

namespace fs = std::filesystem;

AudioBuffer decode_stem(const fs::path& song, Stem stem) {
  Decoder decoder = open_stem(song, stem);
  return read_all(decoder);
}

AudioBuffer decode(const fs::path& path) {
  Decoder decoder(path);
  return read_all(decoder);
}

/// 10 log10 (power of the reference / power of the error) over all channels.
double global_sdr_db(const AudioBuffer& reference, const AudioBuffer& estimate) {
  double signal = 0;
  double error = 0;
  for (std::size_t channel = 0; channel < reference.channels.size(); ++channel) {
    const std::size_t samples = std::min(reference.samples(), estimate.samples());
    for (std::size_t n = 0; n < samples; ++n) {
      const double value = reference.channels[channel][n];
      signal += value * value;
      error += std::pow(value - static_cast<double>(estimate.channels[channel][n]), 2);
    }
  }
  return 10 * std::log10(signal / error);
}

TEST(ShippedModel, IsFoundWithoutAFlag) {
  const test::TemporaryFolder folder;
  test::write_wav_s16(folder / "song.wav", test::noise(22050), 44100);
  const test::RunResult result = test::run_svsep({"separate", "song.wav"}, {}, folder.path());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(fs::exists(folder / "separated/song/vocals.wav"));
}

TEST(ShippedModel, IsShownByItsName) {
  EXPECT_EQ(test::run_svsep({"info", "cnn"}).exit_code, 0);
  EXPECT_EQ(test::run_svsep({"info"}).exit_code, 2);
}

struct Limits {
  const char* model;
  double vocals_db;
  double accompaniment_db;
  double demo_vocals_db;
  double demo_accompaniment_db;
};

class ShippedModels : public testing::TestWithParam<Limits> {};

// Silence scores 0 dB, the mixture itself -1.6 dB (vocals) and 1.6 dB (accompaniment); the limits lie well
// below what the models' cards report, so that they only catch a model or a pipeline that is broken.
TEST_P(ShippedModels, SeparateARealSongThatTheyNeverHeard) {
  const std::string name = "Music Delta - 80s Rock";
  const fs::path song = fs::path(SVSEP_DATA_DIR) / "real" / (name + ".stem.mp4");
  if (!fs::exists(song)) GTEST_SKIP() << "needs " << song;
  const test::TemporaryFolder folder;
  const test::RunResult result =
      test::run_svsep({"separate", song.string(), "-o", folder.path().string(), "-m", GetParam().model});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_GT(global_sdr_db(decode_stem(song, Stem::vocals), decode(folder / name / "vocals.wav")),
            GetParam().vocals_db);
  AudioBuffer accompaniment = decode_stem(song, Stem::drums);
  for (const Stem stem : {Stem::bass, Stem::other}) {
    const AudioBuffer part = decode_stem(song, stem);
    for (std::size_t channel = 0; channel < part.channels.size(); ++channel) {
      std::transform(part.channels[channel].begin(), part.channels[channel].end(),
                     accompaniment.channels[channel].begin(), accompaniment.channels[channel].begin(),
                     [](float a, float b) { return a + b; });
    }
  }
  EXPECT_GT(global_sdr_db(accompaniment, decode(folder / name / "accompaniment.wav")),
            GetParam().accompaniment_db);
}

// The same of a song that the project synthesises, which everybody has. The unet hears an instrument in most
// of its voice (1.5 dB).
TEST_P(ShippedModels, SeparateTheDemonstrationSong) {
  const test::TemporaryFolder folder;
  const demo_song::Stems stems = demo_song::synthesise();
  {
    Encoder song(folder / "song.wav", {AudioFormat::wav_f32, demo_song::kSampleRateHz, 2});
    song.write(demo_song::sum(stems));
    song.finish();
  }
  const test::RunResult result =
      test::run_svsep({"separate", "song.wav", "-m", GetParam().model}, {}, folder.path());
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const fs::path out = folder / "separated/song";
  EXPECT_GT(global_sdr_db(stems.vocals, decode(out / "vocals.wav")), GetParam().demo_vocals_db);
  EXPECT_GT(global_sdr_db(stems.accompaniment, decode(out / "accompaniment.wav")),
            GetParam().demo_accompaniment_db);
}

INSTANTIATE_TEST_SUITE_P(All, ShippedModels,
                         testing::Values(Limits{"cnn", 3.5, 5.0, 9.0, 9.0},
                                         Limits{"unet", 7.0, 8.5, 0.5, 0.2}),
                         [](const auto& limits) { return std::string(limits.param.model); });

}  // namespace
}  // namespace svsep
