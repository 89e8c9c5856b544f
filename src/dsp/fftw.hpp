#pragma once

#include <algorithm>
#include <complex>
#include <cstddef>
#include <fftw3.h>
#include <memory>
#include <mutex>
#include <new>
#include <type_traits>

namespace svsep {

struct FftwFree {
  void operator()(void* memory) const noexcept { fftwf_free(memory); }
};
template <typename T>
using FftwArray = std::unique_ptr<T[], FftwFree>;  ///< aligned for SIMD, zeroed

template <typename T>
FftwArray<T> make_fftw_array(std::size_t size) {
  FftwArray<T> array(static_cast<T*>(fftwf_malloc(size * sizeof(T))));
  if (!array) throw std::bad_alloc();
  std::fill_n(array.get(), size, T{});
  return array;
}

/// FFTW's planner, plan destruction included, is the only part of it that is not thread safe.
inline std::mutex& planner_mutex() {
  static std::mutex mutex;
  return mutex;
}

struct DestroyPlan {
  void operator()(fftwf_plan plan) const noexcept {
    const std::lock_guard lock(planner_mutex());
    fftwf_destroy_plan(plan);
  }
};
using FftwPlan = std::unique_ptr<std::remove_pointer_t<fftwf_plan>, DestroyPlan>;

inline fftwf_complex* as_fftw(std::complex<float>* values) {
  return reinterpret_cast<fftwf_complex*>(values);
}

}  // namespace svsep
