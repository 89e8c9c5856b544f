#include "recipe/bandwidth.hpp"

#include "svsep/stft.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace svsep {
namespace {

constexpr StftParameters kSizes{.fft_samples = 2048, .window_samples = 2048, .hop_samples = 1024};
constexpr std::size_t kSegments = 40;
constexpr std::size_t kSegmentSamples = 8192;
constexpr double kNarrowDb = -45.0;

double mean_power(const std::vector<double>& powers, double from_hz, double to_hz, int sample_rate_hz) {
  const double bins_per_hz = static_cast<double>(kSizes.fft_samples) / sample_rate_hz;
  const auto first = static_cast<std::size_t>(from_hz * bins_per_hz);
  const auto end = std::min(powers.size(), static_cast<std::size_t>(to_hz * bins_per_hz) + 1);
  double sum = 0.0;
  for (std::size_t bin = first; bin < end; ++bin) sum += powers[bin];
  return sum / static_cast<double>(end - first);
}

}  // namespace

bool is_narrow(const Recording& recording, Part part, int sample_rate_hz) {
  constexpr double kTopHz = 10900.0;
  if (recording.part(part).empty() || sample_rate_hz < 2 * kTopHz) return false;
  const auto& samples = recording.part(part).front();
  std::vector<double> powers(kSizes.bins());
  const std::size_t length = std::min(samples.size(), kSegmentSamples);
  for (std::size_t segment = 0; segment < kSegments; ++segment) {
    const std::size_t start = (samples.size() - length) * segment / kSegments;
    const std::vector<float> piece(samples.begin() + static_cast<std::ptrdiff_t>(start),
                                   samples.begin() + static_cast<std::ptrdiff_t>(start + length));
    Stft stft(kSizes, [&](Spectrum frame) {
      for (std::size_t bin = 0; bin < powers.size(); ++bin) powers[bin] += double{std::norm(frame[bin])};
    });
    stft.push(piece);
    stft.finish();
  }
  const double middle = mean_power(powers, 1000, 4000, sample_rate_hz);
  const double top = mean_power(powers, 10200, kTopHz, sample_rate_hz);
  return middle > 0 && 10 * std::log10(top / middle + 1e-12) < kNarrowDb;
}

}  // namespace svsep
