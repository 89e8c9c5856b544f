#include "recipe/bandwidth.hpp"

#include "core/rng.hpp"

#include <cstddef>
#include <cstdint>
#include <gtest/gtest.h>
#include <vector>

namespace svsep {
namespace {

constexpr int kRateHz = 22050;

/// White noise; its samples' running mean over `length` has nulls, and little left at the top.
std::vector<std::int16_t> noise(std::size_t length) {
  Rng rng({1});
  std::vector<double> white(60000);
  for (double& sample : white) sample = rng.uniform(-8000, 8000);
  for (int pass = 0; pass < 6 && length > 1; ++pass) {
    for (std::size_t n = 0; n + 1 < white.size(); ++n) white[n] = (white[n] + white[n + 1]) / 2;
  }
  return {white.begin(), white.end()};
}

Recording voice(const std::vector<std::int16_t>& samples) {
  Recording recording;
  recording.role = Role::vocals;
  recording.samples = samples.size();
  recording.parts[0] = {samples};
  return recording;
}

TEST(Bandwidth, TellsRecordingsWithoutATopFromWholeOnes) {
  const std::vector<std::int16_t> whole = noise(1);
  const std::vector<std::int16_t> dull = noise(2);
  EXPECT_FALSE(is_narrow(voice(whole), Part::vocals, kRateHz));
  EXPECT_TRUE(is_narrow(voice(dull), Part::vocals, kRateHz));
  EXPECT_FALSE(is_narrow(voice(dull), Part::other, kRateHz));  // it has none
  EXPECT_FALSE(is_narrow(voice(dull), Part::vocals, 16000));   // where there is no top to look at
}

TEST(Bandwidth, DoesNotCallSilenceNarrow) {
  const std::vector<std::int16_t> silence(1000);
  EXPECT_FALSE(is_narrow(voice(silence), Part::vocals, kRateHz));
}

}  // namespace
}  // namespace svsep
