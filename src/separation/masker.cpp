#include "separation/masker.hpp"

#include <algorithm>

namespace svsep {

Masker::Masker(const Thresholds& thresholds, HighBand high_band, std::size_t band_bins, std::size_t bins)
    : thresholds_(thresholds), high_band_(high_band), band_bins_(std::min(band_bins, bins)), masked_(bins) {}

Spectrum Masker::vocals(Spectrum mixture, std::span<const float> mask) {
  // From here on, bins speak for what lies above the band.
  const std::size_t first_top_bin = band_bins_ * 7 / 10;
  float vocals_power = 0;
  float mixture_power = 0;
  for (std::size_t bin = 0; bin < band_bins_; ++bin) {
    const float gain = mask[bin] < thresholds_.vocals ? 0.0F : mask[bin];
    masked_[bin] = gain * mixture[bin];
    if (bin < first_top_bin) continue;
    vocals_power += gain * std::norm(mixture[bin]);
    mixture_power += std::norm(mixture[bin]);
  }
  const bool shares = high_band_ == HighBand::split && mixture_power > 0;
  vocals_share_ = shares ? vocals_power / mixture_power : 0.0F;
  fill_above(mixture, vocals_share_);
  return masked_;
}

Spectrum Masker::accompaniment(Spectrum mixture, std::span<const float> mask) {
  for (std::size_t bin = 0; bin < band_bins_; ++bin) {
    const float gain = 1.0F - mask[bin];
    masked_[bin] = gain < thresholds_.accompaniment ? 0.0F : gain * mixture[bin];
  }
  fill_above(mixture, high_band_ == HighBand::drop ? 0.0F : 1.0F - vocals_share_);
  return masked_;
}

void Masker::fill_above(Spectrum mixture, float gain) {
  for (std::size_t bin = band_bins_; bin < mixture.size(); ++bin) masked_[bin] = gain * mixture[bin];
}

}  // namespace svsep
