#include "network/input_transform.hpp"

#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>

namespace svsep {
namespace {

TEST(FrameGains, AreTheReciprocalOfTheRootMeanPowerOfTheSoundingFramesAround) {
  torch::manual_seed(2);
  torch::Tensor magnitudes = torch::rand({50, 7});
  magnitudes.slice(0, 10, 18).zero_();  // silent frames do not count
  const std::int64_t radius = 6;
  const torch::Tensor gains = frame_gains(magnitudes, radius);
  ASSERT_EQ(gains.sizes(), (std::vector<std::int64_t>{50}));
  for (std::int64_t t = 0; t < 50; ++t) {
    double sum = 0;
    int count = 0;
    for (std::int64_t u = std::max<std::int64_t>(0, t - radius); u <= std::min<std::int64_t>(49, t + radius);
         ++u) {
      const double power = magnitudes[u].to(torch::kDouble).square().mean().item<double>();
      sum += power;
      count += power > 0 ? 1 : 0;
    }
    EXPECT_NEAR(gains[t].item<double>() * std::sqrt(sum / count), 1.0, 1e-6) << "frame " << t;
  }
}

TEST(FrameGains, AreBoundedInSilence) {
  EXPECT_TRUE(frame_gains(torch::zeros({5, 3}), 2).allclose(torch::full({5}, 1e7F)));
}

TEST(LogCompress, GivesTheLogOfTheLevelledMagnitudeAboveTheFloor) {
  const torch::Tensor x =
      log_compress(torch::tensor({{0.0F, 2.0F}, {1.0F, 4.0F}}), torch::tensor({1.0F, 0.5F}), 1e-3);
  const torch::Tensor expected =
      torch::tensor({{std::log(1e-3), std::log(2.001)}, {std::log(0.501), std::log(2.001)}});
  EXPECT_TRUE(x.allclose(expected.to(torch::kFloat)));
}

TEST(Standardise, SubtractsTheMeanAndDividesByTheScaleOfEachBin) {
  const InputStatistics statistics = {torch::tensor({1.0F, 2.0F}), torch::tensor({2.0F, 4.0F})};
  EXPECT_TRUE(standardise(torch::tensor({{3.0F, 2.0F}}), statistics).equal(torch::tensor({{1.0F, 0.0F}})));
}

}  // namespace
}  // namespace svsep
