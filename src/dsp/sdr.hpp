#pragma once

#include "svsep/audio.hpp"

namespace svsep {

/// Throws Error(input), which names both shapes after `what`, where the channel or sample counts differ.
void require_same_shape(const AudioBuffer& expected, const AudioBuffer& audio, const char* what);

/// Global SDR of the Music Demixing Challenge (Mitsufuji et al. 2022, arXiv 2108.13559), "uSDR": 10 log10 of
/// the reference's energy over the error's, both over all channels and plus 1e-7. Throws Error(input) where
/// the shapes differ.
[[nodiscard]] double global_sdr_db(const AudioBuffer& reference, const AudioBuffer& estimate);

/// SI-SDR (Le Roux et al. 2019, arXiv 1811.02508) with one gain for all channels and no removal of the mean.
/// NaN where the reference or the estimate is silent, +infinity for a scaled reference. Throws as above.
[[nodiscard]] double si_sdr_db(const AudioBuffer& reference, const AudioBuffer& estimate);

}  // namespace svsep
