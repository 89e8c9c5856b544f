#pragma once

#include "svsep/mask_estimator.hpp"
#include "svsep/stft.hpp"

namespace svsep {

/// The STFT for samples at another rate whose frames and bins lie where the model's do, so that a song need
/// not be resampled to be looked at: the sizes in proportion, the hop rounded to one with a fast FFT (frame
/// times and bin frequencies are within 2 % of the model's from 16 kHz on). Magnitudes grow with the window's
/// length.
[[nodiscard]] StftParameters stft_at_rate(const AnalysisParameters& analysis, int sample_rate_hz);

}  // namespace svsep
