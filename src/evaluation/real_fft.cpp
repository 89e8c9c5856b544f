#include "real_fft.hpp"

#include <mutex>

namespace svsep {
namespace {

/// FFTW's planner, destruction included, is the only part of it that is not thread safe. The double-precision
/// library has a planner of its own.
std::mutex& planner_mutex() {
  static std::mutex mutex;
  return mutex;
}

fftw_complex* as_fftw(std::complex<double>* values) { return reinterpret_cast<fftw_complex*>(values); }

}  // namespace

void RealFft::DestroyPlan::operator()(fftw_plan plan) const noexcept {
  const std::lock_guard lock(planner_mutex());
  fftw_destroy_plan(plan);
}

RealFft::RealFft(std::size_t size) : size_(size) {
  const auto samples = make_fftw_array<double>(size);
  const auto spectrum = make_fftw_array<std::complex<double>>(bins());
  const int n = static_cast<int>(size);
  // FFTW_ESTIMATE: a measured plan may differ from run to run, and with it the last bits of the result.
  constexpr unsigned kFlags = FFTW_ESTIMATE | FFTW_DESTROY_INPUT;
  const std::lock_guard lock(planner_mutex());
  forward_.reset(fftw_plan_dft_r2c_1d(n, samples.get(), as_fftw(spectrum.get()), kFlags));
  inverse_.reset(fftw_plan_dft_c2r_1d(n, as_fftw(spectrum.get()), samples.get(), kFlags));
  if (!forward_ || !inverse_) throw std::bad_alloc();
}

void RealFft::forward(double* samples, std::complex<double>* bins) const {
  fftw_execute_dft_r2c(forward_.get(), samples, as_fftw(bins));
}

void RealFft::inverse(std::complex<double>* bins, double* samples) const {
  fftw_execute_dft_c2r(inverse_.get(), as_fftw(bins), samples);
}

}  // namespace svsep
