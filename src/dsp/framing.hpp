#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <numbers>
#include <vector>

namespace svsep {

/// sin^2(pi n / size), n = 0..size-1.
inline std::vector<float> periodic_hann(std::size_t size) {
  std::vector<float> window(size);
  for (std::size_t i = 0; i < size; ++i) {
    const double sine = std::sin(std::numbers::pi * static_cast<double>(i) / static_cast<double>(size));
    window[i] = static_cast<float>(sine * sine);
  }
  return window;
}

/// Where numpy.pad(mode="reflect") finds the sample at `position` of a signal of `samples` > 0 samples.
inline std::size_t reflected(std::ptrdiff_t position, std::size_t samples) {
  if (samples == 1) return 0;
  const std::size_t period = 2 * (samples - 1);
  const std::size_t offset = static_cast<std::size_t>(std::abs(position)) % period;  // even about 0
  return std::min(offset, period - offset);
}

}  // namespace svsep
