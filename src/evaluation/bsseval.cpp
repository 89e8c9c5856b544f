#include "evaluation/bsseval.hpp"

#include "core/share_work.hpp"
#include "dsp/real_fft.hpp"
#include "dsp/sdr.hpp"
#include "evaluation/correlation.hpp"
#include "evaluation/least_squares.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <fmt/format.h>
#include <limits>
#include <numbers>
#include <utility>

namespace svsep {
namespace {

using Complex = std::complex<double>;

constexpr std::size_t kTaps = kDistortionTaps;
constexpr std::size_t kTileBins = 256;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// The channels of all sources, one after the other.
std::vector<Channel> channels_of(std::span<const AudioBuffer> sources) {
  std::vector<Channel> channels;
  for (const AudioBuffer& source : sources) {
    channels.insert(channels.end(), source.channels.begin(), source.channels.end());
  }
  return channels;
}

/// sum[k] += a[k] * b[k]. Spelt out: operator* of std::complex tests every product for NaN.
void add_products(const Complex* a, const Complex* b, Complex* sum, std::size_t count) {
  for (std::size_t k = 0; k < count; ++k) {
    sum[k] += Complex(a[k].real() * b[k].real() - a[k].imag() * b[k].imag(),
                      a[k].real() * b[k].imag() + a[k].imag() * b[k].real());
  }
}

double energy(const Complex* values, std::size_t count) {
  double sum = 0.0;
  for (std::size_t k = 0; k < count; ++k) {
    sum += values[k].real() * values[k].real() + values[k].imag() * values[k].imag();
  }
  return sum;
}

double energy_of_difference(const Complex* a, const Complex* b, std::size_t count) {
  double sum = 0.0;
  for (std::size_t k = 0; k < count; ++k) {
    const double re = a[k].real() - b[k].real();
    const double im = a[k].imag() - b[k].imag();
    sum += re * re + im * im;
  }
  return sum;
}

/// Whether some source (`width` channels each) is silent in begin..end-1: its channels sum to 0 at every
/// sample.
bool any_silent(const std::vector<Channel>& channels, std::size_t width, std::size_t begin, std::size_t end) {
  const auto is_silent = [&](std::size_t first) {
    for (std::size_t n = begin; n < end; ++n) {
      double sum = 0.0;
      for (std::size_t c = first; c < first + width; ++c) sum += static_cast<double>(channels[c][n]);
      if (sum != 0.0) return false;
    }
    return true;
  };
  for (std::size_t first = 0; first < channels.size(); first += width) {
    if (is_silent(first)) return true;
  }
  return false;
}

/// The smallest multiple of 512 not below `samples` that has no prime factor above 5, for which FFTW is fast.
std::size_t fast_fft_size(std::size_t samples) {
  for (std::size_t multiple = (samples + 511) / 512;; ++multiple) {
    std::size_t rest = multiple;
    for (const std::size_t factor : {2U, 3U, 5U}) {
      while (rest % factor == 0) rest /= factor;
    }
    if (rest == 1) return multiple * 512;
  }
}

double ratio_db(double numerator, double denominator) {
  return denominator == 0.0 ? std::numeric_limits<double>::infinity()
                            : 10.0 * std::log10(numerator / denominator);
}

/// Energies of one source in one window, on a common scale.
struct Energies {
  double truth = 0.0;         // the reference
  double own = 0.0;           // the estimate's projection on its own delayed reference
  double all = 0.0;           // and on all of them
  double distortion = 0.0;    // estimate - truth
  double spatial = 0.0;       // own - truth
  double interference = 0.0;  // all - own
  double artifacts = 0.0;     // estimate - all

  [[nodiscard]] BssMetrics metrics() const {
    return {ratio_db(truth, distortion), ratio_db(truth, spatial), ratio_db(own, interference),
            ratio_db(all, artifacts)};
  }
};

/// Spectra of several signals of one transform, each aligned as FFTW wants it.
class Spectra {
 public:
  Spectra(const RealFft<double>& fft, std::size_t count)
      : fft_(&fft),
        stride_(fft.bins() + fft.bins() % 2),
        time_(make_fftw_array<double>(fft.size())),
        values_(make_fftw_array<Complex>(count * stride_)) {}

