#include "evaluation/oracle.hpp"

#include "dsp/sdr.hpp"
#include "evaluation/bsseval.hpp"
#include "signals.hpp"
#include "svsep/error.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <numbers>

namespace svsep {
namespace {

AudioBuffer tone(double cycles_per_sample, std::size_t samples) {
  AudioBuffer audio(1, samples);
  for (std::size_t n = 0; n < samples; ++n) {
    audio.channels[0][n] = static_cast<float>(
        0.5 * std::sin(2.0 * std::numbers::pi * cycles_per_sample * static_cast<double>(n)));
  }
  return audio;
}

TEST(Oracle, SumsToTheMixture) {
  const auto references = test::golden_references();
  for (const OracleMask mask : {OracleMask::binary, OracleMask::ratio}) {
    const auto estimates = oracle_estimates(references[0], references[1], mask);
    for (std::size_t c = 0; c < 2; ++c) {
      ASSERT_EQ(estimates[0].samples(), test::kSamples);
      for (std::size_t n = 0; n < test::kSamples; ++n) {
        ASSERT_NEAR(estimates[0].channels[c][n] + estimates[1].channels[c][n],
                    references[0].channels[c][n] + references[1].channels[c][n], 1e-5);
      }
    }
  }
}

TEST(Oracle, SeparatesTonesThatDoNotOverlap) {
  const AudioBuffer low = tone(0.01, 100000);
  const AudioBuffer high = tone(0.2, 100000);
  for (const OracleMask mask : {OracleMask::binary, OracleMask::ratio}) {
    const auto estimates = oracle_estimates(low, high, mask);
    EXPECT_GT(global_sdr_db(low, estimates[0]), 40.0);
    EXPECT_GT(global_sdr_db(high, estimates[1]), 40.0);
  }
}

TEST(Oracle, GivesARatioMaskHalfOfTwoEqualStems) {
  const AudioBuffer stem = tone(0.05, 20000);
  EXPECT_GT(global_sdr_db(stem, oracle_estimates(stem, stem, OracleMask::ratio)[0]), 80.0);
}

TEST(Oracle, GivesSilentVocalsSilence) {
  const AudioBuffer stem = tone(0.05, 20000);
  const AudioBuffer silence(1, 20000);
  for (const OracleMask mask : {OracleMask::binary, OracleMask::ratio}) {
    EXPECT_EQ(oracle_estimates(silence, stem, mask)[0].channels, silence.channels);
  }
}

TEST(Oracle, RefusesShapesThatDiffer) {
  EXPECT_THROW((void)oracle_estimates(AudioBuffer(2, 100), AudioBuffer(1, 100), OracleMask::ratio), Error);
  EXPECT_THROW((void)oracle_estimates(AudioBuffer(1, 100), AudioBuffer(1, 99), OracleMask::ratio), Error);
}

}  // namespace
}  // namespace svsep
