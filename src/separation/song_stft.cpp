#include "separation/song_stft.hpp"

#include "dsp/fast_size.hpp"

#include <cmath>
#include <cstddef>

namespace svsep {

StftParameters stft_at_rate(const AnalysisParameters& analysis, int sample_rate_hz) {
  if (sample_rate_hz == analysis.sample_rate_hz) return analysis.stft;
  const auto [fft, window, hop] = analysis.stft;
  const double ratio = static_cast<double>(sample_rate_hz) / analysis.sample_rate_hz;
  const std::size_t song_hop = nearest_fast_even_size(static_cast<double>(hop) * ratio);
  const auto scaled = [&, hops = static_cast<double>(song_hop) / static_cast<double>(hop)](std::size_t size) {
    return 2 * static_cast<std::size_t>(std::lround(static_cast<double>(size) * hops / 2));
  };
  return {.fft_samples = scaled(fft), .window_samples = song_hop * (window / hop), .hop_samples = song_hop};
}

}  // namespace svsep
