#include "network/layers/winograd_convolution.hpp"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace svsep {
namespace {

struct Case {
  std::int64_t images, inputs, outputs, frames, positions, dilation;
};

class WinogradConvolutionTest : public testing::TestWithParam<Case> {
 protected:
  WinogradConvolutionTest() {
    torch::manual_seed(1);
    const Case& c = GetParam();
    x_ = torch::randn({c.images, c.inputs, c.frames, c.positions})
             .contiguous(torch::MemoryFormat::ChannelsLast);
    weight_ = torch::randn({c.outputs, c.inputs, 3, 3});
    bias_ = torch::randn({c.outputs});
  }

  const torch::NoGradGuard no_gradients_;
  torch::Tensor x_, weight_, bias_;
};

TEST_P(WinogradConvolutionTest, IsThatOfLibTorch) {
  const std::int64_t dilation = GetParam().dilation;
  const WinogradConvolution convolution(weight_, bias_, dilation);
  ASSERT_TRUE(convolution.suits_image(x_));
  const torch::Tensor expected =
      torch::conv2d(x_.to(torch::kDouble), weight_.to(torch::kDouble), bias_.to(torch::kDouble), 1,
                    std::vector<std::int64_t>{dilation, 1}, std::vector<std::int64_t>{dilation, 1});
  const torch::Tensor result = convolution(x_);
  ASSERT_EQ(result.sizes(), expected.sizes());
  EXPECT_TRUE(result.is_contiguous(torch::MemoryFormat::ChannelsLast));
  EXPECT_LT((result - expected).abs().max().item<double>(), 1e-5 * expected.abs().max().item<double>());
}

TEST_P(WinogradConvolutionTest, GivesTheSameBytesOnAnyNumberOfThreads) {
  const WinogradConvolution convolution(weight_, bias_, GetParam().dilation);
  const int threads = at::get_num_threads();
  const torch::Tensor on_all = convolution(x_);
  at::set_num_threads(1);
  const torch::Tensor on_one = convolution(x_);
  at::set_num_threads(threads);
  EXPECT_TRUE(on_all.equal(on_one));
}

// Points that do not fill the last tile, fewer frames than the dilation, several images, one point per frame.
INSTANTIATE_TEST_SUITE_P(Shapes, WinogradConvolutionTest,
                         testing::Values(Case{1, 16, 32, 37, 24, 1}, Case{1, 48, 16, 5, 20, 8},
                                         Case{3, 32, 16, 23, 4, 2}, Case{1, 160, 160, 18, 24, 4}));

TEST(WinogradConvolution, TakesOnlyWhatItsKernelsKnow) {
  const torch::NoGradGuard no_gradients;
  EXPECT_FALSE(WinogradConvolution::suits(torch::zeros({16, 8, 3, 3})));
  EXPECT_FALSE(WinogradConvolution::suits(torch::zeros({16, 16, 1, 1})));
  EXPECT_FALSE(WinogradConvolution::suits(torch::zeros({16, 16, 3, 3}, torch::kBFloat16)));
  const WinogradConvolution convolution(torch::zeros({16, 16, 3, 3}), torch::zeros({16}), 1);
  const auto image = [](std::int64_t positions) {
    return torch::zeros({1, 16, 8, positions}).contiguous(torch::MemoryFormat::ChannelsLast);
  };
  EXPECT_TRUE(convolution.suits_image(image(8)));
  EXPECT_FALSE(convolution.suits_image(image(6)));
  EXPECT_FALSE(convolution.suits_image(torch::zeros({1, 16, 8, 8})));
  EXPECT_FALSE(WinogradConvolution().suits_image(image(8)));
}

}  // namespace
}  // namespace svsep
