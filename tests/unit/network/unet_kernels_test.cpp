#include "network/mask/unet_kernels.hpp"

#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <torch/torch.h>
#include <vector>

namespace svsep {
namespace {

/// The kernel's result for an image [rows, positions, channels] of a type, and LibTorch's in float32.
std::pair<torch::Tensor, torch::Tensor> across(torch::ScalarType type, std::int64_t rows,
                                               std::int64_t positions, std::int64_t units,
                                               std::int64_t channels) {
  torch::Tensor image = torch::randn({rows, positions, channels}).to(type);
  const torch::Tensor squeeze = torch::randn({positions, units});
  const torch::Tensor squeeze_offset = torch::randn({units});
  const torch::Tensor expand = torch::randn({units, positions});
  const torch::Tensor expand_offset = torch::randn({positions});
  const torch::Tensor y = image.to(torch::kFloat).relu().transpose(1, 2);  // positions last
  const torch::Tensor inner = (y.matmul(squeeze) + squeeze_offset).relu();
  const torch::Tensor expected = (y + inner.matmul(expand) + expand_offset).transpose(1, 2);
  const DenseAcrossWeights weights = {positions,
                                      units,
                                      squeeze.data_ptr<float>(),
                                      squeeze_offset.data_ptr<float>(),
                                      expand.data_ptr<float>(),
                                      expand_offset.data_ptr<float>()};
  std::vector<float> scratch(static_cast<std::size_t>((positions + units) * kChannelsAtOnce));
  if (type == torch::kFloat) {
    rectify_and_add_dense_across(image.data_ptr<float>(), rows, channels, weights, scratch.data());
  } else {
    rectify_and_add_dense_across(static_cast<std::uint16_t*>(image.data_ptr()), rows, channels, weights,
                                 scratch.data());
  }
  return {image.to(torch::kFloat), expected};
}

TEST(UnetKernels, ComputeDenseLayersAcrossPositionsAsLibTorchDoes) {
  torch::manual_seed(3);
  for (const std::int64_t positions : {1, 7, 8, 13, 24}) {
    for (const std::int64_t units : {1, 5, 8, 19}) {
      for (const std::int64_t channels : {16, 48}) {
        const auto [got, expected] = across(torch::kFloat, 3, positions, units, channels);
        EXPECT_TRUE(got.allclose(expected, 1e-4, 1e-4)) << positions << " " << units << " " << channels;
      }
    }
  }
}

TEST(UnetKernels, RoundBfloat16ToNearest) {
  torch::manual_seed(4);
  const auto [got, expected] = across(torch::kBFloat16, 3, 24, 19, 32);
  EXPECT_TRUE(got.equal(expected.to(torch::kBFloat16).to(torch::kFloat)) ||
              ((got - expected).abs() <= expected.abs() * (1.01F / 256) + 1e-3).all().item<bool>());
  const torch::Tensor close = expected.to(torch::kBFloat16).to(torch::kFloat);
  EXPECT_LT((got != close).to(torch::kFloat).mean().item<float>(), 0.01)
      << "only where float32 sums differ in their last bits";
}

TEST(UnetKernels, KeepWhatIsNotANumber) {
  for (const auto type : {torch::kFloat, torch::kBFloat16}) {
    torch::Tensor image = torch::full({2, 16}, NAN).to(type);
    const torch::Tensor below = torch::zeros({1, 16}).to(type);
    if (type == torch::kFloat) {
      add_larger_and_rectify(image.data_ptr<float>(), below.data_ptr<float>(), 2, 16);
    } else {
      add_larger_and_rectify(static_cast<std::uint16_t*>(image.data_ptr()),
                             static_cast<const std::uint16_t*>(below.data_ptr()), 2, 16);
    }
    EXPECT_TRUE(image.isnan().all().item<bool>()) << type;
  }
}

TEST(UnetKernels, JoinAnImageWithTheSmallerOneBelow) {
  torch::manual_seed(5);
  for (const auto type : {torch::kFloat, torch::kBFloat16}) {
    torch::Tensor image = torch::randn({6, 32}).to(type);
    const torch::Tensor below = torch::randn({3, 32}).to(type);
    const torch::Tensor expected =
        (image.to(torch::kFloat) + below.to(torch::kFloat).repeat_interleave(2, 0)).relu().to(type);
    if (type == torch::kFloat) {
      add_larger_and_rectify(image.data_ptr<float>(), below.data_ptr<float>(), 6, 32);
    } else {
      add_larger_and_rectify(static_cast<std::uint16_t*>(image.data_ptr()),
                             static_cast<const std::uint16_t*>(below.data_ptr()), 6, 32);
    }
    EXPECT_TRUE(image.equal(expected)) << type;
  }
}

}  // namespace
}  // namespace svsep