  [[nodiscard]] std::span<double> time() const { return {time_.get(), fft_->size()}; }
  /// Transforms time() into spectrum `index`.
  void transform(std::size_t index) { fft_->forward(time_.get(), &values_[index * stride_]); }
  [[nodiscard]] Complex* operator[](std::size_t index) const { return &values_[index * stride_]; }

 private:
  const RealFft<double>* fft_;
  std::size_t stride_;
  FftwArray<double> time_;
  FftwArray<Complex> values_;
};

}  // namespace

struct BssEval::Impl {
  std::span<const AudioBuffer> sources;
  std::size_t window;
  int threads;
  std::size_t samples = 0;
  std::size_t width = 0;              // channels of a source
  std::vector<Channel> references;    // the channels of all sources
  bool silent = false;                // some reference is, for the whole track
  std::vector<LeastSquares> own;      // a source's projection on itself
  std::unique_ptr<LeastSquares> all;  // the projection on all sources

  Impl(std::span<const AudioBuffer> audio, std::size_t window_samples, int thread_count)
      : sources(audio), window(window_samples), threads(thread_count) {
    if (sources.empty() || sources.front().samples() == 0) {
      throw Error(ErrorKind::input, "cannot score: the references hold no sample");
    }
    for (const AudioBuffer& source : sources)
      require_same_shape(sources.front(), source, "the references differ");
    samples = sources.front().samples();
    width = sources.front().channels.size();
    window = std::min(window, samples);
    references = channels_of(sources);
    silent = any_silent(references, width, 0, samples);
    if (silent) return;
    const std::vector<double> lags = correlate(references, references, threads);
    const auto system = [&](std::size_t first, std::size_t count) {
      return LeastSquares(gram_matrix(lags, references.size(), first, count), count * kTaps);
    };
    all = std::make_unique<LeastSquares>(system(0, references.size()));
    for (std::size_t j = 0; j < sources.size(); ++j) own.push_back(system(j * width, width));
  }

  /// Spectra of the distortion filters [estimate's channel][reference channel].
  struct Filters {
    Spectra own;  // of the estimate's own source: [channels][width]
    Spectra all;  // [channels][channels]
  };

  Filters filters(const RealFft<double>& fft, const std::vector<Channel>& estimates) const {
    const std::vector<double> lags = correlate(references, estimates, threads);
    // Channels first..first + count - 1 of the estimates on the same channels of the references.
    const auto solve = [&](const LeastSquares& system, std::size_t first, std::size_t count, Spectra& spectra,
                           std::size_t into) {
      std::vector<double> columns;
      columns.reserve(count * count * kTaps);
      for (std::size_t e = first; e < first + count; ++e) {
        for (std::size_t r = first; r < first + count; ++r) {
          const auto lag = lags.begin() + static_cast<std::ptrdiff_t>((r * estimates.size() + e) * kTaps);
          columns.insert(columns.end(), lag, lag + kTaps);
        }
      }
      system.solve(columns, count);
      for (std::size_t i = 0; i < count * count; ++i) {
        const auto taps = columns.begin() + static_cast<std::ptrdiff_t>(i * kTaps);
        std::fill(std::copy(taps, taps + kTaps, spectra.time().begin()), spectra.time().end(), 0.0);
        spectra.transform(into + i);
      }
    };
    Filters result{{fft, references.size() * width}, {fft, references.size() * references.size()}};
    solve(*all, 0, references.size(), result.all, 0);
    for (std::size_t j = 0; j < sources.size(); ++j)
      solve(own[j], j * width, width, result.own, j * width * width);
    return result;
  }

