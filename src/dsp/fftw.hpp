#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <fftw3.h>
#include <memory>
#include <mutex>
#include <new>
#include <type_traits>

// The only owner of FFTW's handles: arrays, plans and the planner's lock, in both precisions.

namespace svsep {

struct FreeAligned {
  void operator()(void* memory) const noexcept { std::free(memory); }
};
template <typename T>
using FftwArray = std::unique_ptr<T[], FreeAligned>;  ///< aligned for SIMD, zeroed

template <typename T>
FftwArray<T> make_fftw_array(std::size_t size) {
  constexpr std::size_t kAlignment = 64;  // of AVX-512, more than any FFTW asks for
  const std::size_t bytes = (size * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
  FftwArray<T> array(static_cast<T*>(std::aligned_alloc(kAlignment, bytes)));
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
  void operator()(fftw_plan plan) const noexcept {
    const std::lock_guard lock(planner_mutex());
    fftw_destroy_plan(plan);
  }
};
/// A plan of Real = float or double.
template <typename Real>
using FftwPlan = std::unique_ptr<
    std::remove_pointer_t<std::conditional_t<std::is_same_v<Real, float>, fftwf_plan, fftw_plan>>,
    DestroyPlan>;

}  // namespace svsep
