#pragma once

#include "dsp/fftw.hpp"

#include <complex>
#include <cstddef>

namespace svsep {

/// Transforms of one length between real samples and size / 2 + 1 bins, unnormalised, of Real = float or
/// double. Thread safe; all arrays come from make_fftw_array and are read and written from their start.
template <typename Real>
class RealFft {
 public:
  enum class Input { kept, overwritten };  ///< what forward() does to the samples

  /// Throws Error(runtime) where FFTW has no plan for the size.
  explicit RealFft(std::size_t size, Input input = Input::overwritten);

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t bins() const noexcept { return size_ / 2 + 1; }
  void forward(Real* samples, std::complex<Real>* bins) const;
  /// Overwrites the bins with scratch.
  void inverse(std::complex<Real>* bins, Real* samples) const;

 private:
  std::size_t size_;
  FftwPlan<Real> forward_;
  FftwPlan<Real> inverse_;
};

extern template class RealFft<float>;
extern template class RealFft<double>;

}  // namespace svsep
