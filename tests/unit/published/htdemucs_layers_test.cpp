#include "network/published/htdemucs_layers.hpp"

#include <gtest/gtest.h>

namespace svsep {
namespace {

constexpr std::int64_t kFrames = 2048;
constexpr DemucsLayerSizes kSizes = {.inner = 8, .outer = 4};

template <typename Layer>
void fill(Layer& layer) {
  torch::manual_seed(1);
  for (torch::Tensor& parameter : layer.parameters()) parameter.copy_(0.2 * torch::randn_like(parameter));
}

void expect_alike(const torch::Tensor& a, const torch::Tensor& b) {
  EXPECT_LT((a - b).abs().max().item<float>(), 1e-5 * b.abs().max().item<float>());
}

// Images of many rows are computed some rows at a time, images of few rows at once.

TEST(DemucsEncoderLayer, GivesTheSameForAManyRowedImageAsForAPartOfIt) {
  const c10::InferenceMode inference;
  DemucsEncoderLayer layer(kSizes);
  fill(layer);
  const torch::Tensor x = torch::randn({1, kSizes.outer, 1024, kFrames});
  const torch::Tensor y = layer.forward(x);
  ASSERT_EQ(y.sizes(), (std::vector<std::int64_t>{1, kSizes.inner, 256, kFrames}));
  for (const std::int64_t first : {0, 96, 240}) {  // of 16 rows, of which those beside others see silence
    const torch::Tensor part = layer.forward(x.narrow(2, 4 * first, 64));
    expect_alike(part.narrow(2, 1, 14), y.narrow(2, first + 1, 14));
  }
  expect_alike(layer.forward(x.narrow(2, 0, 64)).narrow(2, 0, 15), y.narrow(2, 0, 15));
  expect_alike(layer.forward(x.narrow(2, 960, 64)).narrow(2, 1, 15), y.narrow(2, 241, 15));
}

TEST(DemucsDecoderLayer, GivesTheSameForAManyRowedImageAsForAPartOfIt) {
  const c10::InferenceMode inference;
  DemucsDecoderLayer layer(kSizes, /*last=*/false);
  fill(layer);
  layer.prepare();
  const torch::Tensor x = torch::randn({1, kSizes.inner, 256, kFrames});
  const torch::Tensor skip = torch::randn_like(x);
  const torch::Tensor y = layer.forward(x, skip, 1024);
  ASSERT_EQ(y.sizes(), (std::vector<std::int64_t>{1, kSizes.outer, 1024, kFrames}));
  const auto part = [&](std::int64_t first) {
    return layer.forward(x.narrow(2, first, 16), skip.narrow(2, first, 16), 64);
  };
  for (const std::int64_t first : {0, 96, 240}) {
    expect_alike(part(first).narrow(2, 8, 48), y.narrow(2, 4 * first + 8, 48));
  }
  expect_alike(part(0).narrow(2, 0, 56), y.narrow(2, 0, 56));
  expect_alike(part(240).narrow(2, 8, 56), y.narrow(2, 968, 56));
}

}  // namespace
}  // namespace svsep
