#include "separate_fixture.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace {

using namespace svsep;

/// `svsep separate` with tiny networks of a published family.
class SeparateStems : public test::SeparateTest {
 protected:
  static constexpr std::size_t kSamples = 5001;
  const std::filesystem::path model_of_two_ = SVSEP_GOLDEN_DIR "/bs_roformer_tiny_stems.safetensors";

  SeparateStems() { test::write_wav_f32(folder_ / "song.wav", test::sine(44100, kSamples, 2, 440), 44100); }
  AudioBuffer stem(const std::string& name) {
    return test::decode(folder_ / "separated/song" / (name + ".wav"));
  }
  /// The largest difference between the song and the sum of these stems.
  double missing(const std::vector<std::string>& names) {
    AudioBuffer rest = test::decode(folder_ / "song.wav");
    for (const std::string& name : names) {
      const AudioBuffer part = stem(name);
      EXPECT_EQ(part.samples(), kSamples);
      for (std::size_t n = 0; n < kSamples; ++n) rest.channels[1][n] -= part.channels[1][n];
    }
    double largest = 0;
    for (const float value : rest.channels[1]) largest = std::max(largest, std::abs(double{value}));
    return largest;
  }
};

TEST_F(SeparateStems, AddUpToTheSong) {
  ASSERT_EQ(separate({"song.wav", "--format", "wav32f"}, model_of_two_).exit_code, 0);
  EXPECT_LT(missing({"vocals", "accompaniment"}), 1e-5);
  ASSERT_EQ(
      separate({"song.wav", "--format", "wav32f", "--stems", "all,rest", "--overwrite", "--overlap", "0.25"},
               model_of_two_)
          .exit_code,
      0);
  EXPECT_LT(missing({"vocals", "drums", "rest"}), 1e-5);
}

TEST_F(SeparateStems, GoIntoStemFilesMixesAndFigures) {
  const test::RunResult file =
      separate({"song.wav", "--format", "stem.mp4", "--stems", "all", "--plot"}, model_of_two_);
  ASSERT_EQ(file.exit_code, 0) << file.err;
  for (std::size_t stream = 0; stream < 3; ++stream) {  // mixture, vocals, drums
    Decoder decoder(folder_ / "separated/song.stem.mp4", stream);
    EXPECT_EQ(read_all(decoder).samples(), kSamples);
  }
  ASSERT_EQ(
      separate({"song.wav", "--format", "wav32f", "--karaoke", "--vocal-gain", "0"}, model_of_two_).exit_code,
      0);
  EXPECT_LT(missing({"karaoke"}), 1e-5);
}

TEST_F(SeparateStems, ThatTheModelCannotGiveAreRefused) {
  const auto expect_usage_error = [&](const std::vector<std::string>& arguments, const std::string& text) {
    const test::RunResult result = separate(arguments, model_of_two_);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_NE(result.err.find(text), std::string::npos) << result.err;
  };
  expect_usage_error({"song.wav", "--stems", "vocals,piano"}, "vocals, drums, accompaniment, rest or all");
  expect_usage_error({"song.wav", "--vocal-thresh", "0.2"}, "--vocal-thresh");
  expect_usage_error({"song.wav", "--acc-from", "residual"}, "--acc-from");
}

}  // namespace
