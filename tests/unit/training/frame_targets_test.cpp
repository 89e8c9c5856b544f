#include "training/frame_targets.hpp"

#include "core/rng.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <vector>

namespace svsep {
namespace {

/// Random frames of many magnitudes.
struct Frame {
  explicit Frame(std::size_t bins, std::uint64_t seed = 0) : values(4, std::vector<float>(bins)) {
    Rng rng({seed});
    for (std::vector<float>& part : values) {
      for (float& value : part)
        value = static_cast<float>(rng.uniform(-1, 1) * std::pow(10.0, rng.uniform(-12, 4)));
    }
  }
  [[nodiscard]] FramePair view() const { return {values[0], values[1], values[2], values[3]}; }
  [[nodiscard]] double vocals(std::size_t k) const {
    return std::hypot(double{values[0][k]}, double{values[1][k]});
  }
  [[nodiscard]] double accompaniment(std::size_t k) const {
    return std::hypot(double{values[2][k]}, double{values[3][k]});
  }
  [[nodiscard]] double mixture(std::size_t k) const {
    return std::hypot(double{values[0][k]} + double{values[2][k]},
                      double{values[1][k]} + double{values[3][k]});
  }
  std::vector<std::vector<float>> values;
};

constexpr std::size_t kBins = 20001;

TEST(FrameTargets, LogMagnitudesAreLogarithms) {
  const Frame frame(kBins);
  std::vector<float> out(kBins);
  for (const float gain : {1e-4F, 0.7F, 1e7F}) {
    for (const float floor : {1e-10F, 1e-3F, 1.0F}) {
      write_log_magnitudes(frame.view(), gain, floor, out);
      for (std::size_t k = 0; k < kBins; ++k) {
        const double expected = std::log(frame.mixture(k) * double{gain} + double{floor});
        ASSERT_NEAR(out[k], expected, 1e-6 + 2e-7 * std::abs(expected)) << k;
      }
    }
  }
}

TEST(FrameTargets, LogMagnitudesOfSilenceAreTheLogarithmOfTheFloor) {
  Frame frame(9);
  for (std::vector<float>& part : frame.values) std::fill(part.begin(), part.end(), 0.0F);
  std::vector<float> out(9);
  write_log_magnitudes(frame.view(), 1e7F, 1e-3F, out);
  for (const float value : out) EXPECT_NEAR(value, std::log(1e-3), 1e-6);
}

TEST(FrameTargets, MagnitudesAreThoseOfTheSum) {
  const Frame frame(kBins);
  std::vector<float> out(kBins);
  write_magnitudes(frame.view(), out);
  for (std::size_t k = 0; k < kBins; ++k)
    ASSERT_NEAR(out[k], frame.mixture(k), 1e-6 * frame.mixture(k) + 1e-18);
}

TEST(FrameTargets, LabelsSayWhereTheVocalsWin) {
  const Frame frame(kBins);
  std::vector<std::uint8_t> over_accompaniment(kBins);
  std::vector<std::uint8_t> over_mixture(kBins);
  std::vector<float> ratio(kBins);
  write_binary_label(frame.view(), Label::accompaniment, over_accompaniment);
  write_binary_label(frame.view(), Label::mixture, over_mixture);
  write_ratio_label(frame.view(), ratio);
  int differing = 0;
  for (std::size_t k = 0; k < kBins; ++k) {
    const double v = frame.vocals(k);
    const double a = frame.accompaniment(k);
    if (std::abs(v / a - 1) > 1e-5) {
      ASSERT_EQ(over_accompaniment[k], v > a ? 1 : 0);
    }
    if (std::abs(v / frame.mixture(k) - 1) > 1e-5) {
      ASSERT_EQ(over_mixture[k], v > frame.mixture(k) ? 1 : 0);
    }
    ASSERT_NEAR(ratio[k], v * v / (v * v + a * a), 1e-6);
    if (over_accompaniment[k] != over_mixture[k]) ++differing;
  }
  EXPECT_GT(differing, 0);
}

TEST(FrameTargets, LabelsOfSilenceAreZero) {
  Frame frame(9);
  for (std::vector<float>& part : frame.values) std::fill(part.begin(), part.end(), 0.0F);
  std::vector<std::uint8_t> binary(9, 2);
  std::vector<float> ratio(9, 2.0F);
  write_binary_label(frame.view(), Label::accompaniment, binary);
  write_ratio_label(frame.view(), ratio);
  for (std::size_t k = 0; k < 9; ++k) {
    EXPECT_EQ(binary[k], 0);
    EXPECT_EQ(ratio[k], 0.0F);
  }
}

}  // namespace
}  // namespace svsep
