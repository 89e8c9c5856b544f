#pragma once

#include "svsep/separator.hpp"
#include "svsep/stft.hpp"

#include <complex>
#include <cstddef>
#include <span>
#include <vector>

namespace svsep {

/// How the bins of one frame become the bins of its stems.
class Masker {
 public:
  /// `band_bins`: bins that the mask covers; `bins`: those of a frame of the song.
  Masker(const Thresholds& thresholds, HighBand high_band, std::size_t band_bins, std::size_t bins);

  /// The vocals of a frame whose mask covers the model's band; valid until the next call.
  Spectrum vocals(Spectrum mixture, std::span<const float> mask);
  /// The accompaniment of the frame that vocals() was called with.
  Spectrum accompaniment(Spectrum mixture, std::span<const float> mask);

 private:
  void fill_above(Spectrum mixture, float gain);

  Thresholds thresholds_;
  HighBand high_band_;
  std::size_t band_bins_;
  std::vector<std::complex<float>> masked_;
  float vocals_share_ = 0;  ///< of what lies above the band
};

}  // namespace svsep
