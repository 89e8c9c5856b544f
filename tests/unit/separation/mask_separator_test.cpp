#include "support/separate.hpp"
#include "svsep/error.hpp"
#include "svsep/mask_estimator.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <gtest/gtest.h>
#include <numbers>
#include <span>
#include <utility>
#include <vector>

namespace svsep {
namespace {

constexpr int kRateHz = 22050;

/// Masks from a rule on the block of magnitudes, in place of a network.
class FakeEstimator : public MaskEstimator {
 public:
  using Rule = std::function<float(std::span<const float> magnitudes, std::size_t bins, std::size_t frame,
                                   std::size_t bin)>;

  FakeEstimator(std::size_t context, std::size_t batch, Rule rule)
      : context_(context), batch_(batch), rule_(std::move(rule)) {}

  AnalysisParameters analysis() const override { return {}; }
  std::size_t context_frames() const override { return context_; }
  std::size_t batch_frames() const override { return batch_; }
  void estimate(std::span<const float> magnitudes, std::span<float> mask) override {
    const std::size_t bins = analysis().stft.bins();
    ASSERT_EQ(magnitudes.size(), (2 * context_ + batch_) * bins);
    ASSERT_EQ(mask.size(), batch_ * bins);
    for (std::size_t frame = 0; frame < batch_; ++frame) {
      for (std::size_t bin = 0; bin < bins; ++bin) {
        mask[frame * bins + bin] = rule_(magnitudes, bins, frame + context_, bin);
      }
    }
  }

