#include "plot/curve_figure.hpp"

#include "plot/axis.hpp"
#include "plot/canvas.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <limits>

namespace svsep {
namespace {

using namespace plot;

constexpr int kWidth = 1200;
constexpr int kLeastLeft = 120;     // of the panels; more where numbers are long
constexpr int kBesideNumbers = 50;  // the axis' label and its ticks
constexpr int kRight = 40;
constexpr int kPlotHeight = 300;
constexpr int kTitleHeight = 50;
constexpr int kLegendHeight = 40;
constexpr int kBottomHeight = 66;
constexpr double kThickness = 2.5;
constexpr double kDot = 7.0;

/// Told apart by all eyes: M. Okabe and K. Ito, "Color Universal Design", 2008.
constexpr std::array<Colour, 7> kColours = {
    {{0, 114, 178}, {213, 94, 0}, {0, 158, 115}, {204, 121, 167}, {230, 159, 0}, {86, 180, 233}, {0, 0, 0}}};

/// Wide enough for all finite values, with some air.
Scale scale_of(const std::vector<const std::vector<double>*>& lists, double air) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const auto* values : lists) {
    for (const double value : *values) {
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  if (low > high) return {0.0, 1.0};
  if (low == high) {
    const double half = low == 0.0 ? 1.0 : std::abs(low) / 2.0;
    return {low - half, high + half};
  }
  return {low - air * (high - low), high + air * (high - low)};
}

void draw_curve(Canvas& canvas, const Box& box, const Scale& xs, const Scale& ys,
                const std::vector<double>& x, const std::vector<double>& values, Colour colour) {
  const bool dots_everywhere = x.size() <= 60;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    const double at_x = x_of(box, xs, x[i]);
    const double at_y = y_of(box, ys, values[i]);
    const bool follows = i > 0 && std::isfinite(values[i - 1]);
    const bool leads = i + 1 < x.size() && std::isfinite(values[i + 1]);
    if (follows) {
      canvas.line(x_of(box, xs, x[i - 1]), y_of(box, ys, values[i - 1]), at_x, at_y, kThickness, colour);
    }
    if (dots_everywhere || (!follows && !leads)) canvas.line(at_x, at_y, at_x, at_y, kDot, colour);
  }
}

/// On a line of its own above the panel, from the right end.
void draw_legend(Canvas& canvas, const Box& box, const std::vector<Curve>& curves) {
  constexpr int kSample = 28;
  constexpr int kGap = 8;
  constexpr int kBetween = 28;
  const int y = box.top - 17;
  int right = box.right();
  for (std::size_t i = curves.size(); i-- > 0;) {
    canvas.text({right, y}, Anchor::right, curves[i].name);
    right -= text_width(curves[i].name) + kGap;
    canvas.line(right - kSample, y, right, y, kThickness, kColours[i % kColours.size()]);
    right -= kSample + kBetween;
  }
}

}  // namespace

Image draw(const CurveFigure& figure) {
  const auto count = static_cast<int>(figure.panels.size());
  std::vector<Scale> scales;
  std::vector<std::vector<Tick>> ticks;
  int left = kLeastLeft;
  for (const CurvePanel& panel : figure.panels) {
    std::vector<const std::vector<double>*> lists;
    for (const Curve& curve : panel.curves) {
      assert(curve.values.size() == figure.x.size());
      lists.push_back(&curve.values);
    }
    scales.push_back(scale_of(lists, 0.05));
    ticks.push_back(linear_ticks(scales.back().low, scales.back().high, 6));
    for (const Tick& tick : ticks.back()) left = std::max(left, text_width(tick.label) + kBesideNumbers);
  }
  const Scale xs = scale_of({&figure.x}, 0.02);
  const bool counted = std::ranges::all_of(figure.x, [](double value) { return value == std::floor(value); });
  const auto x_ticks = linear_ticks(xs.low, xs.high, 15, counted ? 1.0 : 0.0);

  const int step = kLegendHeight + kPlotHeight;
  const int width = kWidth - left - kRight;
  const int middle = left + width / 2;
  Canvas canvas(kWidth, kTitleHeight + count * step + kBottomHeight);
  canvas.text({middle, 28}, Anchor::middle, figure.title, width);
  for (int i = 0; i < count; ++i) {
    const auto index = static_cast<std::size_t>(i);
    const CurvePanel& panel = figure.panels[index];
    const Scale& ys = scales[index];
    const Box box = {left, kTitleHeight + i * step + kLegendHeight, width, kPlotHeight};
    for (const Tick& tick : x_ticks) {
      canvas.fill({static_cast<int>(std::lrint(x_of(box, xs, tick.value))), box.top, 1, box.height}, kGrid);
    }
    for (const Tick& tick : ticks[index]) {
      canvas.fill({box.left, static_cast<int>(std::lrint(y_of(box, ys, tick.value))), box.width, 1}, kGrid);
    }
    for (std::size_t k = 0; k < panel.curves.size(); ++k) {
      draw_curve(canvas, box, xs, ys, figure.x, panel.curves[k].values, kColours[k % kColours.size()]);
    }
    canvas.outline(box, kInk);
    draw_left_axis(canvas, box, ys, ticks[index]);
    draw_bottom_axis(canvas, box, xs, x_ticks, i == count - 1);
    draw_legend(canvas, box, panel.curves);
    canvas.text_upwards({22, box.top + box.height / 2}, panel.label, kPlotHeight);
  }
  canvas.text({middle, kTitleHeight + count * step + 48}, Anchor::middle, figure.x_label);
  return canvas.image();
}

}  // namespace svsep
