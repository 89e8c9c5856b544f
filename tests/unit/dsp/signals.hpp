#pragma once

#include "core/rng.hpp"
#include "svsep/stft.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <numbers>
#include <span>
#include <vector>

namespace svsep::test {

/// White noise in -1..1.
inline std::vector<float> noise(std::size_t samples, std::uint64_t seed = 0) {
  Rng rng({seed});
  std::vector<float> signal(samples);
  for (float& value : signal) value = static_cast<float>(rng.uniform(-1.0, 1.0));
  return signal;
}

/// sin(2 pi frequency t + 0.3) at t = 0, 1 / rate, ...
inline std::vector<float> sine(std::size_t samples, double frequency_hz, double rate_hz) {
  std::vector<float> signal(samples);
  for (std::size_t i = 0; i < samples; ++i) {
    const double turns = frequency_hz / rate_hz * static_cast<double>(i);
    signal[i] = static_cast<float>(std::sin(2.0 * std::numbers::pi * turns + 0.3));
  }
  return signal;
}

/// Calls `push` with consecutive blocks of `signal`; a block size of 0 stands for random sizes.
template <typename Push>
void push_in_blocks(std::span<const float> signal, std::size_t block_samples, Push push) {
  Rng rng({signal.size()});
  while (!signal.empty()) {
    const std::size_t wanted = block_samples == 0 ? rng.below(3000) : block_samples;
    const std::size_t size = std::min(wanted, signal.size());
    push(signal.first(size));
    signal = signal.subspan(size);
  }
}

using Frames = std::vector<std::vector<std::complex<float>>>;

inline Frames stft(const StftParameters& parameters, std::span<const float> signal,
                   std::size_t block_samples = 1000) {
  Frames frames;
  Stft analysis(parameters, [&](Spectrum frame) { frames.emplace_back(frame.begin(), frame.end()); });
  push_in_blocks(signal, block_samples, [&](std::span<const float> block) { analysis.push(block); });
  analysis.finish();
  return frames;
}

inline std::vector<float> inverse_stft(const StftParameters& parameters, const Frames& frames,
                                       std::size_t samples) {
  std::vector<float> signal;
  InverseStft synthesis(parameters,
                        [&](Samples block) { signal.insert(signal.end(), block.begin(), block.end()); });
  for (const auto& frame : frames) synthesis.push(frame);
  synthesis.finish(samples);
  return signal;
}

/// Largest |a - b|; infinite where the lengths differ.
inline double largest_difference(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return HUGE_VAL;
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(difference <= largest)) largest = difference;  // a NaN stays
  }
  return largest;
}

}  // namespace svsep::test