 private:
  std::size_t context_;
  std::size_t batch_;
  Rule rule_;
};

FakeEstimator constant(float mask) {
  return {0, 16, [mask](auto, auto, auto, auto) { return mask; }};
}

struct Stems {
  AudioBuffer vocals;
  AudioBuffer accompaniment;
};

/// Separates `song` cut into blocks whose sizes cycle through `block_samples`.
Stems separate(MaskEstimator& estimator, const AudioBuffer& song, int sample_rate_hz = kRateHz,
               const SeparationSettings& settings = {},
               const std::vector<std::size_t>& block_samples = {4096}) {
  std::vector<AudioBuffer> both = separate_stems(estimator, song, sample_rate_hz, settings, block_samples);
  return {std::move(both[0]), std::move(both[1])};
}

TEST(MaskSeparator, GivesTheMixtureAsVocalsForAMaskOfOnes) {
  FakeEstimator estimator = constant(1.0F);
  const AudioBuffer song = noise(2, 30000);
  const Stems stems = separate(estimator, song);
  for (std::size_t channel = 0; channel < 2; ++channel) {
    EXPECT_LT(largest_difference(stems.vocals.channels[channel], song.channels[channel]), 1e-5);
    EXPECT_LT(largest_difference(stems.accompaniment.channels[channel], std::vector<float>(30000)), 1e-6);
  }
}

TEST(MaskSeparator, GivesStemsThatSumToTheMixtureForAnyMask) {
  FakeEstimator estimator(
      3, 8, [](std::span<const float> magnitudes, std::size_t bins, std::size_t frame, std::size_t bin) {
        return 1.0F / (1.0F + magnitudes[frame * bins + bin]);
      });
  const AudioBuffer song = noise(1, 25000);
  const Stems stems = separate(estimator, song);
  std::vector<float> sum(stems.vocals.channels[0]);
  for (std::size_t n = 0; n < sum.size(); ++n) sum[n] += stems.accompaniment.channels[0][n];
  EXPECT_LT(largest_difference(sum, song.channels[0]), 1e-5);
}

TEST(MaskSeparator, KeepsTheExactLengthAtEveryRate) {
  for (const int rate_hz : {8000, 22050, 44100, 48000, 192000}) {
    for (const std::size_t samples : {1U, 2U, 100U, 1023U, 44101U}) {
      FakeEstimator estimator = constant(0.5F);
      const Stems stems = separate(estimator, noise(1, samples), rate_hz);
      EXPECT_EQ(stems.vocals.samples(), samples) << rate_hz;
      EXPECT_EQ(stems.accompaniment.samples(), samples) << rate_hz;
    }
  }
}

TEST(MaskSeparator, GivesNothingForASongWithoutSamples) {
  FakeEstimator estimator = constant(0.5F);
  EXPECT_EQ(separate(estimator, AudioBuffer(1, 0)).vocals.samples(), 0U);
}

TEST(MaskSeparator, GivesTheStemsTheRateThatIsAskedFor) {
  FakeEstimator estimator = constant(0.5F);
  const Stems stems = separate(estimator, noise(2, 44101), 44100, {.output_sample_rate_hz = 48000});
  EXPECT_EQ(stems.vocals.samples(), 48001U);  // round(44101 * 48000 / 44100)
  EXPECT_EQ(stems.accompaniment.samples(), 48001U);
}

TEST(MaskSeparator, RefusesSampleRatesThatNothingHas) {
  FakeEstimator estimator = constant(0.5F);
  EXPECT_THROW(separate(estimator, noise(1, 10), 0), Error);
  EXPECT_THROW(separate(estimator, noise(1, 10), 10'000'000), Error);
}

TEST(MaskSeparator, ShowsTheEstimatorTheSamePictureAtEveryRate) {
  constexpr double kSineHz = 2002.588;  // the middle of the model's bin 372
  for (const int rate_hz : {22050, 44100, 48000, 96000}) {
    float loudest = 0;
    std::size_t loudest_bin = 0;
    FakeEstimator estimator(
        0, 16, [&](std::span<const float> magnitudes, std::size_t bins, std::size_t frame, std::size_t bin) {
          if (frame == 8 && magnitudes[frame * bins + bin] > loudest) {
            loudest = magnitudes[frame * bins + bin];
            loudest_bin = bin;
          }
          return 0.0F;
        });
    AudioBuffer song(1, static_cast<std::size_t>(rate_hz) / 5);
    for (std::size_t n = 0; n < song.samples(); ++n) {
      song.channels[0][n] = static_cast<float>(
          0.5 * std::sin(2 * std::numbers::pi * kSineHz * static_cast<double>(n) / rate_hz));
    }
    separate(estimator, song, rate_hz);
    EXPECT_NEAR(static_cast<double>(loudest_bin), 372, 2) << rate_hz;
    EXPECT_NEAR(loudest, 0.5 * 512 / 2, 2) << rate_hz;  // amplitude x sum of the model's window / 2
  }
}

TEST(MaskSeparator, RefusesChannelCountsThatNothingHas) {
  FakeEstimator estimator = constant(0.5F);
  for (const int channels : {-1, 0, 65}) {
    EXPECT_THROW((void)estimator.make_separator({44100, channels}, {}, [](auto) {}), Error) << channels;
  }
}

TEST(MaskSeparator, RefusesBlocksThatDoNotFitTheSong) {
  FakeEstimator estimator = constant(0.5F);
  const auto separator = estimator.make_separator({44100, 2}, {}, [](auto) {});
  AudioBuffer uneven(2, 10);
  uneven.channels[1].pop_back();
  for (const AudioBuffer& block : {AudioBuffer(), AudioBuffer(1, 10), AudioBuffer(3, 10), uneven}) {
    EXPECT_THROW(separator->push(block), Error);
  }
  separator->push(AudioBuffer(2, 10));
  separator->finish();
}

/// As constant(), of a model with thresholds of its own.
class ThresholdEstimator : public FakeEstimator {
 public:
  ThresholdEstimator() : FakeEstimator(constant(0.3F)) {}
  Thresholds thresholds() const override { return {.vocals = 0.31F, .accompaniment = 0}; }
};

TEST(MaskSeparator, TakesTheModelsThresholdsUnlessOthersAreGiven) {
  ThresholdEstimator estimator;
  const AudioBuffer song = noise(1, 20000);
  const std::vector<float> silence(20000);
  EXPECT_EQ(separate(estimator, song).vocals.channels[0], silence);
  const Stems others = separate(estimator, song, kRateHz, {.thresholds = Thresholds{}});
  EXPECT_GT(largest_difference(others.vocals.channels[0], silence), 0.1);
}

TEST(MaskSeparator, GivesTheStemsThatAreWantedInTheirOrder) {
  FakeEstimator estimator = constant(0.3F);
  const AudioBuffer song = noise(1, 20000);
  const Stems both = separate(estimator, song);
  const auto wanted = [&](const std::vector<std::string>& stems) {
    return separate_stems(estimator, song, kRateHz, {.stems = stems});
  };
  EXPECT_EQ(estimator.stems(), (std::vector<std::string>{"vocals", "accompaniment"}));
  EXPECT_EQ(wanted({"accompaniment"})[0].channels, both.accompaniment.channels);
  EXPECT_EQ(wanted({"accompaniment", "vocals"})[1].channels, both.vocals.channels);
  EXPECT_EQ(wanted({"all"})[1].channels, both.accompaniment.channels);
  EXPECT_THROW(wanted({"drums"}), Error);
  EXPECT_THROW(wanted({"rest"}), Error);
}

TEST(MaskSeparator, KeepsASineInPlaceAtAnotherRate) {
  AudioBuffer song(1, 44100);
  for (std::size_t n = 0; n < song.samples(); ++n) {
    song.channels[0][n] =
        static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * 1000 * static_cast<double>(n) / 44100));
  }
  FakeEstimator estimator = constant(1.0F);
  const Stems stems = separate(estimator, song, 44100);
  EXPECT_LT(largest_difference(stems.vocals.channels[0], song.channels[0]), 1e-5);
}

