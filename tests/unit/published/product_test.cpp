#include "network/published/product.hpp"

#include <gtest/gtest.h>

namespace svsep {
namespace {

TEST(Product, GivesTheSameFromCompactWeights) {
  torch::manual_seed(1);
  const torch::Tensor rows = torch::randn({7, 24}), bias = torch::randn({16});
  const torch::Tensor fine = torch::randn({16, 24});
  for (const torch::Tensor& weight : {fine, fine.to(torch::kHalf).to(torch::kFloat)}) {
    Product product(weight, bias, torch::kFloat);
    const torch::Tensor expected = product(rows);
    product.compact();  // which leaves the first weights alone, since it would round them
    EXPECT_TRUE(product(rows).equal(expected));
  }
}

}  // namespace
}  // namespace svsep
