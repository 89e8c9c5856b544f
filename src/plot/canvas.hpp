#pragma once

/// What the figures are drawn with. Private to plot/.

#include "media/image_file.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace svsep::plot {

struct Colour {
  std::uint8_t red = 0;
  std::uint8_t green = 0;
  std::uint8_t blue = 0;
  bool operator==(const Colour&) const = default;
};

inline constexpr Colour kWhite = {255, 255, 255};
inline constexpr Colour kInk = {38, 38, 38};
inline constexpr Colour kGrid = {225, 225, 225};

struct Point {
  int x = 0;
  int y = 0;
};

/// Pixels left, top <= x, y < left + width, top + height.
struct Box {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
  [[nodiscard]] int right() const noexcept { return left + width; }
  [[nodiscard]] int bottom() const noexcept { return top + height; }
};

/// Which part of a line of text lies at its point.
enum class Anchor { left, middle, right };

inline constexpr int kTextHeight = 14;  ///< of capitals and digits; tails reach 4 pixels below
inline constexpr int kTextAdvance = 12;

/// A white picture to draw on. What falls outside is not drawn.
class Canvas {
 public:
  Canvas(int width, int height);

  void set(Point at, Colour colour);
  void fill(const Box& box, Colour colour);
  /// Anti-aliased, with round ends; equal points give a dot.
  void line(double x0, double y0, double x1, double y1, double thickness, Colour colour);
  /// One pixel wide, just outside the box.
  void outline(const Box& box, Colour colour);
  /// A line of UTF-8, vertically centred at its point. Accents are left out, other scripts show as boxes.
  void text(Point at, Anchor anchor, std::string_view words);
  /// The same, read from bottom to top, its middle at the point.
  void text_upwards(Point middle, std::string_view words);

  [[nodiscard]] Image take() && { return std::move(image_); }

 private:
  void blend(Point at, double share, Colour colour);
  Image image_;
};

/// In pixels.
[[nodiscard]] int text_width(std::string_view words);

/// `words`, cut and ended with "..." where it is wider than `width` pixels.
[[nodiscard]] std::string shortened(std::string_view words, int width);

/// Perceptually uniform colour maps for 0..1 (clamped): from black over red to pale yellow, and from violet
/// over green to yellow. Every 16th colour of matplotlib's magma and viridis (S. van der Walt, N. Smith and
/// E. Firing, CC0), linear between.
[[nodiscard]] Colour magma(double value);
[[nodiscard]] Colour viridis(double value);

}  // namespace svsep::plot
