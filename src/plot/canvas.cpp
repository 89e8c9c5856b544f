#include "plot/canvas.hpp"

#include "plot/font.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <vector>

namespace svsep::plot {
namespace {

/// The glyph of a Unicode character, or nothing for a mark on the letter before it.
std::optional<int> glyph_of(char32_t character) {
  // Western European letters from U+00C0 on lose their accents.
  constexpr std::string_view kPlain = "AAAAAAACEEEEIIIIDNOOOOOxOUUUUYPsaaaaaaaceeeeiiiidnooooo/ouuuuypy";
  if (character >= 0xC0 && character - 0xC0 < kPlain.size()) {
    character = static_cast<unsigned char>(kPlain[character - 0xC0]);
  }
  if (character == U'\u2013' || character == U'\u2014') character = U'-';
  if (character == U'\u2018' || character == U'\u2019') character = U'\'';
  if (character == U'\u201c' || character == U'\u201d') character = U'"';
  if (character >= 0x300 && character < 0x370) return std::nullopt;
  return character >= 32 && character < 127 ? static_cast<int>(character) - 32 : kUnknownGlyph;
}

/// Whether the byte continues a character of UTF-8.
bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

/// The glyphs of UTF-8 text.
std::vector<int> glyphs_of(std::string_view words) {
  std::vector<int> glyphs;
  while (!words.empty()) {
    const auto first = static_cast<unsigned char>(words.front());
    const auto length =
        static_cast<std::size_t>(std::find_if_not(words.begin() + 1, words.end(), continues) - words.begin());
    char32_t character =
        length == 1
            ? first
            : first & (0x7FU >> std::min<std::size_t>(length, 7));  // the first byte's ones count the bytes
    for (const char byte : words.substr(1, length - 1)) {
      character = character << 6U | (static_cast<unsigned char>(byte) & 0x3FU);
    }
    if (const auto glyph = glyph_of(character)) glyphs.push_back(*glyph);
    words.remove_prefix(length);
  }
  return glyphs;
}

/// Calls put(x, y) for each inked pixel of the line, x from its left end, y from the top of the capitals. A
/// dot of the font is 2 x 2 pixels; where two dots meet at a corner only, the two pixels beside it are inked
/// too, so that slanted strokes are as heavy as straight ones.
template <class Put>
void rasterise(std::string_view words, Put&& put) {
  int left = 0;
  for (const int glyph : glyphs_of(words)) {
    for (int y = 0; y < 2 * kGlyphRows; ++y) {
      for (int x = 0; x < 2 * kGlyphColumns; ++x) {
        const int row = y / 2;
        const int column = x / 2;
        const int next_row = row + (y % 2 == 0 ? -1 : 1);
        const int next_column = column + (x % 2 == 0 ? -1 : 1);
        const bool joins = is_inked(glyph, next_row, column) && is_inked(glyph, row, next_column) &&
                           !is_inked(glyph, next_row, next_column);
        if (joins || is_inked(glyph, row, column)) put(left + x, y);
      }
    }
    left += kTextAdvance;
  }
}

using Map = std::array<Colour, 17>;

constexpr Map kMagma = {{{0, 0, 4},
                         {10, 8, 34},
                         {29, 17, 71},
                         {54, 16, 107},
                         {81, 18, 124},
                         {106, 28, 129},
                         {131, 38, 129},
                         {156, 46, 127},
                         {183, 55, 121},
                         {208, 65, 111},
                         {231, 82, 99},
                         {245, 107, 92},
                         {252, 137, 97},
                         {254, 167, 114},
                         {254, 196, 136},
                         {253, 226, 163},
                         {252, 253, 191}}};

constexpr Map kViridis = {{{68, 1, 84},
                           {72, 24, 106},
                           {71, 45, 123},
                           {66, 64, 134},
                           {59, 82, 139},
                           {51, 99, 141},
                           {44, 114, 142},
                           {38, 130, 142},
                           {33, 145, 140},
                           {31, 160, 136},
                           {40, 174, 128},
                           {63, 188, 115},
                           {94, 201, 98},
                           {132, 212, 75},
                           {173, 220, 48},
                           {216, 226, 25},
                           {253, 231, 37}}};

std::uint8_t mix(std::uint8_t from, std::uint8_t to, double share) {
  return static_cast<std::uint8_t>(std::lrint(from + share * (to - from)));
}

Colour mix(const Colour& from, const Colour& to, double share) {
  return {mix(from.red, to.red, share), mix(from.green, to.green, share), mix(from.blue, to.blue, share)};
}

Colour colour_of(const Map& map, double value) {
  const double clamped = value > 0.0 ? std::min(value, 1.0) : 0.0;  // 0 for what is no number, too
  const double place = clamped * static_cast<double>(map.size() - 1);
  const auto below = std::min(static_cast<std::size_t>(place), map.size() - 2);
  return mix(map[below], map[below + 1], place - static_cast<double>(below));
}

}  // namespace

Canvas::Canvas(int width, int height)
    : image_{static_cast<std::size_t>(width), static_cast<std::size_t>(height), {}} {
  image_.rgb.assign(3 * image_.width * image_.height, 255);
}

void Canvas::blend(Point at, double share, Colour colour) {
  const auto x = static_cast<std::size_t>(at.x);  // what is negative becomes too large
  const auto y = static_cast<std::size_t>(at.y);
  if (x >= image_.width || y >= image_.height) return;
  std::uint8_t* pixel = image_.rgb.data() + 3 * (y * image_.width + x);
  const Colour mixed = mix({pixel[0], pixel[1], pixel[2]}, colour, share);
  pixel[0] = mixed.red;
  pixel[1] = mixed.green;
  pixel[2] = mixed.blue;
}

void Canvas::set(Point at, Colour colour) { blend(at, 1.0, colour); }

void Canvas::fill(const Box& box, Colour colour) {
  for (int y = box.top; y < box.bottom(); ++y) {
    for (int x = box.left; x < box.right(); ++x) set({x, y}, colour);
  }
}

void Canvas::outline(const Box& box, Colour colour) {
  fill({box.left - 1, box.top - 1, box.width + 2, 1}, colour);
  fill({box.left - 1, box.bottom(), box.width + 2, 1}, colour);
  fill({box.left - 1, box.top, 1, box.height}, colour);
  fill({box.right(), box.top, 1, box.height}, colour);
}

void Canvas::line(double x0, double y0, double x1, double y1, double thickness, Colour colour) {
  const double reach = thickness / 2.0 + 0.5;
  const double along_x = x1 - x0;
  const double along_y = y1 - y0;
  const double squared_length = along_x * along_x + along_y * along_y;
  const auto first = [&](double a, double b) { return static_cast<int>(std::floor(std::min(a, b) - reach)); };
  const auto last = [&](double a, double b) { return static_cast<int>(std::ceil(std::max(a, b) + reach)); };
  for (int y = first(y0, y1); y <= last(y0, y1); ++y) {
    for (int x = first(x0, x1); x <= last(x0, x1); ++x) {
      const double from_x = x - x0;
      const double from_y = y - y0;
      const double place = squared_length > 0.0
                               ? std::clamp((from_x * along_x + from_y * along_y) / squared_length, 0.0, 1.0)
                               : 0.0;
      const double distance = std::hypot(from_x - place * along_x, from_y - place * along_y);
      if (distance < reach) blend({x, y}, std::min(reach - distance, 1.0), colour);
    }
  }
}

void Canvas::text(Point at, Anchor anchor, std::string_view words) {
  const int width = text_width(words);
  const int left = at.x - (anchor == Anchor::left ? 0 : anchor == Anchor::right ? width : width / 2);
  const int top = at.y - kTextHeight / 2;
  rasterise(words, [&](int x, int y) { set({left + x, top + y}, kInk); });
}

void Canvas::text_upwards(Point middle, std::string_view words) {
  const int left = middle.x - kTextHeight / 2;
  const int bottom = middle.y + text_width(words) / 2;
  rasterise(words, [&](int x, int y) { set({left + y, bottom - x}, kInk); });
}

int text_width(std::string_view words) {
  const auto count = static_cast<int>(glyphs_of(words).size());
  return count == 0 ? 0 : count * kTextAdvance - (kTextAdvance - 2 * kGlyphColumns);
}

std::string shortened(std::string_view words, int width) {
  if (text_width(words) <= width) return std::string(words);
  constexpr std::string_view kEllipsis = "...";
  std::string kept(words);
  while (!kept.empty() && text_width(kept) > width - static_cast<int>(kEllipsis.size()) * kTextAdvance) {
    while (kept.size() > 1 && continues(kept.back())) kept.pop_back();
    kept.pop_back();
  }
  return kept.append(kEllipsis);
}

Colour magma(double value) { return colour_of(kMagma, value); }
Colour viridis(double value) { return colour_of(kViridis, value); }

}  // namespace svsep::plot
