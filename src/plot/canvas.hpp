#pragma once

/// What the figures are drawn with. Private to plot/.

#include "media/image_file.hpp"

#include <cstdint>
#include <memory>
#include <string_view>

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

inline constexpr int kTextHeight = 14;  ///< of capitals and digits, about; tails reach 4 pixels below

/// A white picture to draw on. What falls outside is not drawn. One thread at a time.
class Canvas {
 public:
  Canvas(int width, int height);
  ~Canvas();
  Canvas(const Canvas&) = delete;
  Canvas& operator=(const Canvas&) = delete;

  void set(Point at, Colour colour);
  void fill(const Box& box, Colour colour);
  /// Between the centres of pixels, anti-aliased, with round ends; equal points give a dot.
  void line(double x0, double y0, double x1, double y1, double thickness, Colour colour);
  /// One pixel wide, just outside the box.
  void outline(const Box& box, Colour colour);
  /// A line of UTF-8 in any script that the machine has a font for, its capitals vertically centred at its
  /// point; cut and ended with an ellipsis where it is wider than `widest` pixels.
  void text(Point at, Anchor anchor, std::string_view words, int widest = kAnyWidth);
  /// The same, read from bottom to top, its middle at the point.
  void text_upwards(Point middle, std::string_view words, int widest = kAnyWidth);

  /// What was drawn.
  [[nodiscard]] Image image() const;

  static constexpr int kAnyWidth = -1;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// In pixels.
[[nodiscard]] int text_width(std::string_view words);

/// Perceptually uniform colour maps for 0..1 (clamped): from black over red to pale yellow, and from violet
/// over green to yellow. Every 16th colour of matplotlib's magma and viridis (S. van der Walt, N. Smith and
/// E. Firing, CC0), linear between.
[[nodiscard]] Colour magma(double value);
[[nodiscard]] Colour viridis(double value);

}  // namespace svsep::plot
