#include "network/published/roformer_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#define SVSEP_KERNELS "network/published/roformer_kernels.inc"

namespace svsep {
namespace {

struct RoformerKernels {
  std::size_t (*scratch_size)(const AttentionInput&);
  void (*attend)(const AttentionInput&, float*, float*);
  void (*normalise)(const float*, std::ptrdiff_t, std::int64_t, std::int64_t, float*);
};

namespace any_processor {
constexpr int kVectorFloats = 4, kTileRows = 4, kTileVectors = 2;
#include SVSEP_KERNELS
}  // namespace any_processor

// The standard library's functions were declared above, so these instructions stay out of them.
#ifdef __x86_64__
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
namespace avx2 {
constexpr int kVectorFloats = 8, kTileRows = 6, kTileVectors = 2;
#include SVSEP_KERNELS
}  // namespace avx2
#ifdef __clang__
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma"))), \
                             apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,fma")
#endif
namespace avx512 {
constexpr int kVectorFloats = 16, kTileRows = 8, kTileVectors = 3;
#include SVSEP_KERNELS
}  // namespace avx512
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

const RoformerKernels& kernels() {
#ifdef __x86_64__
  static const RoformerKernels& chosen = []() -> const RoformerKernels& {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
      return avx512::kKernels;
    }
    const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    return has_avx2 ? avx2::kKernels : any_processor::kKernels;
  }();
  return chosen;
#else
  return any_processor::kKernels;
#endif
}

}  // namespace

std::size_t attention_scratch(const AttentionInput& input) { return kernels().scratch_size(input); }

void attend_sequence(const AttentionInput& input, float* scratch, float* result) {
  kernels().attend(input, scratch, result);
}

void normalise_rows(const float* x, std::ptrdiff_t row_stride, std::int64_t rows, std::int64_t size,
                    float* result) {
  kernels().normalise(x, row_stride, rows, size, result);
}

}  // namespace svsep
