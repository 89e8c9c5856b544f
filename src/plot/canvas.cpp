#include "plot/canvas.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>
#include <numbers>
#include <pango/pangocairo.h>

namespace svsep::plot {
namespace {

constexpr int kHalfTextHeight = kTextHeight / 2;

constexpr const char* kFont = "DejaVu Sans";  // other scripts than it has come from other fonts
constexpr int kFontPixels = 18;

template <auto kFree>
struct Freed {
  template <class T>
  void operator()(T* handle) const {
    kFree(handle);
  }
};
using Surface = std::unique_ptr<cairo_surface_t, Freed<cairo_surface_destroy>>;
using Context = std::unique_ptr<cairo_t, Freed<cairo_destroy>>;
using Layout = std::unique_ptr<PangoLayout, Freed<g_object_unref>>;
using Font = std::unique_ptr<PangoFontDescription, Freed<pango_font_description_free>>;

/// A line of text, ready to be drawn.
Layout laid_out(cairo_t* context, std::string_view words, int widest) {
  const Font font(pango_font_description_new());
  pango_font_description_set_family_static(font.get(), kFont);
  pango_font_description_set_absolute_size(font.get(), kFontPixels * PANGO_SCALE);
  const std::unique_ptr<char, Freed<g_free>> valid(
      g_utf8_make_valid(words.data(), static_cast<gssize>(words.size())));
  Layout layout(pango_cairo_create_layout(context));
  pango_layout_set_font_description(layout.get(), font.get());
  pango_layout_set_single_paragraph_mode(layout.get(), TRUE);
  pango_layout_set_text(layout.get(), valid.get(), -1);
  if (widest != Canvas::kAnyWidth) {
    pango_layout_set_width(layout.get(), widest * PANGO_SCALE);
    pango_layout_set_ellipsize(layout.get(), PANGO_ELLIPSIZE_END);
  }
  return layout;
}

/// In pixels. A layout that is given a width may be narrower.
int width_of(PangoLayout* layout) {
  PangoRectangle extent = {};
  pango_layout_line_get_pixel_extents(pango_layout_get_line_readonly(layout, 0), nullptr, &extent);
  return extent.width;
}

/// Draws with the left end of the base line at the context's origin.
void show(cairo_t* context, PangoLayout* layout) {
  cairo_move_to(context, 0.0, 0.0);
  pango_cairo_show_layout_line(context, pango_layout_get_line_readonly(layout, 0));
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

void use(cairo_t* context, Colour colour) {
  cairo_set_source_rgb(context, colour.red / 255.0, colour.green / 255.0, colour.blue / 255.0);
}

}  // namespace

struct Canvas::Impl {
  Surface surface;
  Context context;
  int width = 0;
  int height = 0;
};

Canvas::Canvas(int width, int height) : impl_(std::make_unique<Impl>()) {
  impl_->surface.reset(cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height));
  impl_->context.reset(cairo_create(impl_->surface.get()));
  impl_->width = width;
  impl_->height = height;
  if (cairo_status(impl_->context.get()) != CAIRO_STATUS_SUCCESS) throw std::bad_alloc();
  fill({0, 0, width, height}, kWhite);
}

Canvas::~Canvas() = default;

/// Past cairo, which takes a second for the pixels of a figure.
void Canvas::set(Point at, Colour colour) {
  if (at.x < 0 || at.y < 0 || at.x >= impl_->width || at.y >= impl_->height) return;
  cairo_surface_t* const surface = impl_->surface.get();
  cairo_surface_flush(surface);
  unsigned char* const row =
      cairo_image_surface_get_data(surface) + at.y * cairo_image_surface_get_stride(surface);
  reinterpret_cast<std::uint32_t*>(row)[at.x] =
      static_cast<std::uint32_t>(colour.red << 16 | colour.green << 8 | colour.blue);
  cairo_surface_mark_dirty_rectangle(surface, at.x, at.y, 1, 1);
}

void Canvas::fill(const Box& box, Colour colour) {
  cairo_t* const context = impl_->context.get();
  use(context, colour);
  cairo_rectangle(context, box.left, box.top, box.width, box.height);
  cairo_fill(context);
}

void Canvas::outline(const Box& box, Colour colour) {
  cairo_t* const context = impl_->context.get();
  use(context, colour);
  cairo_set_line_width(context, 1.0);
  cairo_rectangle(context, box.left - 0.5, box.top - 0.5, box.width + 1.0, box.height + 1.0);
  cairo_stroke(context);
}

void Canvas::line(double x0, double y0, double x1, double y1, double thickness, Colour colour) {
  cairo_t* const context = impl_->context.get();
  use(context, colour);
  cairo_set_line_width(context, thickness);
  cairo_set_line_cap(context, CAIRO_LINE_CAP_ROUND);
  cairo_move_to(context, x0 + 0.5, y0 + 0.5);
  cairo_line_to(context, x1 + 0.5, y1 + 0.5);
  cairo_stroke(context);
}

void Canvas::text(Point at, Anchor anchor, std::string_view words, int widest) {
  cairo_t* const context = impl_->context.get();
  const Layout layout = laid_out(context, words, widest);
  const int width = width_of(layout.get());
  const int left = at.x - (anchor == Anchor::left ? 0 : anchor == Anchor::right ? width : width / 2);
  cairo_save(context);
  cairo_translate(context, left, at.y + kHalfTextHeight);
  use(context, kInk);
  show(context, layout.get());
  cairo_restore(context);
}

void Canvas::text_upwards(Point middle, std::string_view words, int widest) {
  cairo_t* const context = impl_->context.get();
  const Layout layout = laid_out(context, words, widest);
  cairo_save(context);
  const int half_width = width_of(layout.get()) / 2;
  cairo_translate(context, middle.x + kHalfTextHeight, middle.y + half_width);
  cairo_rotate(context, -std::numbers::pi / 2.0);
  use(context, kInk);
  show(context, layout.get());
  cairo_restore(context);
}

Image Canvas::image() const {
  Image image{static_cast<std::size_t>(impl_->width), static_cast<std::size_t>(impl_->height), {}};
  image.rgb.reserve(3 * image.width * image.height);
  cairo_surface_flush(impl_->surface.get());
  const unsigned char* row = cairo_image_surface_get_data(impl_->surface.get());
  for (int y = 0; y < impl_->height; ++y, row += cairo_image_surface_get_stride(impl_->surface.get())) {
    const auto* pixels = reinterpret_cast<const std::uint32_t*>(row);  // 0x00RRGGBB
    for (int x = 0; x < impl_->width; ++x) {
      for (const unsigned shift : {16U, 8U, 0U})
        image.rgb.push_back(static_cast<std::uint8_t>(pixels[x] >> shift));
    }
  }
  return image;
}

int text_width(std::string_view words) {
  static const Surface nowhere(cairo_image_surface_create(CAIRO_FORMAT_RGB24, 1, 1));
  const Context context(cairo_create(nowhere.get()));
  return width_of(laid_out(context.get(), words, Canvas::kAnyWidth).get());
}

Colour magma(double value) { return colour_of(kMagma, value); }
Colour viridis(double value) { return colour_of(kViridis, value); }

}  // namespace svsep::plot
