#include "plot/spectrogram_figure.hpp"

#include "plot/axis.hpp"
#include "plot/canvas.hpp"
#include "svsep/stft.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <complex>
#include <cstddef>
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

constexpr double kLowestHz = 30.0;
constexpr double kHighestHz = 20000.0;
constexpr float kFloorDb = -80.0F;
constexpr std::size_t kMaxColumns = 2 * kPlotWidth;  // at least kPlotWidth after the first merge

Box panel(int index) { return {kFirstPanel.x, kFirstPanel.y + index * kPanelStep, kPlotWidth, kPlotHeight}; }

/// A window of about 0.1 s, which tells the partials of a low voice apart, at any sample rate.
StftParameters stft_parameters(int sample_rate_hz) {
  const auto tenth = static_cast<unsigned>(sample_rate_hz) / 15;
  const std::size_t window = std::clamp<std::size_t>(std::bit_ceil(tenth), 16, 32768);
  return {2 * window, window, window / 4};
}

Scale frequency_scale(int sample_rate_hz) {
  const double highest_hz = std::min(kHighestHz, sample_rate_hz / 2.0);
  return {std::min(kLowestHz, highest_hz / 10.0), highest_hz, true};
}

/// The power of one signal by time and pixel row. Columns are means of equally many frames; when there are
/// too many, neighbours are merged.
class PowerColumns {
 public:
  PowerColumns(int sample_rate_hz, const StftParameters& parameters)
      : hop_samples_(parameters.hop_samples), stft_(parameters, [this](Spectrum frame) { take(frame); }) {
    const Scale scale = frequency_scale(sample_rate_hz);
    const double bins_per_hz = static_cast<double>(parameters.fft_samples) / sample_rate_hz;
    for (int y = 0; y < kPlotHeight; ++y) {
      const auto bin_at = [&](double row) {  // row 0 is the lowest
        return bins_per_hz * scale.value(std::clamp(row / (kPlotHeight - 1), 0.0, 1.0));
      };
      const double row = kPlotHeight - 1 - y;
      const double centre = bin_at(row);
      const auto below = std::min(static_cast<std::size_t>(centre), parameters.bins() - 2);
      rows_[static_cast<std::size_t>(y)] = {below, static_cast<float>(centre - static_cast<double>(below)),
                                            static_cast<std::size_t>(std::ceil(bin_at(row - 0.5))),
                                            static_cast<std::size_t>(bin_at(row + 0.5)) + 1};
    }
    powers_.resize(parameters.bins());
  }
  PowerColumns(const PowerColumns&) = delete;  // the STFT's sink points into this object
  PowerColumns& operator=(const PowerColumns&) = delete;

  void push(const AudioBuffer& block) {
    mean_.assign(block.samples(), 0.0F);
    const float share = 1.0F / static_cast<float>(block.channels.size());
    for (const auto& channel : block.channels) {
      for (std::size_t n = 0; n < mean_.size(); ++n) mean_[n] += share * channel[n];
    }
    samples_ += mean_.size();
    stft_.push(mean_);
  }

  /// Turns the sums into means.
  void finish() {
    stft_.finish();
    for (std::size_t column = 0; column * kPlotHeight < sums_.size(); ++column) {
      const std::size_t frames = std::min(frames_per_column_, frames_ - column * frames_per_column_);
      for (int y = 0; y < kPlotHeight; ++y) {
        sums_[column * kPlotHeight + static_cast<std::size_t>(y)] /= static_cast<float>(frames);
      }
    }
  }

  [[nodiscard]] std::size_t samples() const noexcept { return samples_; }

  /// After finish.
  [[nodiscard]] float loudest() const { return sums_.empty() ? 0.0F : *std::ranges::max_element(sums_); }

  /// After finish: the powers of the pixel column x, from the highest frequency down.
  [[nodiscard]] std::array<float, kPlotHeight> pixels(int x) const {
    std::array<float, kPlotHeight> powers{};
    if (sums_.empty()) return powers;
    // Frame n stands for the hop about its centre. A box of a pixel's width, but at least a column's, blends
    // neighbours where pixels are narrower and averages where they are wider.
    const auto place = [&](double pixel) {
      const double frame =
          pixel / kPlotWidth * static_cast<double>(samples_) / static_cast<double>(hop_samples_);
      return (frame + 0.5) / static_cast<double>(frames_per_column_);
    };
    const double half = std::max(place(x + 1) - place(x), 1.0) / 2.0;
    const double from = place(x + 0.5) - half;
    const double to = place(x + 0.5) + half;
    const auto last = static_cast<std::ptrdiff_t>(sums_.size() / kPlotHeight) - 1;
    for (auto column = static_cast<std::ptrdiff_t>(std::floor(from)); static_cast<double>(column) < to;
         ++column) {
      const auto start = static_cast<double>(column);
      const auto weight =
          static_cast<float>((std::min(to, start + 1.0) - std::max(from, start)) / (to - from));
      const std::ptrdiff_t shown = std::clamp<std::ptrdiff_t>(column, 0, last);
      const float* source = sums_.data() + shown * kPlotHeight;
      for (float& power : powers) power += weight * *source++;
    }
    return powers;
  }

 private:
  /// Which bins a pixel row shows: the loudest inside it, or where it is narrower than a bin, the power
  /// between two.
  struct Row {
    std::size_t below = 0;  ///< the bin under the row's centre
    float above_share = 0.0F;
    std::size_t first = 0;  ///< the bins whose centres lie inside, if any
    std::size_t end = 0;
  };

  void take(Spectrum frame) {
    std::ranges::transform(frame, powers_.begin(),
                           [](std::complex<float> value) { return std::norm(value); });
    if (frames_ == kMaxColumns * frames_per_column_) merge();
    if (frames_ % frames_per_column_ == 0) sums_.resize(sums_.size() + kPlotHeight);
    ++frames_;
    float* sum = sums_.data() + sums_.size() - kPlotHeight;
    for (const Row& row : rows_) {
      float power = powers_[row.below] + row.above_share * (powers_[row.below + 1] - powers_[row.below]);
      const std::size_t end = std::min(row.end, powers_.size());
      for (std::size_t bin = row.first; bin < end; ++bin) power = std::max(power, powers_[bin]);
      *sum++ += power;
    }
  }

  void merge() {
    for (std::size_t column = 0; column < kMaxColumns / 2; ++column) {
      const float* pair = sums_.data() + 2 * column * kPlotHeight;
      float* merged = sums_.data() + column * kPlotHeight;
      for (int y = 0; y < kPlotHeight; ++y) merged[y] = pair[y] + pair[y + kPlotHeight];
    }
    sums_.resize(kMaxColumns / 2 * kPlotHeight);
    frames_per_column_ *= 2;
  }

  std::size_t hop_samples_;
  Stft stft_;
  std::array<Row, kPlotHeight> rows_{};
  std::vector<float> powers_;  // of a frame's bins
  std::vector<float> mean_;    // of a block's channels
  std::vector<float> sums_;    // kPlotHeight a column, from the top; only the last column can lack frames
  std::size_t frames_per_column_ = 1;
  std::size_t frames_ = 0;
  std::size_t samples_ = 0;
};

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
        mixture(rate_hz, stft_parameters(rate_hz)),
        vocals(rate_hz, stft_parameters(rate_hz)),
        accompaniment(rate_hz, stft_parameters(rate_hz)) {}

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
  canvas.text({middle, 26}, Anchor::middle, shortened(self.title, kPlotWidth));
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
  return std::move(canvas).take();
}

}  // namespace svsep