TEST(MaskSeparator, DoesNotDependOnHowTheSongIsCut) {
  FakeEstimator estimator(
      5, 7, [](std::span<const float> magnitudes, std::size_t bins, std::size_t frame, std::size_t bin) {
        const float before = magnitudes[(frame - 5) * bins + bin];
        const float after = magnitudes[(frame + 5) * bins + bin];
        return before / (before + after + 1.0F);
      });
  const AudioBuffer song = noise(2, 50001);
  const Stems whole = separate(estimator, song, 44100, {}, {50001});
  for (const std::vector<std::size_t>& sizes :
       std::vector<std::vector<std::size_t>>{{1, 2, 3, 1021}, {997}, {4096, 1}}) {
    const Stems cut = separate(estimator, song, 44100, {}, sizes);
    EXPECT_EQ(cut.vocals.channels, whole.vocals.channels);
    EXPECT_EQ(cut.accompaniment.channels, whole.accompaniment.channels);
  }
}

TEST(MaskSeparator, ShowsTheEstimatorSilenceBeyondTheEndsAndEachFrameInItsPlace) {
  constexpr std::size_t kContext = 3;
  constexpr std::size_t kBatch = 4;
  std::vector<float> first_bin_seen;  // of every frame that is asked for
  std::vector<float> first_bin_before;
  FakeEstimator estimator(
      kContext, kBatch,
      [&](std::span<const float> magnitudes, std::size_t bins, std::size_t frame, std::size_t bin) {
        if (bin == 0) {
          first_bin_seen.push_back(magnitudes[frame * bins]);
          first_bin_before.push_back(magnitudes[(frame - kContext) * bins]);
        }
        return 0.0F;
      });
  const AudioBuffer song = noise(1, 256 * 20);
  separate(estimator, song);
  std::vector<float> expected;
  Stft stft(StftParameters{}, [&](Spectrum frame) { expected.push_back(std::abs(frame[0])); });
  stft.push(song.channels[0]);
  stft.finish();
  ASSERT_EQ(expected.size(), 21U);
  ASSERT_EQ(first_bin_seen.size(), 24U);  // whole batches
  for (std::size_t frame = 0; frame < 24; ++frame) {
    EXPECT_EQ(first_bin_seen[frame], frame < 21 ? expected[frame] : 0.0F) << frame;
    EXPECT_EQ(first_bin_before[frame], frame < kContext ? 0.0F : expected[frame - kContext]) << frame;
  }
}

TEST(MaskSeparator, SilencesMaskValuesBelowTheThresholds) {
  const AudioBuffer song = noise(1, 20000);
  const std::vector<float> silence(20000);
  FakeEstimator estimator = constant(0.3F);  // the accompaniment's is 0.7
  const Stems both =
      separate(estimator, song, kRateHz, {.thresholds = Thresholds{.vocals = 0.29F, .accompaniment = 0.69F}});
  EXPECT_GT(largest_difference(both.vocals.channels[0], silence), 0.1);
  EXPECT_GT(largest_difference(both.accompaniment.channels[0], silence), 0.1);
  const Stems none =
      separate(estimator, song, kRateHz, {.thresholds = Thresholds{.vocals = 0.31F, .accompaniment = 0.71F}});
  EXPECT_EQ(largest_difference(none.vocals.channels[0], silence), 0.0);
  EXPECT_EQ(largest_difference(none.accompaniment.channels[0], silence), 0.0);
}

/// Half low and half high of the model's 11 025 Hz, at 48 kHz.
AudioBuffer two_sines(std::size_t samples) {
  AudioBuffer song(1, samples);
  for (std::size_t n = 0; n < samples; ++n) {
    const double t_s = static_cast<double>(n) / 48000;
    song.channels[0][n] = static_cast<float>(0.3 * std::sin(2 * std::numbers::pi * 9000 * t_s) +
                                             0.2 * std::sin(2 * std::numbers::pi * 15000 * t_s));
  }
  return song;
}

