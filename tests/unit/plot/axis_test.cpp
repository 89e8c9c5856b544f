#include "plot/axis.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace svsep::plot {
namespace {

std::vector<std::string> labels(const std::vector<Tick>& ticks) {
  std::vector<std::string> words;
  for (const Tick& tick : ticks) {
    if (!tick.label.empty()) words.push_back(tick.label);
  }
  return words;
}

using Words = std::vector<std::string>;

TEST(Axis, TicksAreMultiplesOfOneTwoOrFive) {
  EXPECT_EQ(labels(linear_ticks(0.0, 1.0, 5)), (Words{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"}));
  EXPECT_EQ(labels(linear_ticks(-80.0, 0.0, 8)),
            (Words{"-80", "-70", "-60", "-50", "-40", "-30", "-20", "-10", "0"}));
  EXPECT_EQ(labels(linear_ticks(0.213, 0.487, 6)), (Words{"0.25", "0.30", "0.35", "0.40", "0.45"}));
  EXPECT_EQ(labels(linear_ticks(-0.03, 0.03, 3)), (Words{"-0.02", "0.00", "0.02"}));
  EXPECT_EQ(labels(linear_ticks(0.0, 1e6, 4)), (Words{"0", "500000", "1000000"}));
}

TEST(Axis, TicksAreNeverMoreThanAskedForNorFewerThanTwo) {
  for (int i = -40; i < 50; ++i) {
    const double span = std::pow(1.25, i);
    for (const double low : {0.0, -0.4 * span, 3.7 * span}) {
      const auto ticks = linear_ticks(low, low + span, 6);
      EXPECT_LE(ticks.size(), 7U) << low << " " << span;
      EXPECT_GE(ticks.size(), 2U) << low << " " << span;
      for (const Tick& tick : ticks) {
        EXPECT_GE(tick.value, low - 1e-6 * span);
        EXPECT_LE(tick.value, low + span * (1.0 + 1e-6));
        EXPECT_NEAR(std::stod(tick.label), tick.value, 1e-6 * span);
      }
    }
  }
}

TEST(Axis, CountedThingsHaveNoFractions) {
  EXPECT_EQ(labels(linear_ticks(0.96, 3.04, 15, 1.0)), (Words{"1", "2", "3"}));
}

TEST(Axis, FrequenciesAreLabelledInEachDecade) {
  EXPECT_EQ(labels(frequency_ticks(30.0, 20000.0)),
            (Words{"50", "100", "200", "500", "1k", "2k", "5k", "10k", "20k"}));
  EXPECT_EQ(frequency_ticks(30.0, 20000.0).size(), 7U + 9U + 9U + 2U);
}

TEST(Axis, TimesAreSecondsThenMinutesThenHours) {
  EXPECT_EQ(labels(time_ticks(6.8, 12)), (Words{"0", "1", "2", "3", "4", "5", "6"}));
  EXPECT_EQ(labels(time_ticks(0.3, 4)), (Words{"0.0", "0.1", "0.2", "0.3"}));
  EXPECT_EQ(labels(time_ticks(272.0, 6)), (Words{"0:00", "1:00", "2:00", "3:00", "4:00"}));
  EXPECT_EQ(labels(time_ticks(3.0 * 3600.0, 3)), (Words{"0:00", "1:00:00", "2:00:00", "3:00:00"}));
  EXPECT_EQ(time_label(119.9), "time (s)");
  EXPECT_EQ(time_label(120.0), "time (min:s)");
  EXPECT_EQ(time_label(3600.0), "time (h:min:s)");
  for (int i = -14; i < 28; ++i) {
    const double duration_s = std::pow(1.7, i);
    EXPECT_LE(time_ticks(duration_s, 12).size(), 13U) << duration_s;
    EXPECT_GE(time_ticks(duration_s, 12).size(), 4U) << duration_s;
  }
}

TEST(Axis, ScaleGoesFromEndToEndAndBack) {
  const Box box = {10, 20, 101, 51};
  for (const Scale& scale : {Scale{-80.0, 0.0}, Scale{30.0, 20000.0, true}}) {
    EXPECT_DOUBLE_EQ(x_of(box, scale, scale.low), 10.0);
    EXPECT_DOUBLE_EQ(x_of(box, scale, scale.high), 110.0);
    EXPECT_DOUBLE_EQ(y_of(box, scale, scale.low), 70.0);
    EXPECT_DOUBLE_EQ(y_of(box, scale, scale.high), 20.0);
    for (const double share : {0.1, 0.5, 0.9}) EXPECT_NEAR(scale.share(scale.value(share)), share, 1e-12);
  }
  EXPECT_NEAR((Scale{10.0, 1000.0, true}.share(100.0)), 0.5, 1e-12);
}

}  // namespace
}  // namespace svsep::plot
