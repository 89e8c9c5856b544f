#include "dsp/resampler.hpp"

#include "golden.hpp"
#include "signals.hpp"
#include "svsep/error.hpp"

#include <gtest/gtest.h>
#include <string>
#include <utility>

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

TEST(Resampler, KeepsTheTimeOfASine) {  // a tenth of a sample late would leave 31 dB
  for (const int other_hz : kRatesHz) {
    for (const auto& [from_hz, to_hz] : {std::pair(other_hz, 22050), std::pair(22050, other_hz)}) {
      const auto output = resample(sine(static_cast<std::size_t>(from_hz), 1000.0, from_hz), from_hz, to_hz);
      ASSERT_EQ(output.size(), static_cast<std::size_t>(to_hz));
      EXPECT_GT(snr_db(output, sine(output.size(), 1000.0, to_hz), output.size() / 20), 110.0)
          << from_hz << " Hz to " << to_hz << " Hz";
    }
  }
}

TEST(Resampler, KeepsTheTimeOverMinutes) {
  constexpr std::size_t kSeconds = 100;
  const auto input = sine(kSeconds * 44100, 1000.0, 44100.0);
  const auto output = resample(input, 44100, 22050);
  const auto expected = sine(kSeconds * 22050, 1000.0, 22050.0);
  EXPECT_GT(snr_db(std::span(output).last(22050), std::span(expected).last(22050), 1000), 110.0);
}

TEST(Resampler, LetsNoAliasThrough) {
  for (const int from_hz : {44100, 48000, 96000}) {
    for (const double frequency_hz : {11100.0, 12000.0, 15000.0, 20000.0}) {
      const auto output =
          resample(sine(static_cast<std::size_t>(from_hz), frequency_hz, from_hz), from_hz, 22050);
      for (std::size_t i = 1000; i < output.size() - 1000; ++i) {
        ASSERT_LT(std::abs(output[i]), 1e-5F) << frequency_hz << " Hz at " << from_hz << " Hz";
      }
    }
  }
}

TEST(Resampler, DoesNotDependOnBlockSizes) {
  const std::vector<float> signal = noise(20011);
  for (const auto& [from_hz, to_hz] : {std::pair(44100, 22050), std::pair(22050, 48000)}) {
    const auto whole = resample(signal, from_hz, to_hz, signal.size());
    for (const std::size_t block : {0U, 1U, 7U, 255U, 256U, 257U, 1023U, 1024U, 1025U, 10000U}) {
      EXPECT_EQ(resample(signal, from_hz, to_hz, block), whole) << "blocks of " << block;
    }
  }
}

TEST(Resampler, GivesExactlyTheRoundedCountOfSamples) {
  for (const int other_hz : kRatesHz) {
    for (const std::size_t samples : {0U, 1U, 2U, 3U, 100U, 255U, 1023U, 1024U, 1025U, 3001U}) {
      const std::vector<float> signal = noise(samples);
      for (const auto& [from_hz, to_hz] : {std::pair(other_hz, 22050), std::pair(22050, other_hz)}) {
        const double exact = static_cast<double>(samples) * to_hz / from_hz;
        EXPECT_EQ(resample(signal, from_hz, to_hz).size(), static_cast<std::size_t>(std::floor(exact + 0.5)))
            << samples << " samples from " << from_hz << " Hz to " << to_hz << " Hz";
      }
    }
  }
  const Resampler resampler(44100, 22050, [](std::span<const float>) {});
  EXPECT_EQ(resampler.output_samples(1'000'000'000'000'000'001), 500'000'000'000'000'001U);
}

TEST(Resampler, CutsOrFillsToTheTotalAskedFor) {
  const std::vector<float> signal = noise(3000);
  const auto finish_with = [&](int from_hz, int to_hz, std::size_t total) {
    std::vector<float> result;
    Resampler resampler(from_hz, to_hz, [&](std::span<const float> block) {
      result.insert(result.end(), block.begin(), block.end());
    });
    resampler.push(signal);
    resampler.finish(total);
    return result;
  };
  const auto exact = resample(signal, 22050, 44100);
  EXPECT_EQ(finish_with(22050, 44100, 5999), std::vector<float>(exact.begin(), exact.end() - 1));
  const auto filled = finish_with(22050, 44100, 20000);
  ASSERT_EQ(filled.size(), 20000U);
  EXPECT_TRUE(std::equal(exact.begin(), exact.end(), filled.begin()));
  EXPECT_TRUE(std::all_of(filled.begin() + 7000, filled.end(), [](float x) { return x == 0.0F; }));
  EXPECT_EQ(finish_with(22050, 22050, 4000).size(), 4000U);
}

TEST(Resampler, PassesEqualRatesThrough) {
  const std::vector<float> signal = noise(3001);
  EXPECT_EQ(resample(signal, 44100, 44100, 0), signal);
  const float* seen = nullptr;
  Resampler resampler(44100, 44100, [&](std::span<const float> block) { seen = block.data(); });
  resampler.push(signal);
  EXPECT_EQ(seen, signal.data());
}

TEST(Resampler, ReturnsABandLimitedSignalFromThereAndBack) {
  const auto band_limited = resample(noise(8000), 16000, 44100);  // up to 8 kHz
  const auto back = resample(resample(band_limited, 44100, 22050), 22050, 44100);
  EXPECT_GT(snr_db(back, band_limited, 500), 90.0);
}

TEST(Resampler, IsLinear) {
  const std::vector<float> a = noise(5000, 1);
  const std::vector<float> b = noise(5000, 2);
  std::vector<float> sum(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) sum[i] = a[i] + b[i];
  auto expected = resample(a, 48000, 22050);
  const auto resampled_b = resample(b, 48000, 22050);
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += resampled_b[i];
  EXPECT_LT(test::largest_difference(resample(sum, 48000, 22050), expected), 1e-6);
}

TEST(Resampler, AgreesWithScipy) {  // golden values: python3 scripts/make_golden_dsp.py (scipy 1.17.1)
  const auto golden = test::read_golden("dsp_resample.txt");
  for (const auto& [from_hz, to_hz] :
       {std::pair(44100, 22050), std::pair(48000, 22050), std::pair(22050, 44100)}) {
    const std::string rates = std::to_string(from_hz) + "-" + std::to_string(to_hz);
    const std::vector<float>& expected = golden.at("output-" + rates);
    auto output = resample(golden.at("input-" + rates), from_hz, to_hz);
    output.resize(expected.size());  // scipy rounds the count up
    EXPECT_LT(test::largest_difference(output, expected), 2e-6) << rates;
  }
}

TEST(Resampler, RefusesRatesOutOfRange) {
  const auto make = [](int from_hz, int to_hz) {
    Resampler resampler(from_hz, to_hz, [](std::span<const float>) {});
  };
  EXPECT_NO_THROW(make(1, 256));
  EXPECT_NO_THROW(make(768000, 3000));
  for (const auto& [from_hz, to_hz] : {std::pair(0, 22050), std::pair(22050, 0), std::pair(-44100, 22050),
                                       std::pair(768001, 22050), std::pair(1, 257), std::pair(22050, 86)}) {
    try {
      make(from_hz, to_hz);
      ADD_FAILURE() << "accepted " << from_hz << " Hz to " << to_hz << " Hz";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input);
    }
  }
}

}  // namespace
}  // namespace svsep
