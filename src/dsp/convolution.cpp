#include "dsp/convolution.hpp"

#include "dsp/fftw.hpp"
#include "svsep/core/error.hpp"

#include <bit>
#include <cassert>
#include <cmath>
#include <map>
#include <numbers>
#include <string>

namespace svsep {
namespace {

constexpr std::size_t kSmallestFft = 4096;

/// Plans of one size, for any arrays of make_fftw_array(), any thread.
struct Plans {
  FftwPlan forward;
  FftwPlan inverse;
};

/// Made once a size and kept: planning takes as long as many transforms, and workers would queue for it.
const Plans& plans_of(std::size_t size) {
  static std::mutex mutex;
  static std::map<std::size_t, Plans> plans;
  const std::lock_guard lock(mutex);
  Plans& result = plans[size];
  if (!result.inverse) {
    const auto samples = make_fftw_array<float>(size);
    const auto bins = make_fftw_array<std::complex<float>>(size / 2 + 1);
    const int n = static_cast<int>(size);
    constexpr unsigned kFlags = FFTW_ESTIMATE | FFTW_DESTROY_INPUT;
    const std::lock_guard planner(planner_mutex());
    result.forward.reset(fftwf_plan_dft_r2c_1d(n, samples.get(), as_fftw(bins.get()), kFlags));
    result.inverse.reset(fftwf_plan_dft_c2r_1d(n, as_fftw(bins.get()), samples.get(), kFlags));
    if (!result.forward || !result.inverse) {
      throw Error(ErrorKind::runtime, "cannot plan an FFT of " + std::to_string(n) + " samples");
    }
  }
  return result;
}

/// Arrays and plans for transforms of one size, unnormalised; overwrites its input.
struct RealFft {
  explicit RealFft(std::size_t size)
      : plans(plans_of(size)),
        samples(make_fftw_array<float>(size)),
        bins(make_fftw_array<std::complex<float>>(size / 2 + 1)) {}

  void forward() const { fftwf_execute_dft_r2c(plans.forward.get(), samples.get(), as_fftw(bins.get())); }
  void inverse() const { fftwf_execute_dft_c2r(plans.inverse.get(), as_fftw(bins.get()), samples.get()); }

  const Plans& plans;
  FftwArray<float> samples;
  FftwArray<std::complex<float>> bins;
};

/// bins[k] *= response[k]; std::complex's operator would look for infinities.
void multiply(std::complex<float>* bins, const std::vector<std::complex<float>>& response) {
  auto* x = reinterpret_cast<float*>(bins);
  const auto* h = reinterpret_cast<const float*>(response.data());
  for (std::size_t k = 0; k < 2 * response.size(); k += 2) {
    const float real = x[k] * h[k] - x[k + 1] * h[k + 1];
    x[k + 1] = x[k] * h[k + 1] + x[k + 1] * h[k];
    x[k] = real;
  }
}

}  // namespace

std::vector<float> convolve(Samples signal, Samples kernel, std::size_t skipped) {
  std::vector<float> result(signal.size());
  if (signal.empty() || kernel.empty()) return result;
  const std::size_t whole = std::bit_ceil(signal.size() + kernel.size() - 1);
  const std::size_t size = std::min(whole, std::max(kSmallestFft, std::bit_ceil(4 * kernel.size())));
  const std::size_t step = size - kernel.size() + 1;
  const RealFft fft(size);
  std::copy(kernel.begin(), kernel.end(), fft.samples.get());
  fft.forward();
  std::vector<std::complex<float>> response(fft.bins.get(), fft.bins.get() + size / 2 + 1);
  for (std::complex<float>& value : response) value /= static_cast<float>(size);

  const std::size_t end = std::min(signal.size() + kernel.size() - 1, skipped + signal.size());
  // Overlap-save: of each block, the samples from kernel.size() - 1 on are those of the linear convolution.
  for (std::size_t start = skipped; start < end; start += step) {  // of the full convolution
    // The signal from start - (kernel.size() - 1) on, zeros around it.
    const std::size_t before = kernel.size() - 1 - std::min(kernel.size() - 1, start);
    const std::size_t from = start + before - (kernel.size() - 1);
    const std::size_t inside = from < signal.size() ? std::min(size - before, signal.size() - from) : 0;
    std::fill_n(fft.samples.get(), before, 0.0F);
    std::copy_n(signal.begin() + static_cast<std::ptrdiff_t>(from < signal.size() ? from : 0), inside,
                fft.samples.get() + before);
    std::fill(fft.samples.get() + before + inside, fft.samples.get() + size, 0.0F);
    fft.forward();
    multiply(fft.bins.get(), response);
    fft.inverse();
    const std::size_t count = std::min(step, end - start);
    std::copy_n(fft.samples.get() + (kernel.size() - 1), count,
                result.begin() + static_cast<std::ptrdiff_t>(start - skipped));
  }
  return result;
}

std::vector<float> fir_of_gains(Samples gains, std::size_t taps) {
  const std::size_t size = 2 * (gains.size() - 1);
  assert(std::has_single_bit(size) && taps % 2 == 1 && taps < gains.size());
  const RealFft fft(size);
  std::copy(gains.begin(), gains.end(), fft.bins.get());
  fft.inverse();  // symmetric about sample 0
  std::vector<float> fir(taps);
  for (std::size_t i = 0; i < taps; ++i) {
    const double phase = 2.0 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(taps - 1);
    const auto window = static_cast<float>(0.5 - 0.5 * std::cos(phase));
    fir[i] = window * fft.samples[(i + size - taps / 2) % size] / static_cast<float>(size);
  }
  return fir;
}

}  // namespace svsep
