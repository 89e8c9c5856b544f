#include "plot/canvas.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
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

/// A line of text from the left end of a canvas of 400 x 40.
Image drawn(std::string_view words, int widest = Canvas::kAnyWidth) {
  Canvas canvas(400, 40);
  canvas.text({10, 20}, Anchor::left, words, widest);
  return canvas.image();
}

TEST(Canvas, TextIsAsWideAsItSaysWhereItSays) {
  const std::string words = "HzH";
  const int width = text_width(words);
  for (const auto& [anchor, left] : {std::pair{Anchor::left, 50}, std::pair{Anchor::right, 50 - width},
                                     std::pair{Anchor::middle, 50 - width / 2}}) {
    Canvas canvas(100, 60);
    canvas.text({50, 30}, anchor, words);
    const Box box = inked(canvas.image());
    EXPECT_NEAR(box.left, left, 3);
    EXPECT_NEAR(box.width, width, 5);
    EXPECT_NEAR(box.top, 30 - kTextHeight / 2, 1);
    EXPECT_NEAR(box.height, kTextHeight, 1);
  }
}

TEST(Canvas, TextUpwardsIsTheTextTurned) {
  Canvas across(100, 100);
  across.text({50, 50}, Anchor::middle, "Lefty");
  Canvas upwards(100, 100);
  upwards.text_upwards({50, 50}, "Lefty");
  const Box a = inked(across.image());
  const Box u = inked(upwards.image());
  EXPECT_NEAR(u.width, a.height, 1);
  EXPECT_NEAR(u.height, a.width, 1);
  EXPECT_NEAR(u.left, a.top, 1);
  EXPECT_NEAR(u.bottom(), 100 - a.left, 1);
}

TEST(Canvas, DrawsNothingOutside) {
  Canvas canvas(20, 20);
  canvas.text({-300, -5}, Anchor::left, "far away");
  canvas.text_upwards({40, 500}, "far away");
  canvas.fill({-10, -10, 5, 100}, kInk);
  canvas.line(-50.0, 30.0, 60.0, 25.0, 3.0, kInk);
  canvas.outline({-5, -5, 30, 30}, kInk);
  EXPECT_EQ(inked(canvas.image()).width, -(1 << 20));
}

TEST(Canvas, LineJoinsItsEndsAtItsThickness) {
  Canvas canvas(60, 40);
  canvas.line(10.0, 20.0, 50.0, 20.0, 3.0, kInk);
  const Image image = canvas.image();
  for (int x = 10; x <= 50; ++x) {
    for (const int y : {19, 20, 21})
      EXPECT_NEAR(pixel(image, x, y).red, kInk.red, 4) << x;  // round ends blend
    EXPECT_EQ(pixel(image, x, 18), kWhite) << x;
  }
}

TEST(Canvas, TextTooLongIsCutAndEndsWithAnEllipsis) {
  EXPECT_EQ(drawn("short", 300).rgb, drawn("short").rgb);
  EXPECT_NE(drawn("much too long", 80).rgb, drawn("much too long").rgb);
  EXPECT_LE(inked(drawn("much too long", 80)).right(), 90);
  EXPECT_LE(inked(drawn(std::string(500, 'x'), 200)).right(), 210);
}

TEST(Canvas, TextKeepsItsAccentsAndOtherScripts) {
  EXPECT_NE(drawn("Déjà").rgb, drawn("Deja").rgb);
  EXPECT_EQ(drawn("A\u0308rzte").rgb, drawn("Ärzte").rgb) << "a mark of its own";
  EXPECT_NE(drawn("\u0416").rgb, drawn("\u0414").rgb) << "Cyrillic";
  for (const std::string& broken :
       {std::string("\xff\xc3"), std::string("a\xe2\x82"), std::string(80, '\x80'), std::string("a\nb")}) {
    EXPECT_GT(inked(drawn(broken)).width, 0);
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
