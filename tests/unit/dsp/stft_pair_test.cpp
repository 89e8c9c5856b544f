#include "dsp/stft_pair.hpp"

#include "signals.hpp"

#include <gtest/gtest.h>

namespace svsep {
namespace {

using test::Frames;
using test::noise;

constexpr StftParameters kThesis{4096, 1024, 256};
constexpr StftParameters kFullWindow{2048, 2048, 512};
constexpr StftParameters kThirds{96, 96, 32};

double largest_magnitude(const std::vector<std::complex<float>>& frame) {
  double largest = 0.0;
  for (const std::complex<float> value : frame) largest = std::max(largest, double{std::abs(value)});
  return largest;
}

TEST(StftPair, GivesTheFramesOfTheProductsStft) {
  for (const StftParameters& parameters :
       {kThesis, kFullWindow, kThirds, StftParameters{64, 12, 4}, StftParameters{72, 24, 8}}) {
    for (const std::size_t samples : {1U, 2U, 300U, 1023U, 5000U, 20011U}) {
      const std::vector<float> first = noise(samples, 1);
      std::vector<float> second = noise(samples, 2);
      for (float& value : second) value *= 0.01F;  // what leaks of the louder one shows here
      const Frames expected_first = test::stft(parameters, first);
      const Frames expected_second = test::stft(parameters, second);
      StftPair pair(parameters);
      for (std::size_t t = expected_first.size(); t-- > 0;) {  // any order
        const FramePair frame = pair.frame(first, second, t);
        ASSERT_EQ(frame.first_real.size(), parameters.bins());
        const double tolerance = 1e-6 * std::max(1e-3, largest_magnitude(expected_first[t]) +
                                                           largest_magnitude(expected_second[t]));
        for (std::size_t k = 0; k < parameters.bins(); ++k) {
          ASSERT_NEAR(frame.first_real[k], expected_first[t][k].real(), tolerance) << t << " " << k;
          ASSERT_NEAR(frame.first_imaginary[k], expected_first[t][k].imag(), tolerance) << t << " " << k;
          ASSERT_NEAR(frame.second_real[k], expected_second[t][k].real(), tolerance) << t << " " << k;
          ASSERT_NEAR(frame.second_imaginary[k], expected_second[t][k].imag(), tolerance) << t << " " << k;
        }
      }
    }
  }
}

TEST(StftPair, HearsNothingOfALoudSignalInASilentOne) {
  const std::vector<float> loud = noise(5000);
  const std::vector<float> silent(5000);
  StftPair pair(kThesis);
  const FramePair frame = pair.frame(silent, loud, 7);
  for (std::size_t k = 0; k < kThesis.bins(); ++k) {
    EXPECT_EQ(frame.first_real[k], 0.0F);
    EXPECT_EQ(frame.first_imaginary[k], 0.0F);
  }
  const FramePair swapped = pair.frame(loud, silent, 7);
  EXPECT_EQ(swapped.second_real[5], 0.0F);
  EXPECT_NE(swapped.first_real[5], 0.0F);
}

TEST(FramePowers, AreTheMeanSquaresOfTheFramesOfTheSum) {
  for (const StftParameters& parameters :
       {kThesis, kFullWindow, kThirds, StftParameters{64, 12, 4}, StftParameters{72, 24, 8}}) {
    std::vector<float> first = noise(7000, 1);
    const std::vector<float> second = noise(7000, 2);
    for (float& value : first) value += 0.5F;  // the first bin counts once
    std::vector<float> sum = first;
    for (std::size_t n = 0; n < sum.size(); ++n) sum[n] += second[n];
    const Frames frames = test::stft(parameters, sum);
    const std::vector<double> powers = frame_powers(parameters, first, second);
    ASSERT_EQ(powers.size(), frames.size());
    for (std::size_t t = 0; t < frames.size(); ++t) {
      double expected = 0.0;
      for (const std::complex<float> value : frames[t]) expected += double{std::norm(value)};
      expected /= static_cast<double>(parameters.bins());
      EXPECT_NEAR(powers[t] / expected, 1.0, 1e-5);
    }
  }
}

}  // namespace
}  // namespace svsep
