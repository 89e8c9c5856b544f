#include "network/layers/banded_dense.hpp"

#include <gtest/gtest.h>

namespace svsep {
namespace {

TEST(BandedDense, GivesWhatTheWholeMatrixGives) {
  const torch::NoGradGuard no_gradients;
  torch::manual_seed(1);
  const torch::Tensor weight = torch::randn({5, 12});
  weight[0].narrow(0, 0, 9).zero_();
  weight[1].narrow(0, 4, 8).zero_();
  weight[2].zero_();
  weight[3][5] = 0;  // inside of a band
  const BandedDense dense(weight);
  for (const torch::Tensor& x : {torch::randn({2, 40, 12}), torch::randn({12, 7}).t()}) {
    ASSERT_TRUE(dense.suits(x));
    EXPECT_TRUE(dense(x).allclose(torch::linear(x, weight), 1e-5, 1e-6));
  }
  EXPECT_FALSE(BandedDense().suits(torch::zeros({1, 12})));
  EXPECT_FALSE(dense.suits(torch::zeros({1, 12}, torch::kBFloat16)));
}

}  // namespace
}  // namespace svsep
