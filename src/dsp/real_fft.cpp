#include "dsp/real_fft.hpp"

#include "svsep/error.hpp"

#include <fmt/format.h>

namespace svsep {
namespace {

fftwf_complex* as_fftw(std::complex<float>* values) { return reinterpret_cast<fftwf_complex*>(values); }
fftw_complex* as_fftw(std::complex<double>* values) { return reinterpret_cast<fftw_complex*>(values); }

fftwf_plan plan_forward(int size, float* samples, std::complex<float>* bins, unsigned flags) {
  return fftwf_plan_dft_r2c_1d(size, samples, as_fftw(bins), flags);
}
fftw_plan plan_forward(int size, double* samples, std::complex<double>* bins, unsigned flags) {
  return fftw_plan_dft_r2c_1d(size, samples, as_fftw(bins), flags);
}
fftwf_plan plan_inverse(int size, std::complex<float>* bins, float* samples, unsigned flags) {
  return fftwf_plan_dft_c2r_1d(size, as_fftw(bins), samples, flags);
}
fftw_plan plan_inverse(int size, std::complex<double>* bins, double* samples, unsigned flags) {
  return fftw_plan_dft_c2r_1d(size, as_fftw(bins), samples, flags);
}

void execute_forward(fftwf_plan plan, float* samples, fftwf_complex* bins) {
  fftwf_execute_dft_r2c(plan, samples, bins);
}
void execute_forward(fftw_plan plan, double* samples, fftw_complex* bins) {
  fftw_execute_dft_r2c(plan, samples, bins);
}
void execute_inverse(fftwf_plan plan, fftwf_complex* bins, float* samples) {
  fftwf_execute_dft_c2r(plan, bins, samples);
}
void execute_inverse(fftw_plan plan, fftw_complex* bins, double* samples) {
  fftw_execute_dft_c2r(plan, bins, samples);
}

}  // namespace

template <typename Real>
RealFft<Real>::RealFft(std::size_t size, Input input) : size_(size) {
  const auto samples = make_fftw_array<Real>(size);
  const auto spectrum = make_fftw_array<std::complex<Real>>(bins());
  const int n = static_cast<int>(size);
  // FFTW_ESTIMATE: a measured plan may differ from run to run, and with it the last bits of the result.
  const unsigned flags = input == Input::kept ? FFTW_PRESERVE_INPUT : FFTW_DESTROY_INPUT;
  const std::lock_guard lock(planner_mutex());
  forward_.reset(plan_forward(n, samples.get(), spectrum.get(), FFTW_ESTIMATE | flags));
  inverse_.reset(plan_inverse(n, spectrum.get(), samples.get(), FFTW_ESTIMATE | FFTW_DESTROY_INPUT));
  if (!forward_ || !inverse_) {
    throw Error(ErrorKind::runtime, fmt::format("cannot plan an FFT of {} samples", size));
  }
}

template <typename Real>
void RealFft<Real>::forward(Real* samples, std::complex<Real>* bins) const {
  execute_forward(forward_.get(), samples, as_fftw(bins));
}

template <typename Real>
void RealFft<Real>::inverse(std::complex<Real>* bins, Real* samples) const {
  execute_inverse(inverse_.get(), as_fftw(bins), samples);
}

template class RealFft<float>;
template class RealFft<double>;

}  // namespace svsep
