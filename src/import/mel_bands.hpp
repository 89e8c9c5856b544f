#pragma once

#include <cstdint>
#include <vector>

namespace svsep {

/// Consecutive bins of a spectrum, one entry per band.
struct BandRanges {
  std::vector<std::int64_t> first_bins, bins;
};

/// The bins where each triangle of a mel filter bank on Slaney's scale (linear below 1 kHz) is above zero,
/// from 0 Hz to half the rate. As the published Mel-Band RoFormers have it, the first band has the first bin
/// and the last band the last. `bands` >= 1, `fft_samples` >= 2. A band may be empty.
[[nodiscard]] BandRanges mel_bands(double sample_rate_hz, std::int64_t fft_samples, std::int64_t bands);

}  // namespace svsep