  /// By Parseval: each window is transformed once, with room for the filters' tails, and the energies of the
  /// projections and errors are taken bin by bin, without going back.
  Energies energies(std::size_t source, const Filters& filter, const Spectra& truth, const Spectra& estimate,
                    std::size_t bins) const {
    Energies sum;
    std::array<Complex, kTileBins> own_projection;
    std::array<Complex, kTileBins> projection;
    for (std::size_t begin = 0; begin < bins; begin += kTileBins) {
      const std::size_t count = std::min(kTileBins, bins - begin);
      for (std::size_t c = source * width; c < (source + 1) * width; ++c) {
        own_projection.fill({});
        projection.fill({});
        for (std::size_t r = 0; r < width; ++r) {
          add_products(filter.own[c * width + r] + begin, truth[source * width + r] + begin,
                       own_projection.data(), count);
        }
        for (std::size_t r = 0; r < references.size(); ++r) {
          add_products(filter.all[c * references.size() + r] + begin, truth[r] + begin, projection.data(),
                       count);
        }
        const Complex* t = truth[c] + begin;
        const Complex* e = estimate[c] + begin;
        sum.truth += energy(t, count);
        sum.own += energy(own_projection.data(), count);
        sum.all += energy(projection.data(), count);
        sum.distortion += energy_of_difference(e, t, count);
        sum.spatial += energy_of_difference(own_projection.data(), t, count);
        sum.interference += energy_of_difference(projection.data(), own_projection.data(), count);
        sum.artifacts += energy_of_difference(e, projection.data(), count);
      }
    }
    return sum;
  }

  std::vector<std::vector<BssMetrics>> score(std::span<const AudioBuffer> audio) const {
    if (audio.size() != sources.size()) {
      throw Error(ErrorKind::input,
                  fmt::format("cannot score: the numbers of sources differ; expected {}, got {}",
                              sources.size(), audio.size()));
    }
    for (const AudioBuffer& estimate : audio) {
      require_same_shape(sources.front(), estimate, "an estimate differs from the references");
    }
    const std::vector<Channel> estimates = channels_of(audio);
    const std::size_t windows = samples / window;
    std::vector scores(sources.size(), std::vector<BssMetrics>(windows, {kNan, kNan, kNan, kNan}));
    if (silent || any_silent(estimates, width, 0, samples)) return scores;

    const RealFft<double> fft(fast_fft_size(window + kTaps - 1));
    const Filters filter = filters(fft, estimates);
    share_work(windows, threads, [&](const NextItem& next) {
      Spectra truth(fft, references.size());
      Spectra estimate(fft, estimates.size());
      const auto transform = [&](const std::vector<Channel>& from, std::size_t begin, Spectra& to) {
        for (std::size_t c = 0; c < from.size(); ++c) {
          load_samples(from[c], begin, window, to.time());
          to.transform(c);
          // Every other bin stands for two of the whole transform.
          to[c][0] *= 1.0 / std::numbers::sqrt2;
          to[c][fft.bins() - 1] *= 1.0 / std::numbers::sqrt2;
        }
      };
      while (const auto w = next()) {
        const std::size_t begin = *w * window;
        const std::size_t end = begin + window;
        if (any_silent(references, width, begin, end) || any_silent(estimates, width, begin, end)) continue;
        transform(references, begin, truth);
        transform(estimates, begin, estimate);
        for (std::size_t j = 0; j < sources.size(); ++j) {
          scores[j][*w] = energies(j, filter, truth, estimate, fft.bins()).metrics();
        }
      }
    });
    return scores;
  }
};

BssEval::BssEval(std::span<const AudioBuffer> references, std::size_t window_samples, int threads)
    : impl_(std::make_unique<Impl>(references, window_samples, threads)) {}
BssEval::~BssEval() = default;
BssEval::BssEval(BssEval&&) noexcept = default;
BssEval& BssEval::operator=(BssEval&&) noexcept = default;

std::vector<std::vector<BssMetrics>> BssEval::score(std::span<const AudioBuffer> estimates) const {
  return impl_->score(estimates);
}

}  // namespace svsep
