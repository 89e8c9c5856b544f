#include "plot/curve_figure.hpp"

#include "plot/axis.hpp"
#include "plot/canvas.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

namespace svsep {
namespace {

using plot::Box;
using plot::Colour;
using plot::kWhite;

constexpr Box kFirst = {120, 90, 1040, 300};
constexpr Box kSecond = {120, 430, 1040, 300};
constexpr Colour kBlue = {0, 114, 178};
constexpr double kGap = std::numeric_limits<double>::quiet_NaN();

Colour pixel(const Image& image, int x, int y) {
  const std::size_t at = 3 * (static_cast<std::size_t>(y) * image.width + static_cast<std::size_t>(x));
  return {image.rgb.at(at), image.rgb.at(at + 1), image.rgb.at(at + 2)};
}

int count(const Image& image, const Box& box, Colour colour) {
  int found = 0;
  for (int y = box.top; y < box.bottom(); ++y) {
    for (int x = box.left; x < box.right(); ++x) found += pixel(image, x, y) == colour ? 1 : 0;
  }
  return found;
}

CurveFigure one_curve(std::vector<double> x, std::vector<double> values) {
  return {"history", "epoch", std::move(x), {{"loss", {{"training", std::move(values)}}}}};
}

TEST(CurveFigure, HasAPanelBelowTheOther) {
  CurveFigure figure = one_curve({1, 2, 3}, {3, 2, 1});
  EXPECT_EQ(draw(figure).height, 456U);
  figure.panels.push_back({"SDR (dB)", {{"vocals", {1, 2, 3}}, {"accompaniment", {5, 6, 7}}}});
  const Image image = draw(figure);
  EXPECT_EQ(image.width, 1200U);
  EXPECT_EQ(image.height, 796U);
  EXPECT_GT(count(image, kFirst, kBlue), 1000);
  EXPECT_GT(count(image, kSecond, kBlue), 1000);
}

TEST(CurveFigure, PutsPointsWhereTheAxesSay) {
  const Image image = draw(one_curve({0, 1, 2}, {0, 5, 10}));
  // 2 % of air beside the curve, 5 % above and below it.
  EXPECT_EQ(pixel(image, kFirst.left + 20, kFirst.bottom() - 1 - 14), kBlue);
  EXPECT_EQ(pixel(image, kFirst.left + 519, kFirst.top + 149), kBlue);
  EXPECT_EQ(pixel(image, kFirst.right() - 1 - 20, kFirst.top + 14), kBlue);
}

TEST(CurveFigure, LeavesGapsWhereThereAreNoNumbers) {
  const Image whole = draw(one_curve({0, 1, 2, 3}, {1, 1.5, 1.5, 2}));
  const Image broken = draw(one_curve({0, 1, 2, 3}, {1, kGap, std::numeric_limits<double>::infinity(), 2}));
  EXPECT_GT(count(whole, {350, kFirst.top, 500, kFirst.height}, kBlue), 100);
  EXPECT_EQ(count(broken, {350, kFirst.top, 500, kFirst.height}, kBlue), 0);
  EXPECT_GT(count(broken, kFirst, kBlue), 30) << "the two points";
}

TEST(CurveFigure, DrawsASinglePointAndAConstant) {
  for (const double value : {0.0, 0.3, -2000.0}) {
    const Image point = draw(one_curve({7}, {value}));
    EXPECT_EQ(pixel(point, kFirst.left + 519, kFirst.top + 149), kBlue) << value;
    EXPECT_GT(count(draw(one_curve({7, 8, 9}, {value, value, value})), kFirst, kBlue), 1000) << value;
  }
}

TEST(CurveFigure, DrawsNothingWhereThereIsNothing) {
  EXPECT_EQ(count(draw(one_curve({}, {})), kFirst, kBlue), 0);
  EXPECT_EQ(count(draw(one_curve({1, 2}, {kGap, kGap})), kFirst, kBlue), 0);
  EXPECT_EQ(draw(CurveFigure{}).width, 1200U);
}

TEST(CurveFigure, KeepsEverythingInside) {
  CurveFigure figure = one_curve({1, 2, 3}, {-1e9, 0, 1e9});
  figure.title = std::string(200, 'M');
  figure.panels[0].label = std::string(200, 'M');
  const Image image = draw(figure);
  for (int y = 0; y < static_cast<int>(image.height); ++y) {
    for (const int x : {0, 1, 1198, 1199}) ASSERT_EQ(pixel(image, x, y), kWhite) << y;
  }
  EXPECT_EQ(count(image, {34, kFirst.top, 3, kFirst.height}, plot::kInk), 0) << "between label and numbers";
}

}  // namespace
}  // namespace svsep
