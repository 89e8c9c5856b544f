#include "plot/canvas.hpp"

#include "plot/font.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <utility>

namespace svsep::plot {
namespace {

Colour pixel(const Image& image, int x, int y) {
  const std::size_t at = 3 * (static_cast<std::size_t>(y) * image.width + static_cast<std::size_t>(x));
  return {image.rgb[at], image.rgb[at + 1], image.rgb[at + 2]};
}

/// The smallest box around all that is not white.
Box inked(const Image& image) {
  Box box = {1 << 20, 1 << 20, 0, 0};
  int right = 0;
  int bottom = 0;
  for (int y = 0; y < static_cast<int>(image.height); ++y) {
    for (int x = 0; x < static_cast<int>(image.width); ++x) {
      if (pixel(image, x, y) == kWhite) continue;
      box.left = std::min(box.left, x);
      box.top = std::min(box.top, y);
      right = std::max(right, x + 1);
      bottom = std::max(bottom, y + 1);
    }
  }
  box.width = right - box.left;
  box.height = bottom - box.top;
  return box;
}

TEST(Canvas, FontHasADifferentGlyphForEveryCharacter) {
  for (const std::string_view line : kFont) ASSERT_EQ(line.size(), 95U) << line;
  std::set<std::string> glyphs;
  for (int glyph = 0; glyph <= kUnknownGlyph; ++glyph) {
    std::string dots;
    for (int row = 0; row < kGlyphRows; ++row) {
      for (int column = 0; column < kGlyphColumns; ++column) dots += is_inked(glyph, row, column) ? '#' : '.';
    }
    EXPECT_EQ(dots.find('#') == std::string::npos, glyph == 0) << static_cast<char>(glyph + 32);
    EXPECT_TRUE(glyphs.insert(dots).second) << static_cast<char>(glyph + 32);
  }
}

TEST(Canvas, TextIsAsWideAsItSaysWhereItSays) {
  const std::string words = "HzH";
  for (const auto& [anchor, left] :
       {std::pair{Anchor::left, 50}, std::pair{Anchor::right, 50 - 34}, std::pair{Anchor::middle, 50 - 17}}) {
    Canvas canvas(100, 60);
    canvas.text({50, 30}, anchor, words);
    const Box box = inked(std::move(canvas).take());
    EXPECT_EQ(box.left, left);
    EXPECT_EQ(box.width, text_width(words));
    EXPECT_EQ(box.top, 30 - kTextHeight / 2);
    EXPECT_EQ(box.height, kTextHeight);
  }
}

TEST(Canvas, TextUpwardsIsTheTextTurned) {
  Canvas across(100, 100);
  across.text({50, 50}, Anchor::middle, "Left");
  Canvas upwards(100, 100);
  upwards.text_upwards({50, 50}, "Left");
  const Image a = std::move(across).take();
  const Image u = std::move(upwards).take();
  for (int x = 0; x < 100; ++x) {
    for (int y = 1; y < 100; ++y) EXPECT_EQ(pixel(a, x, y), pixel(u, y, 100 - x - (x == 0 ? 1 : 0)));
  }
}

TEST(Canvas, DrawsNothingOutside) {
  Canvas canvas(20, 20);
  canvas.text({-300, -5}, Anchor::left, "far away");
  canvas.text_upwards({40, 500}, "far away");
  canvas.fill({-10, -10, 5, 100}, kInk);
  canvas.line(-50.0, 30.0, 60.0, 25.0, 3.0, kInk);
  canvas.outline({-5, -5, 30, 30}, kInk);
  EXPECT_EQ(inked(std::move(canvas).take()).width, -(1 << 20));
}

TEST(Canvas, LineJoinsItsEndsAtItsThickness) {
  Canvas canvas(60, 40);
  canvas.line(10.0, 20.0, 50.0, 20.0, 3.0, kInk);
  const Image image = std::move(canvas).take();
  for (int x = 10; x <= 50; ++x) {
    for (const int y : {19, 20, 21}) EXPECT_EQ(pixel(image, x, y), kInk) << x;
    EXPECT_EQ(pixel(image, x, 18), kWhite) << x;
  }
}

TEST(Canvas, TextTooLongIsCutAtACharacterAndSaysSo) {
  EXPECT_EQ(shortened("short", 100), "short");
  EXPECT_EQ(shortened("much too long", 100), "much ...");
  EXPECT_EQ(shortened("\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc", 69), "\u00fc\u00fc...");
  EXPECT_LE(text_width(shortened(std::string(500, 'x'), 1000)), 1000);
}

TEST(Canvas, TextOfOtherScriptsKeepsItsLength) {
  const auto drawn = [](std::string_view words) {
    Canvas canvas(200, 30);
    canvas.text({10, 15}, Anchor::left, words);
    return std::move(canvas).take().rgb;
  };
  EXPECT_EQ(drawn("D\u00e9j\u00e0 Vu \u2013 Stra\u00dfe"), drawn("Deja Vu - Strase"));
  EXPECT_EQ(drawn("A\u0308rzte"), drawn("Arzte")) << "a mark of its own";
  EXPECT_EQ(text_width("\u65e5\u672c\U0001f3b5"), text_width("abc")) << "one box for a code point";
  for (const std::string& broken :
       {std::string("\xff\xc3"), std::string("a\xe2\x82"), std::string(80, '\x80')}) {
    EXPECT_NO_THROW(drawn(broken));
  }
}

TEST(Canvas, ColourMapsGetBrighterAllTheWay) {
  for (Colour (*const map)(double) : {magma, viridis}) {
    double last = -1.0;
    for (int i = 0; i <= 64; ++i) {
      const double value = i / 64.0;
      const Colour colour = map(value);
      const double luma = 0.2126 * colour.red + 0.7152 * colour.green + 0.0722 * colour.blue;
      EXPECT_GT(luma, last) << value;
      last = luma;
    }
    EXPECT_EQ(map(-3.0), map(0.0));
    EXPECT_EQ(map(7.0), map(1.0));
    EXPECT_EQ(map(std::nan("")), map(0.0));
  }
  EXPECT_EQ(magma(0.0), (Colour{0, 0, 4}));
  EXPECT_EQ(viridis(1.0), (Colour{253, 231, 37}));
}

}  // namespace
}  // namespace svsep::plot
