#include "plot/power_columns.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>

namespace svsep::plot {
namespace {

constexpr double kMinHz = 30.0;
constexpr double kMaxHz = 20000.0;

/// A window of about 0.1 s, which tells the partials of a low voice apart, at any sample rate.
StftParameters stft_parameters(int sample_rate_hz) {
  const auto tenth = static_cast<unsigned>(sample_rate_hz) / 15;
  const std::size_t window = std::clamp<std::size_t>(std::bit_ceil(tenth), 16, 32768);
  return {2 * window, window, window / 4};
}

}  // namespace

Scale frequency_scale(int sample_rate_hz) {
  const double highest_hz = std::min(kMaxHz, sample_rate_hz / 2.0);
  return {std::min(kMinHz, highest_hz / 10.0), highest_hz, true};
}

PowerColumns::PowerColumns(int sample_rate_hz, int width, int height)
    : PowerColumns(sample_rate_hz, stft_parameters(sample_rate_hz), width, height) {}

PowerColumns::PowerColumns(int sample_rate_hz, const StftParameters& parameters, int width, int height)
    : width_(static_cast<std::size_t>(width)),
      hop_samples_(parameters.hop_samples),
      stft_(parameters, [this](Spectrum frame) { take(frame); }),
      powers_(parameters.bins()) {
  const Scale scale = frequency_scale(sample_rate_hz);
  const double bins_per_hz = static_cast<double>(parameters.fft_samples) / sample_rate_hz;
  for (int y = 0; y < height; ++y) {
    const auto bin_at = [&](double row) {  // row 0 is the lowest
      return bins_per_hz * scale.value(std::clamp(row / (height - 1), 0.0, 1.0));
    };
    const double row = height - 1 - y;
    const double centre = bin_at(row);
    const auto below = std::min(static_cast<std::size_t>(centre), parameters.bins() - 2);
    rows_.push_back({below, static_cast<float>(centre - static_cast<double>(below)),
                     static_cast<std::size_t>(std::ceil(bin_at(row - 0.5))),
                     static_cast<std::size_t>(bin_at(row + 0.5)) + 1});
  }
}

void PowerColumns::push(const AudioBuffer& block) {
  mean_.assign(block.samples(), 0.0F);
  const float share = 1.0F / static_cast<float>(block.channels.size());
  for (const auto& channel : block.channels) {
    for (std::size_t n = 0; n < mean_.size(); ++n) mean_[n] += share * channel[n];
  }
  samples_ += mean_.size();
  stft_.push(mean_);
}

void PowerColumns::finish() {
  stft_.finish();
  const std::size_t height = rows_.size();
  for (std::size_t column = 0; column * height < sums_.size(); ++column) {
    const std::size_t frames = std::min(frames_per_column_, frames_ - column * frames_per_column_);
    for (std::size_t y = 0; y < height; ++y) sums_[column * height + y] /= static_cast<float>(frames);
  }
}

float PowerColumns::loudest() const { return sums_.empty() ? 0.0F : *std::ranges::max_element(sums_); }

std::vector<float> PowerColumns::pixels(int x) const {
  const std::size_t height = rows_.size();
  std::vector<float> powers(height);
  if (sums_.empty()) return powers;
  // Frame n stands for the hop about its centre. A box of a pixel's width, but at least a column's, blends
  // neighbours where pixels are narrower and averages where they are wider.
  const auto place = [&](double pixel) {
    const double frame = pixel / static_cast<double>(width_) * static_cast<double>(samples_) /
                         static_cast<double>(hop_samples_);
    return (frame + 0.5) / static_cast<double>(frames_per_column_);
  };
  const double half = std::max(place(x + 1) - place(x), 1.0) / 2.0;
  const double from = place(x + 0.5) - half;
  const double to = place(x + 0.5) + half;
  const auto last = static_cast<std::ptrdiff_t>(sums_.size() / height) - 1;
  for (auto column = static_cast<std::ptrdiff_t>(std::floor(from)); static_cast<double>(column) < to;
       ++column) {
    const auto start = static_cast<double>(column);
    const auto weight = static_cast<float>((std::min(to, start + 1.0) - std::max(from, start)) / (to - from));
    const auto shown = static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(column, 0, last));
    const float* source = sums_.data() + shown * height;
    for (float& power : powers) power += weight * *source++;
  }
  return powers;
}

void PowerColumns::take(Spectrum frame) {
  std::ranges::transform(frame, powers_.begin(), [](std::complex<float> value) { return std::norm(value); });
  const std::size_t height = rows_.size();
  const std::size_t max_columns = 2 * width_;  // at least a column per pixel after the first merge
  if (frames_ == max_columns * frames_per_column_) merge();
  if (frames_ % frames_per_column_ == 0) sums_.resize(sums_.size() + height);
  ++frames_;
  float* sum = sums_.data() + sums_.size() - height;
  for (const Row& row : rows_) {
    float power = powers_[row.below] + row.above_share * (powers_[row.below + 1] - powers_[row.below]);
    const std::size_t end = std::min(row.end, powers_.size());
    for (std::size_t bin = row.first; bin < end; ++bin) power = std::max(power, powers_[bin]);
    *sum++ += power;
  }
}

void PowerColumns::merge() {
  const std::size_t height = rows_.size();
  for (std::size_t column = 0; column < width_; ++column) {
    const float* pair = sums_.data() + 2 * column * height;
    float* merged = sums_.data() + column * height;
    for (std::size_t y = 0; y < height; ++y) merged[y] = pair[y] + pair[y + height];
  }
  sums_.resize(width_ * height);
  frames_per_column_ *= 2;
}

}  // namespace svsep::plot
