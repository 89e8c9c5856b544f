#include "dsp/convolution.hpp"
#include "recipe/effects.hpp"
#include "recipe/level.hpp"
#include "recipe/time.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <span>

namespace svsep {
namespace {

constexpr std::size_t kGridPoints = 2049;  // of gains over frequency
constexpr std::size_t kFirTaps = 1025;     // 46 ms at 22050 Hz, whose bins are 22 Hz
constexpr double kCutOffHz = 400.0;        // in which a spectrum that is cut off falls

/// Piecewise linear through (i / (values.size() - 1), values[i]).
double line_through(std::span<const double> values, double at) {
  const double position = std::clamp(at, 0.0, 1.0) * static_cast<double>(values.size() - 1);
  const std::size_t before = std::min(static_cast<std::size_t>(position), values.size() - 2);
  const double part = position - static_cast<double>(before);
  return values[before] * (1 - part) + values[before + 1] * part;
}

void filter(AudioBuffer& audio, Samples gains) {
  const std::vector<float> fir = fir_of_gains(gains, kFirTaps);
  for (std::vector<float>& channel : audio.channels) channel = convolve(channel, fir, kFirTaps / 2);
}

}  // namespace

void equalise(AudioBuffer& audio, double largest_db, Rng& rng) {
  std::array<double, 7> gains_db{};
  for (double& gain : gains_db) gain = rng.uniform(-largest_db, largest_db);
  std::vector<float> gains(kGridPoints);
  for (std::size_t i = 0; i < kGridPoints; ++i) {
    const double frequency = static_cast<double>(i) / (kGridPoints - 1);  // of half the sample rate
    gains[i] = static_cast<float>(gain_of_db(line_through(gains_db, std::pow(frequency, 0.4))));
  }
  filter(audio, gains);
}

std::vector<float> draw_band_limits(double top_hz, int sample_rate_hz, Rng& rng) {
  const bool low_pass = rng.uniform() < 0.3;
  const bool high_pass = rng.uniform() < 0.1;
  const double half_hz = sample_rate_hz / 2.0;
  const bool cut_off = top_hz < half_hz;
  if (!low_pass && !high_pass && !cut_off) return {};
  const bool at_the_top = rng.uniform() < 0.6;  // of these rates; else an old or narrow recording
  const double from_hz = at_the_top ? rng.uniform(0.834 * half_hz, 0.971 * half_hz) : rng.uniform(3500, 9200);
  const double width_hz = rng.uniform(300, at_the_top ? 1000 : 2000);
  const double depth_db = rng.uniform(35, 80);
  const double lowest_hz = rng.uniform(60, 250);
  const double order = rng.uniform(1, 3);
  std::vector<float> gains(kGridPoints, 1.0F);
  for (std::size_t i = 0; i < kGridPoints; ++i) {
    const double hz = half_hz * static_cast<double>(i) / (kGridPoints - 1);
    double gain = 1.0;
    if (low_pass)
      gain = gain_of_db(-depth_db * std::pow(std::clamp((hz - from_hz) / width_hz, 0.0, 1.0), 1.5));
    if (cut_off) gain *= gain_of_db(-80 * std::clamp((hz - top_hz) / kCutOffHz, 0.0, 1.0));
    if (high_pass) gain *= std::pow(std::min(1.0, hz / lowest_hz), order);
    gains[i] = static_cast<float>(gain);
  }
  return gains;
}

void limit_band(AudioBuffer& audio, Samples gains) { filter(audio, gains); }

void cut_lows(AudioBuffer& audio, int sample_rate_hz, Rng& rng) {
  const double corner_hz = rng.uniform() < 0.8 ? rng.uniform(60, 220) : rng.uniform(220, 600);
  const auto order = 2.0 * static_cast<double>(1 + rng.below(4));
  const bool narrow = rng.uniform() < 0.1;
  const double top_hz = rng.uniform(2000, 5000);
  const auto top_order = 2.0 * static_cast<double>(1 + rng.below(4));
  std::vector<float> gains(kGridPoints);
  for (std::size_t i = 1; i < kGridPoints; ++i) {
    const double hz = sample_rate_hz / 2.0 * static_cast<double>(i) / (kGridPoints - 1);
    double power = 1 / (1 + std::pow(corner_hz / hz, order));  // Butterworth's, of either side
    if (narrow) power /= 1 + std::pow(hz / top_hz, top_order);
    gains[i] = static_cast<float>(std::sqrt(power));
  }
  filter(audio, gains);
}

AudioBuffer spread(const std::vector<float>& mono, int sample_rate_hz, Rng& rng) {
  AudioBuffer audio;
  audio.channels = {mono, mono};
  const double kind = rng.uniform();
  if (kind < 0.2) return audio;
  if (kind < 0.4) {
    pan(audio, 1.0, rng);
    return audio;
  }
  const double width = rng.uniform(0.2, 1);
  const double bass_hz = rng.uniform(80, 300);
  std::vector<double> directions(6 + rng.below(34));
  for (double& direction : directions) direction = rng.uniform(-width, width);
  std::array<std::vector<float>, 2> gains = {std::vector<float>(kGridPoints),
                                             std::vector<float>(kGridPoints)};
  for (std::size_t i = 0; i < kGridPoints; ++i) {
    const double frequency = static_cast<double>(i) / (kGridPoints - 1);  // of half the sample rate
    const double apart = std::min(1.0, frequency * sample_rate_hz / 2 / bass_hz);
    const double direction = apart * line_through(directions, std::pow(frequency, 0.4));
    const double angle = (1 + direction) * std::numbers::pi / 4;
    gains[0][i] = static_cast<float>(std::numbers::sqrt2 * std::cos(angle));
    gains[1][i] = static_cast<float>(std::numbers::sqrt2 * std::sin(angle));
  }
  for (std::size_t c = 0; c < 2; ++c) {
    audio.channels[c] = convolve(mono, fir_of_gains(gains[c], kFirTaps), kFirTaps / 2);
  }
  if (rng.uniform() < 0.5) {
    const std::size_t delay = samples_of(rng.uniform(0.005, 0.02), sample_rate_hz);
    const auto apart = static_cast<float>(rng.uniform(0.2, 0.7));
    for (std::size_t n = delay; n < mono.size(); ++n) {
      audio.channels[0][n] += apart * mono[n - delay];
      audio.channels[1][n] -= apart * mono[n - delay];
    }
  }
  return audio;
}

}  // namespace svsep
