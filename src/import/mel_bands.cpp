#include "import/mel_bands.hpp"

#include <algorithm>
#include <cmath>

namespace svsep {
namespace {

// Slaney's Auditory Toolbox (1998): 200 / 3 Hz per mel up to 1 kHz, above it 27 mels for a factor of 6.4.
constexpr double kHzPerMel = 200.0 / 3;
constexpr double kLogarithmicFromHz = 1000;
constexpr double kLogarithmicFromMel = kLogarithmicFromHz / kHzPerMel;
const double kLogarithmPerMel = std::log(6.4) / 27;

double mel_from_hz(double hz) {
  if (hz < kLogarithmicFromHz) return hz / kHzPerMel;
  return kLogarithmicFromMel + std::log(hz / kLogarithmicFromHz) / kLogarithmPerMel;
}

double hz_from_mel(double mel) {
  if (mel < kLogarithmicFromMel) return mel * kHzPerMel;
  return kLogarithmicFromHz * std::exp((mel - kLogarithmicFromMel) * kLogarithmPerMel);
}

}  // namespace

BandRanges mel_bands(double sample_rate_hz, std::int64_t fft_samples, std::int64_t bands) {
  const std::int64_t bins = fft_samples / 2 + 1;
  const double hz_per_bin = sample_rate_hz / static_cast<double>(fft_samples);
  const double highest_mel = mel_from_hz(sample_rate_hz / 2);
  const auto edge_hz = [&](std::int64_t edge) {
    return hz_from_mel(highest_mel * static_cast<double>(edge) / static_cast<double>(bands + 1));
  };
  BandRanges ranges;
  for (std::int64_t band = 0; band < bands; ++band) {
    // Between the edges, without them.
    auto first = static_cast<std::int64_t>(std::floor(edge_hz(band) / hz_per_bin)) + 1;
    auto end = static_cast<std::int64_t>(std::ceil(edge_hz(band + 2) / hz_per_bin));
    if (band == 0) first = 0;
    if (band == bands - 1) end = bins;
    first = std::min(first, bins);
    ranges.first_bins.push_back(first);
    ranges.bins.push_back(std::clamp<std::int64_t>(end, first, bins) - first);
  }
  return ranges;
}

}  // namespace svsep
