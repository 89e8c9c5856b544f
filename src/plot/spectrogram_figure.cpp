#include "plot/spectrogram_figure.hpp"

#include "plot/axis.hpp"
#include "plot/canvas.hpp"
#include "plot/power_columns.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <vector>

namespace svsep {
namespace {

using namespace plot;

constexpr int kWidth = 1440;
constexpr int kHeight = 1160;
constexpr int kPlotWidth = 1200;
constexpr int kPlotHeight = 232;
constexpr Point kFirstPanel = {96, 78};
constexpr int kPanelStep = kPlotHeight + 30;
constexpr Colour kNothing = {214, 214, 214};  // of the mask where both stems are below the floor

constexpr float kFloorDb = -80.0F;

Box panel(int index) { return {kFirstPanel.x, kFirstPanel.y + index * kPanelStep, kPlotWidth, kPlotHeight}; }

/// A vertical strip of all colours beside the panels, with its axis.
void draw_colour_bar(Canvas& canvas, const Box& beside, const Scale& scale, std::span<const Tick> ticks,
                     Colour (*colour)(double), const std::string& label) {
  const Box bar = {beside.right() + 22, beside.top, 18, beside.height};
  for (int y = 0; y < bar.height; ++y) {
    canvas.fill({bar.left, bar.top + y, bar.width, 1},
                colour(1.0 - static_cast<double>(y) / (bar.height - 1)));
  }
  canvas.outline(bar, kInk);
  draw_right_axis(canvas, bar, scale, ticks);
  canvas.text_upwards({kWidth - 22, bar.top + bar.height / 2}, label);
}

}  // namespace

struct SpectrogramFigure::Impl {
  Impl(int rate_hz, const std::string& words)
      : sample_rate_hz(rate_hz),
        title(words),
        mixture(rate_hz, kPlotWidth, kPlotHeight),
        vocals(rate_hz, kPlotWidth, kPlotHeight),
        accompaniment(rate_hz, kPlotWidth, kPlotHeight) {}

  void draw_pixels(Canvas& canvas) const {
    const float loudest = mixture.loudest();
    const auto level = [&](float power) {  // 0 at the floor, 1 at the loudest
      return power > 0.0F ? 1.0F - 10.0F * std::log10(power / loudest) / kFloorDb : 0.0F;
    };
    for (int x = 0; x < kPlotWidth; ++x) {
      const auto powers = std::array{mixture.pixels(x), vocals.pixels(x), accompaniment.pixels(x)};
      for (int y = 0; y < kPlotHeight; ++y) {
        const auto row = static_cast<std::size_t>(y);
        const auto put = [&](int index, Colour colour) {
          canvas.set({panel(index).left + x, panel(index).top + y}, colour);
        };
        for (int i = 0; i < 3; ++i) put(i, magma(level(powers[static_cast<std::size_t>(i)][row])));
        const float voice = std::sqrt(powers[1][row]);
        const float rest = std::sqrt(powers[2][row]);
        const bool heard = std::max(level(powers[1][row]), level(powers[2][row])) > 0.0F;
        put(3, heard ? viridis(voice / (voice + rest)) : kNothing);
      }
    }
  }

  int sample_rate_hz;
  std::string title;
  PowerColumns mixture;
  PowerColumns vocals;
  PowerColumns accompaniment;
};

SpectrogramFigure::SpectrogramFigure(int sample_rate_hz, const std::string& title)
    : impl_(std::make_unique<Impl>(sample_rate_hz, title)) {}
SpectrogramFigure::~SpectrogramFigure() = default;
SpectrogramFigure::SpectrogramFigure(SpectrogramFigure&&) noexcept = default;
SpectrogramFigure& SpectrogramFigure::operator=(SpectrogramFigure&&) noexcept = default;

void SpectrogramFigure::push_mixture(const AudioBuffer& block) { impl_->mixture.push(block); }

void SpectrogramFigure::push_stems(const AudioBuffer& vocals, const AudioBuffer& accompaniment) {
  impl_->vocals.push(vocals);
  impl_->accompaniment.push(accompaniment);
}

Image SpectrogramFigure::draw() {
  Impl& self = *impl_;
  for (PowerColumns* signal : {&self.mixture, &self.vocals, &self.accompaniment}) signal->finish();
  Canvas canvas(kWidth, kHeight);
  self.draw_pixels(canvas);

  const double song_s = static_cast<double>(self.mixture.samples()) / self.sample_rate_hz;
  const double duration_s = song_s > 0.0 ? song_s : 1.0;  // an axis needs a length
  const Scale time = {0.0, duration_s};
  const Scale frequency = frequency_scale(self.sample_rate_hz);
  const auto times = time_ticks(duration_s, 12);
  const auto frequencies = frequency_ticks(frequency.low, frequency.high);
  const std::array<std::string, 4> titles = {"mixture", "vocals", "accompaniment",
                                             "mask |V| / (|V| + |A|), grey where both are below -80 dB"};
  const int middle = kFirstPanel.x + kPlotWidth / 2;
  canvas.text({middle, 26}, Anchor::middle, self.title, kPlotWidth);
  for (int i = 0; i < 4; ++i) {
    const Box box = panel(i);
    canvas.outline(box, kInk);
    canvas.text({box.left, box.top - 14}, Anchor::left, titles[static_cast<std::size_t>(i)]);
    draw_left_axis(canvas, box, frequency, frequencies);
    draw_bottom_axis(canvas, box, time, times, i == 3);
    canvas.text_upwards({16, box.top + box.height / 2}, "frequency (Hz)");
  }
  canvas.text({middle, panel(3).bottom() + 46}, Anchor::middle, time_label(duration_s));

  const Box spectrograms = {panel(0).left, panel(0).top, kPlotWidth, panel(2).bottom() - panel(0).top};
  draw_colour_bar(canvas, spectrograms, {kFloorDb, 0.0}, linear_ticks(kFloorDb, 0.0, 8), magma,
                  "level (dB relative to the mixture's maximum)");
  draw_colour_bar(canvas, panel(3), {0.0, 1.0}, linear_ticks(0.0, 1.0, 5), viridis, "share of vocals");
  return canvas.image();
}

}  // namespace svsep
