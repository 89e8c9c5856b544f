#include "dsp/convolution.hpp"

#include "dsp/real_fft.hpp"

#include <bit>
#include <cassert>
#include <cmath>
#include <map>
#include <mutex>
#include <numbers>
#include <vector>

namespace svsep {
namespace {

constexpr std::size_t kSmallestFft = 4096;

/// Made once a size and kept: planning takes as long as many transforms, and workers would queue for it.
const RealFft<float>& fft_of(std::size_t size) {
  static std::mutex mutex;
  static std::map<std::size_t, RealFft<float>> ffts;
  const std::lock_guard lock(mutex);
  return ffts.try_emplace(size, size).first->second;
}

/// A signal and its bins, each overwritten by the transform to the other.
struct Transform {
  explicit Transform(std::size_t size)
      : fft(fft_of(size)),
        samples(make_fftw_array<float>(size)),
        bins(make_fftw_array<std::complex<float>>(fft.bins())) {}

  void forward() const { fft.forward(samples.get(), bins.get()); }
  void inverse() const { fft.inverse(bins.get(), samples.get()); }

  const RealFft<float>& fft;
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
  const Transform fft(size);
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
  const Transform fft(size);
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