double rms(const std::vector<float>& samples) {
  double power = 0;
  for (const float value : samples) power += static_cast<double>(value * value);
  return std::sqrt(power / static_cast<double>(samples.size()));
}

TEST(MaskSeparator, PutsWhatLiesAboveTheModelsBandWhereItIsTold) {
  const AudioBuffer song = two_sines(48000);
  const double low = 0.3 / std::numbers::sqrt2;
  const double high = 0.2 / std::numbers::sqrt2;
  FakeEstimator estimator = constant(0.25F);
  const auto levels = [&](HighBand high_band) {
    const Stems stems = separate(estimator, song, 48000, {.high_band = high_band});
    return std::pair(rms(slice(stems.vocals, 8000, 40000).channels[0]),
                     rms(slice(stems.accompaniment, 8000, 40000).channels[0]));
  };
  const auto [split_vocals, split_accompaniment] = levels(HighBand::split);
  EXPECT_NEAR(split_vocals, 0.25 * std::hypot(low, high), 2e-3);
  EXPECT_NEAR(split_accompaniment, 0.75 * std::hypot(low, high), 2e-3);
  const auto [plain_vocals, full_accompaniment] = levels(HighBand::accompaniment);
  EXPECT_NEAR(plain_vocals, 0.25 * low, 2e-3);
  EXPECT_NEAR(full_accompaniment, std::hypot(0.75 * low, high), 2e-3);
  const auto [band_vocals, band_accompaniment] = levels(HighBand::drop);
  EXPECT_NEAR(band_vocals, 0.25 * low, 2e-3);
  EXPECT_NEAR(band_accompaniment, 0.75 * low, 2e-3);
}

TEST(MaskSeparator, GivesStemsThatSumToTheMixtureAtFullBandwidth) {
  FakeEstimator estimator(
      3, 8, [](std::span<const float> magnitudes, std::size_t bins, std::size_t frame, std::size_t bin) {
        return 1.0F / (1.0F + magnitudes[frame * bins + bin]);
      });
  const AudioBuffer song = noise(1, 60000);
  const Stems stems = separate(estimator, song, 44100);
  std::vector<float> sum(stems.vocals.channels[0]);
  for (std::size_t n = 0; n < sum.size(); ++n) sum[n] += stems.accompaniment.channels[0][n];
  EXPECT_LT(largest_difference(sum, song.channels[0]), 1e-5);
}

TEST(MaskSeparator, GivesMixtureMinusVocalsAsResidual) {
  FakeEstimator estimator = constant(0.4F);
  const AudioBuffer song = noise(1, 60000);
  const Stems stems = separate(estimator, song, 44100,
                               {.thresholds = Thresholds{.vocals = 0.2F, .accompaniment = 0.9F},
                                .accompaniment = AccompanimentSource::residual});
  for (std::size_t n = 0; n < song.samples(); ++n) {
    ASSERT_EQ(stems.accompaniment.channels[0][n], song.channels[0][n] - stems.vocals.channels[0][n]);
  }
}

TEST(MaskSeparator, MasksEveryChannelByTheMeanPowerOfAll) {
  FakeEstimator estimator(
      2, 8, [](std::span<const float> magnitudes, std::size_t bins, std::size_t frame, std::size_t bin) {
        return std::min(1.0F, magnitudes[frame * bins + bin]);
      });
  const float gain = std::sqrt(3.0F);
  AudioBuffer mono = noise(1, 12345);
  AudioBuffer song(3, mono.samples());  // one channel alone holds the song, with three times the power
  for (std::size_t n = 0; n < song.samples(); ++n) song.channels[1][n] = gain * mono.channels[0][n];
  const Stems alone = separate(estimator, mono);
  const Stems together = separate(estimator, song);
  for (float& value : mono.channels[0]) value = 0;
  EXPECT_EQ(together.vocals.channels[0], mono.channels[0]);
  EXPECT_EQ(together.accompaniment.channels[2], mono.channels[0]);
  for (std::size_t n = 0; n < song.samples(); ++n) {
    ASSERT_NEAR(together.vocals.channels[1][n], gain * alone.vocals.channels[0][n], 1e-4);
  }
}

