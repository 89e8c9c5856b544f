#include "plot/axis.hpp"

#include "core/log.hpp"
#include "core/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <spdlog/fmt/fmt.h>

namespace svsep::plot {
namespace {

constexpr int kTickLength = 6;
constexpr int kMinorTickLength = 3;
constexpr int kLabelGap = 5;
constexpr double kInMinutesFromS = 120.0;

int length_of(const Tick& tick) { return tick.label.empty() ? kMinorTickLength : kTickLength; }

/// Multiples of `step` in low..high; a value that misses the end by rounding belongs to it.
template <class Label>
std::vector<Tick> multiples(double low, double high, double step, Label&& label) {
  constexpr double kTolerance = 1e-9;
  std::vector<Tick> ticks;
  const auto last = static_cast<long long>(std::floor(high / step + kTolerance));
  for (auto i = static_cast<long long>(std::ceil(low / step - kTolerance)); i <= last; ++i) {
    const double value = static_cast<double>(i) * step;
    ticks.push_back({value, label(value)});
  }
  return ticks;
}

}  // namespace

std::vector<Tick> linear_ticks(double low, double high, int count, double least_step) {
  const double rough = std::max((high - low) / count, least_step);
  double exponent = std::floor(std::log10(rough) + 1e-9);
  const double power = std::pow(10.0, exponent);
  double factor = 1.0;
  for (const double next : {2.0, 5.0, 10.0}) {
    if (factor * power < rough * (1.0 - 1e-9)) factor = next;
  }
  if (factor == 10.0) ++exponent;
  const int decimals = std::max(0, static_cast<int>(-exponent));
  return multiples(low, high, factor * power,
                   [&](double value) { return fmt::format("{:.{}f}", value, decimals); });
}

std::vector<Tick> frequency_ticks(double low_hz, double high_hz) {
  std::vector<Tick> ticks;
  const auto decade = [](double value_hz) { return static_cast<int>(std::floor(std::log10(value_hz))); };
  for (int exponent = decade(low_hz); exponent <= decade(high_hz); ++exponent) {
    for (const int digit : {1, 2, 3, 4, 5, 6, 7, 8, 9}) {
      const double value = digit * std::pow(10.0, exponent);
      if (value < low_hz || value > high_hz) continue;
      const bool major = digit == 1 || digit == 2 || digit == 5;
      const std::string number =
          value < 1000.0 ? fmt::format("{:g}", value) : fmt::format("{:g}k", value / 1000.0);
      ticks.push_back({value, major ? number : ""});
    }
  }
  return ticks;
}

std::vector<Tick> time_ticks(double duration_s, int count) {
  if (duration_s < kInMinutesFromS) return linear_ticks(0.0, duration_s, count);
  constexpr std::array kStepsS = {10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0};
  const auto fits = [&](double step_s) { return duration_s <= count * step_s; };
  const auto* const found = std::find_if(kStepsS.begin(), kStepsS.end(), fits);
  const double step_s =
      found != kStepsS.end() ? *found : kStepsS.back() * std::ceil(duration_s / count / kStepsS.back());
  return multiples(0.0, duration_s, step_s, format_duration);
}

std::string time_label(double duration_s) {
  return duration_s < kInMinutesFromS ? "time (s)" : duration_s < 3600.0 ? "time (min:s)" : "time (h:min:s)";
}

double Scale::share(double value) const {
  return logarithmic ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
}

double Scale::value(double share) const {
  return logarithmic ? low * std::pow(high / low, share) : low + share * (high - low);
}

double x_of(const Box& box, const Scale& scale, double value) {
  return box.left + scale.share(value) * (box.width - 1);
}

double y_of(const Box& box, const Scale& scale, double value) {
  return box.bottom() - 1 - scale.share(value) * (box.height - 1);
}

void draw_bottom_axis(Canvas& canvas, const Box& box, const Scale& scale, std::span<const Tick> ticks,
                      bool with_labels) {
  for (const Tick& tick : ticks) {
    const int x = static_cast<int>(std::lrint(x_of(box, scale, tick.value)));
    canvas.fill({x, box.bottom() + 1, 1, length_of(tick)}, kInk);
    if (!with_labels) continue;
    canvas.text({x, box.bottom() + kTickLength + kLabelGap + kTextHeight / 2}, Anchor::middle, tick.label);
  }
}

void draw_left_axis(Canvas& canvas, const Box& box, const Scale& scale, std::span<const Tick> ticks) {
  for (const Tick& tick : ticks) {
    const int y = static_cast<int>(std::lrint(y_of(box, scale, tick.value)));
    const int length = length_of(tick);
    canvas.fill({box.left - 1 - length, y, length, 1}, kInk);
    canvas.text({box.left - kTickLength - kLabelGap, y}, Anchor::right, tick.label);
  }
}

void draw_right_axis(Canvas& canvas, const Box& box, const Scale& scale, std::span<const Tick> ticks) {
  for (const Tick& tick : ticks) {
    const int y = static_cast<int>(std::lrint(y_of(box, scale, tick.value)));
    canvas.fill({box.right() + 1, y, length_of(tick), 1}, kInk);
    canvas.text({box.right() + kTickLength + kLabelGap, y}, Anchor::left, tick.label);
  }
}

}  // namespace svsep::plot
