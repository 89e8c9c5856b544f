#include "training/history.hpp"

#include "support/temporary_folder.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <sstream>

namespace svsep {
namespace {

std::string text_of(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr const char* kRows =
    "epoch,steps,train_loss,train_accuracy,validation_loss,validation_accuracy,validation_sdr_vocals_db,"
    "validation_sdr_accompaniment_db,validation_median_sdr_vocals_db,validation_median_sdr_accompaniment_db,"
    "learning_rate,seconds\n"
    "1,2000,0.500000,0.750000,0.625000,0.700000,4.125,9.500,4.000,9.250,0.0001,12.3\n"
    "2,4000,0.250000,,0.500000,,,9.750,,9.500,0.0001,10.0\n";

TEST(History, HoldsAHeaderAndARowAnEpoch) {
  const test::TemporaryFolder folder;
  History history(folder / "history.csv");
  history.append({1, 2000, 0.5, 0.75, 0.625, 0.7, 4.125, 9.5, 4.0, 9.25, 1e-4, 12.34});
  history.append({2, 4000, 0.25, kNone, 0.5, kNone, kNone, 9.75, kNone, 9.5, 1e-4, 10.0});
  EXPECT_EQ(text_of(folder / "history.csv"), kRows);
  EXPECT_EQ(text_of(folder / "history.png").substr(1, 3), "PNG");
}

TEST(History, GoesOnFromTheRowsOfAnEarlierRun) {
  const test::TemporaryFolder folder;
  History history(folder / "history.csv");
  history.restore(kRows);
  history.append({3, 6000, 0.125, 0.5, 0.5, 0.5, 5.0, 9.75, 5.0, 9.5, 1e-4, 1.0});
  EXPECT_EQ(
      text_of(folder / "history.csv"),
      kRows + std::string("3,6000,0.125000,0.500000,0.500000,0.500000,5.000,9.750,5.000,9.500,0.0001,1.0\n"));
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