/// Answers for steps of four frames at a song's end.
class SteppingEstimator : public MaskEstimator {
 public:
  AnalysisParameters analysis() const override { return {}; }
  std::size_t context_frames() const override { return 3; }
  std::size_t batch_frames() const override { return 16; }
  std::size_t step_frames() const override { return 4; }
  void estimate(std::span<const float> magnitudes, std::span<float> mask) override {
    const std::size_t bins = analysis().stft.bins();
    answered.push_back(mask.size() / bins);
    ASSERT_EQ(magnitudes.size(), (2 * context_frames() + answered.back()) * bins);
    for (std::size_t n = 0; n < mask.size(); ++n) {  // by what lies a context before the frame and behind it
      const std::size_t from = n % bins + n / bins * bins;
      mask[n] = magnitudes[from] > magnitudes[from + 2 * context_frames() * bins] ? 1.0F : 0.25F;
    }
  }

  std::vector<std::size_t> answered;
};

TEST(MaskSeparator, AsksForNoMoreThanAShortSongNeeds) {
  SteppingEstimator estimator;
  FakeEstimator whole_batches(
      3, 16, [](auto magnitudes, std::size_t bins, std::size_t frame, std::size_t bin) {
        return magnitudes[(frame - 3) * bins + bin] > magnitudes[(frame + 3) * bins + bin] ? 1.0F : 0.25F;
      });
  const AudioBuffer song = noise(1, 5 * 256);  // 6 frames
  const Stems stems = separate(estimator, song);
  EXPECT_EQ(estimator.answered, (std::vector<std::size_t>{8}));
  EXPECT_EQ(stems.vocals.channels, separate(whole_batches, song).vocals.channels);
  (void)separate(estimator, noise(1, 20 * 256));
  EXPECT_EQ(estimator.answered, (std::vector<std::size_t>{8, 16, 16}));
}

/// Sees two planes and keeps what it saw of one frame.
class TwoPlanesEstimator : public MaskEstimator {
 public:
  AnalysisParameters analysis() const override { return {}; }
  std::size_t input_planes() const override { return 2; }
  std::size_t context_frames() const override { return 3; }
  std::size_t batch_frames() const override { return 16; }
  void estimate(std::span<const float> magnitudes, std::span<float> mask) override {
    const std::size_t bins = analysis().stft.bins();
    ASSERT_EQ(magnitudes.size(), (2 * 3 + 16) * 2 * bins);
    constexpr std::size_t kInTheMiddle = 12;
    const std::span<const float> frame = magnitudes.subspan(kInTheMiddle * 2 * bins, 2 * bins);
    power.assign(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(bins));
    side.assign(frame.begin() + static_cast<std::ptrdiff_t>(bins), frame.end());
    std::fill(mask.begin(), mask.end(), 0.5F);
  }

  std::vector<float> power;
  std::vector<float> side;
};

TEST(MaskSeparator, ShowsTheSideOfTheChannelsAsASecondPlane) {
  TwoPlanesEstimator of_left;
  TwoPlanesEstimator of_middle;
  TwoPlanesEstimator of_both;
  TwoPlanesEstimator of_mono;
  AudioBuffer left = noise(2, 16 * 256);
  left.channels[1].assign(left.samples(), 0.0F);
  AudioBuffer middle = left;
  middle.channels[1] = middle.channels[0];
  AudioBuffer opposite = left;  // all of it is side
  for (std::size_t n = 0; n < left.samples(); ++n) opposite.channels[1][n] = -left.channels[0][n];
  AudioBuffer mono;
  mono.channels = {left.channels[0]};
  (void)separate(of_left, left);
  (void)separate(of_middle, middle);
  (void)separate(of_both, opposite);
  (void)separate(of_mono, mono);
  for (std::size_t bin = 0; bin < of_mono.power.size(); ++bin) {
    ASSERT_NEAR(of_middle.power[bin], of_mono.power[bin], 1e-4) << bin;
    ASSERT_EQ(of_middle.side[bin], 0) << bin;
    ASSERT_EQ(of_mono.side[bin], 0) << bin;
    ASSERT_NEAR(of_both.side[bin], of_both.power[bin], 1e-4) << bin;
    ASSERT_NEAR(of_left.power[bin], of_mono.power[bin] / std::sqrt(2.0), 1e-4) << bin;
    ASSERT_NEAR(of_left.side[bin], of_mono.power[bin] / 2, 1e-4) << bin;
  }
}

}  // namespace
}  // namespace svsep
