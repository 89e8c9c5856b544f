#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

namespace svsep {

[[nodiscard]] inline std::size_t samples_of(double seconds, int sample_rate_hz) {
  return static_cast<std::size_t>(seconds * sample_rate_hz);
}

/// 0 to 1 over `length` samples, smooth at both ends.
[[nodiscard]] inline float fade_in(std::size_t n, std::size_t length) {
  const double phase = std::numbers::pi * (static_cast<double>(n) + 0.5) / static_cast<double>(length);
  return static_cast<float>(0.5 - 0.5 * std::cos(phase));
}

/// Calls use(n, value) for all samples, with `values`[b] in the middle of block b and lines between.
template <typename Use>
void interpolate_blocks(const std::vector<double>& values, std::size_t block, std::size_t samples,
                        const Use& use) {
  for (std::size_t b = 0; b <= values.size() && samples > 0; ++b) {  // from the middle of block b - 1 on
    const double from = values[b == 0 ? 0 : b - 1];
    const double to = values[std::min(b, values.size() - 1)];
    const std::size_t first = b == 0 ? 0 : b * block - block / 2;
    const std::size_t end = std::min(samples, (b + 1) * block - block / 2);
    const auto step = static_cast<float>((to - from) / static_cast<double>(block));
    const double to_first =
        static_cast<double>(first) + 0.5 - (static_cast<double>(b) - 0.5) * static_cast<double>(block);
    const auto value = static_cast<float>(from + (to - from) * to_first / static_cast<double>(block));
    for (std::size_t n = first; n < end; ++n) {
      use(n, value + step * static_cast<float>(static_cast<int>(n - first)));
    }
  }
}

}  // namespace svsep
