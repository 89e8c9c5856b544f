#include "training/history.hpp"

#include "support/temporary_folder.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <sstream>

namespace svsep {
namespace {

TEST(History, HoldsAHeaderAndARowAnEpoch) {
  const test::TemporaryFolder folder;
  History history(folder / "history.csv");
  history.append({1, 2000, 0.5, 0.75, 0.625, 0.7, 12.34, 1e-4});
  history.append({2, 4000, 0.25, 0.8, 0.5, 0.75, 10.0, 1e-4});
  std::stringstream text;
  text << std::ifstream(folder / "history.csv").rdbuf();
  EXPECT_EQ(
      text.str(),
      "epoch,steps,train_loss,train_accuracy,validation_loss,validation_accuracy,seconds,learning_rate\n"
      "1,2000,0.500000,0.750000,0.625000,0.700000,12.3,0.0001\n"
      "2,4000,0.250000,0.800000,0.500000,0.750000,10.0,0.0001\n");
}

TEST(EarlyStopping, EndsAfterPatienceEpochsWithoutANewLowestLoss) {
  EarlyStopping stopping(2);
  EXPECT_TRUE(stopping.improved(0.5));
  EXPECT_FALSE(stopping.improved(0.5));
  EXPECT_FALSE(stopping.exhausted());
  EXPECT_TRUE(stopping.improved(0.4));
  EXPECT_FALSE(stopping.improved(0.45));
  EXPECT_FALSE(stopping.exhausted());
  EXPECT_FALSE(stopping.improved(std::numeric_limits<double>::quiet_NaN()));
  EXPECT_TRUE(stopping.exhausted());
}

}  // namespace
}  // namespace svsep
