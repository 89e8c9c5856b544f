#include "training/frame_targets.hpp"

#include "dsp/multiversion.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

namespace svsep {
namespace {

/// The logarithm of a positive normal x, in a form that compilers vectorise: x = m 2^e with m around 1, and
/// log m = 2 artanh(s), s = (m - 1) / (m + 1), as a series: |s| < 0.1716, so what follows s^9 is below 1e-9.
inline float fast_log(float x) {
  constexpr std::int32_t kRootOfHalf = 0x3f3504f3;
  const auto bits = std::bit_cast<std::int32_t>(x);
  const std::int32_t exponent = (bits - kRootOfHalf) >> 23;
  const float m = std::bit_cast<float>(bits - exponent * (1 << 23));
  const float s = (m - 1.0F) / (m + 1.0F);
  const float s2 = s * s;
  const float series = 2.0F + s2 * (2.0F / 3 + s2 * (2.0F / 5 + s2 * (2.0F / 7 + s2 * (2.0F / 9))));
  return static_cast<float>(exponent) * std::numbers::ln2_v<float> + s * series;
}

inline float power(float real, float imaginary) { return real * real + imaginary * imaginary; }

}  // namespace

SVSEP_MULTIVERSION
void write_magnitudes(const FramePair& frame, std::span<float> out) {
  const auto [vr, vi, ar, ai] = frame;
  for (std::size_t k = 0; k < out.size(); ++k) out[k] = std::sqrt(power(vr[k] + ar[k], vi[k] + ai[k]));
}

SVSEP_MULTIVERSION
void write_log_magnitudes(const FramePair& frame, float gain, float log_floor, std::span<float> out) {
  const auto [vr, vi, ar, ai] = frame;
  for (std::size_t k = 0; k < out.size(); ++k) {
    out[k] = fast_log(std::sqrt(power(vr[k] + ar[k], vi[k] + ai[k])) * gain + log_floor);
  }
}

SVSEP_MULTIVERSION
void write_binary_label(const FramePair& frame, Label label, std::span<std::uint8_t> out) {
  const auto [vr, vi, ar, ai] = frame;
  if (label == Label::mixture) {
    for (std::size_t k = 0; k < out.size(); ++k) {
      out[k] = power(vr[k], vi[k]) > power(vr[k] + ar[k], vi[k] + ai[k]) ? 1 : 0;
    }
  } else {
    for (std::size_t k = 0; k < out.size(); ++k) out[k] = power(vr[k], vi[k]) > power(ar[k], ai[k]) ? 1 : 0;
  }
}

SVSEP_MULTIVERSION
void write_ratio_label(const FramePair& frame, std::span<float> out) {
  const auto [vr, vi, ar, ai] = frame;
  for (std::size_t k = 0; k < out.size(); ++k) {
    const float vocals = power(vr[k], vi[k]);
    out[k] = vocals / (vocals + power(ar[k], ai[k]) + std::numeric_limits<float>::min());
  }
}

}  // namespace svsep
