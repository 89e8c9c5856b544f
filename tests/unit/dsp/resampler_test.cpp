#include "svsep/dsp/resampler.hpp"

#include "signals.hpp"
#include "svsep/core/error.hpp"

#include <gtest/gtest.h>

namespace svsep {
namespace {

using test::noise;
using test::sine;

constexpr int kRatesHz[] = {8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 192000};

std::vector<float> resample(std::span<const float> signal, int from_hz, int to_hz,
                            std::size_t block_samples = 1000) {
  std::vector<float> result;
  Resampler resampler(from_hz, to_hz, [&](std::span<const float> block) {
    result.insert(result.end(), block.begin(), block.end());
  });
  test::push_in_blocks(signal, block_samples, [&](std::span<const float> block) { resampler.push(block); });
  resampler.finish();
  EXPECT_EQ(result.size(), resampler.output_samples(signal.size()));
  return result;
}

/// Signal-to-noise ratio of `signal` against `expected` without `margin` samples at either end.
double snr_db(std::span<const float> signal, std::span<const float> expected, std::size_t margin) {
  double energy = 0.0;
  double error = 1e-30;
  for (std::size_t i = margin; i + margin < expected.size(); ++i) {
    const double difference = static_cast<double>(signal[i]) - static_cast<double>(expected[i]);
    energy += static_cast<double>(expected[i]) * static_cast<double>(expected[i]);
    error += difference * difference;
  }
  return 10.0 * std::log10(energy / error);
}

TEST(Resampler, KeepsTheTimeOfASine) {
  for (const int other_hz : kRatesHz) {
    for (const auto& [from_hz, to_hz] : {std::pair(other_hz, 22050), std::pair(22050, other_hz)}) {
      const auto from = static_cast<std::size_t>(from_hz);
      const auto input = sine(from, 1000.0, from_hz);
      const auto output = resample(input, from_hz, to_hz);
      const auto expected = sine(output.size(), 1000.0, to_hz);
      const double snr = snr_db(output, expected, output.size() / 20);
      std::printf("%d -> %d: %.1f dB\n", from_hz, to_hz, snr);
      EXPECT_GT(snr, 90.0) << from_hz << " Hz to " << to_hz << " Hz";
    }
  }
}

}  // namespace
}  // namespace svsep
