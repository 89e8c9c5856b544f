#pragma once

#include <complex>
#include <cstddef>
#include <fftw3.h>
#include <memory>
#include <new>
#include <type_traits>

namespace svsep {

struct FftwFree {
  void operator()(void* memory) const noexcept { fftw_free(memory); }
};
template <typename T>
using FftwArray = std::unique_ptr<T[], FftwFree>;  ///< aligned as FFTW's SIMD code wants it

template <typename T>
FftwArray<T> make_fftw_array(std::size_t size) {
  FftwArray<T> array(static_cast<T*>(fftw_malloc(size * sizeof(T))));
  if (!array) throw std::bad_alloc();
  for (std::size_t i = 0; i < size; ++i) array[i] = T{};
  return array;
}

/// Double-precision transforms of one even length between real samples and size / 2 + 1 bins, unnormalised.
/// Thread safe; all arrays come from make_fftw_array and are read and written from their start.
class RealFft {
 public:
  explicit RealFft(std::size_t size);

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t bins() const noexcept { return size_ / 2 + 1; }
  /// Overwrites the samples with scratch.
  void forward(double* samples, std::complex<double>* bins) const;
  /// Overwrites the bins with scratch.
  void inverse(std::complex<double>* bins, double* samples) const;

 private:
  struct DestroyPlan {
    void operator()(fftw_plan plan) const noexcept;
  };
  using Plan = std::unique_ptr<std::remove_pointer_t<fftw_plan>, DestroyPlan>;

  std::size_t size_;
  Plan forward_;
  Plan inverse_;
};

}  // namespace svsep
