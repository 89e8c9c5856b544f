#include "evaluation/correlation.hpp"

#include "core/share_work.hpp"
#include "dsp/real_fft.hpp"

#include <algorithm>
#include <complex>
#include <functional>

namespace svsep {
namespace {

using Complex = std::complex<double>;

constexpr std::size_t kCorrelationFft = 4096;  // its sums of products stay within a core's cache
constexpr std::size_t kCorrelationBlock = kCorrelationFft - (kDistortionTaps - 1);
constexpr std::size_t kBlocksPerGroup = 64;  // one thread's share; fixed, so that sums are rounded alike

/// sum[k] += conj(a[k]) * b[k].
void add_correlation(const Complex* a, const Complex* b, Complex* sum, std::size_t count) {
  for (std::size_t k = 0; k < count; ++k) {
    sum[k] += Complex(a[k].real() * b[k].real() + a[k].imag() * b[k].imag(),
                      a[k].real() * b[k].imag() - a[k].imag() * b[k].real());
  }
}

}  // namespace

void load_samples(Channel channel, std::size_t begin, std::size_t count, std::span<double> to) {
  const std::size_t end = std::min(begin + count, channel.size());
  for (std::size_t n = begin; n < end; ++n) to[n - begin] = static_cast<double>(channel[n]);
  std::fill(to.begin() + static_cast<std::ptrdiff_t>(end - begin), to.end(), 0.0);
}

/// Blocks of the leader, followed by zeros, meet the follower's samples from there to kDistortionTaps - 1
/// beyond the block, so that the circular correlation equals the linear one; one inverse transform per group
/// serves all its blocks.
std::vector<double> correlate(const std::vector<Channel>& leaders, const std::vector<Channel>& followers,
                              int threads) {
  const std::size_t samples = leaders.front().size();
  const std::size_t blocks = (samples + kCorrelationBlock - 1) / kCorrelationBlock;
  const std::size_t pairs = leaders.size() * followers.size();
  const RealFft<double> fft(kCorrelationFft);
  std::vector<std::vector<double>> partial((blocks + kBlocksPerGroup - 1) / kBlocksPerGroup);
  share_work(partial.size(), threads, [&](const NextItem& next) {
    const auto time = make_fftw_array<double>(fft.size());
    const auto leader = make_fftw_array<Complex>(fft.bins());
    const auto bins = fft.bins() + fft.bins() % 2;  // keeps every spectrum aligned
    const auto follower_spectra = make_fftw_array<Complex>(followers.size() * bins);
    const auto sums = make_fftw_array<Complex>(pairs * bins);
    while (const auto group = next()) {
      std::fill_n(sums.get(), pairs * bins, Complex{});
      const std::size_t first = *group * kBlocksPerGroup;
      for (std::size_t block = first; block < std::min(first + kBlocksPerGroup, blocks); ++block) {
        const std::size_t begin = block * kCorrelationBlock;
        for (std::size_t f = 0; f < followers.size(); ++f) {
          load_samples(followers[f], begin, fft.size(), {time.get(), fft.size()});
          fft.forward(time.get(), &follower_spectra[f * bins]);
        }
        for (std::size_t l = 0; l < leaders.size(); ++l) {
          load_samples(leaders[l], begin, kCorrelationBlock, {time.get(), fft.size()});
          fft.forward(time.get(), leader.get());
          for (std::size_t f = 0; f < followers.size(); ++f) {
            add_correlation(leader.get(), &follower_spectra[f * bins],
                            &sums[(l * followers.size() + f) * bins], fft.bins());
          }
        }
      }
      for (std::size_t pair = 0; pair < pairs; ++pair) {
        fft.inverse(&sums[pair * bins], time.get());
        partial[*group].insert(partial[*group].end(), time.get(), time.get() + kDistortionTaps);
      }
    }
  });
  std::vector<double> lags(pairs * kDistortionTaps);
  for (const auto& group : partial)
    std::transform(lags.begin(), lags.end(), group.begin(), lags.begin(), std::plus<>());
  for (double& lag : lags) lag /= static_cast<double>(fft.size());
  return lags;
}

std::vector<double> gram_matrix(const std::vector<double>& lags, std::size_t channels, std::size_t first,
                                std::size_t count) {
  const std::size_t unknowns = count * kDistortionTaps;
  std::vector<double> gram(unknowns * unknowns);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < count; ++j) {
      const double* later = &lags[((first + i) * channels + first + j) * kDistortionTaps];
      const double* earlier = &lags[((first + j) * channels + first + i) * kDistortionTaps];
      for (std::size_t a = 0; a < kDistortionTaps; ++a) {
        double* row = &gram[(i * kDistortionTaps + a) * unknowns + j * kDistortionTaps];
        for (std::size_t b = 0; b < kDistortionTaps; ++b) row[b] = a >= b ? later[a - b] : earlier[b - a];
      }
    }
  }
  return gram;
}

}  // namespace svsep
