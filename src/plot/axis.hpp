#pragma once

/// Where an axis has its ticks, and drawing them. Private to plot/.

#include "plot/canvas.hpp"

#include <span>
#include <string>
#include <vector>

namespace svsep::plot {

/// A place on an axis; one without a label is a minor tick.
struct Tick {
  double value = 0.0;
  std::string label;
};

/// The multiples in low..high of the smallest step out of 1, 2 and 5 times a power of ten that is no less
/// than `least_step` and gives at most `count` >= 2 intervals.
[[nodiscard]] std::vector<Tick> linear_ticks(double low, double high, int count, double least_step = 0.0);

/// The multiples 1..9 of the powers of ten in low..high, 0 < low, with labels for 1, 2 and 5: "500", "2k".
[[nodiscard]] std::vector<Tick> frequency_ticks(double low_hz, double high_hz);

/// From 0 to `duration_s`: seconds below two minutes, "m:ss" or "h:mm:ss" above, about `count` of them.
[[nodiscard]] std::vector<Tick> time_ticks(double duration_s, int count);

/// The label of time_ticks' axis.
[[nodiscard]] std::string time_label(double duration_s);

/// An interval of values, on a linear or a logarithmic scale; low < high.
struct Scale {
  double low = 0.0;
  double high = 1.0;
  bool logarithmic = false;

  /// 0 at low, 1 at high.
  [[nodiscard]] double share(double value) const;
  /// The value of a share: the inverse.
  [[nodiscard]] double value(double share) const;
};

/// The pixel of a value on the bottom axis of the box, and on its left axis.
[[nodiscard]] double x_of(const Box& box, const Scale& scale, double value);
[[nodiscard]] double y_of(const Box& box, const Scale& scale, double value);

/// Ticks outside the box with labels; along the bottom only where `with_labels`.
void draw_bottom_axis(Canvas& canvas, const Box& box, const Scale& scale, std::span<const Tick> ticks,
                      bool with_labels);
void draw_left_axis(Canvas& canvas, const Box& box, const Scale& scale, std::span<const Tick> ticks);
void draw_right_axis(Canvas& canvas, const Box& box, const Scale& scale, std::span<const Tick> ticks);

}  // namespace svsep::plot
