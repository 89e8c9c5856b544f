#include "dsp/fast_size.hpp"

#include <gtest/gtest.h>

namespace svsep {
namespace {

TEST(FastSize, IsTheNearestEvenSizeWithoutLargePrimeFactors) {
  EXPECT_EQ(nearest_fast_even_size(0), 2U);
  EXPECT_EQ(nearest_fast_even_size(512), 512U);
  EXPECT_EQ(nearest_fast_even_size(34.1), 32U);    // 34 = 2 x 17; the smaller of two as near
  EXPECT_EQ(nearest_fast_even_size(557.3), 560U);  // 558 = 2 x 9 x 31, 556 = 4 x 139
}

}  // namespace
}  // namespace svsep
