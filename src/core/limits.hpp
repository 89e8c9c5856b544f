#pragma once

namespace svsep {

/// What the resampler and the converter of samples take.
inline constexpr int kMaxSampleRateHz = 768'000;

}  // namespace svsep
