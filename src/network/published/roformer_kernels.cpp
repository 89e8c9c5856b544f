#include "network/published/roformer_kernels.hpp"

#include "network/layers/instruction_set.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#define SVSEP_KERNELS "network/published/roformer_kernels.inc"

namespace svsep {
namespace {

struct Kernels {
  std::size_t (*scratch_size)(const AttentionInput&);
  void (*attend)(const AttentionInput&, float*, float*);
  void (*normalise)(const float*, std::ptrdiff_t, std::int64_t, std::int64_t, float*);
};

#include "network/layers/for_each_target.inc"

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
