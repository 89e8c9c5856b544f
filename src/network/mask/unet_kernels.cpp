#include "network/mask/unet_kernels.hpp"

#include "network/layers/instruction_set.hpp"

#include <algorithm>
#include <cstdint>

#define SVSEP_KERNELS "network/mask/unet_kernels.inc"

namespace svsep {
namespace {

template <class Value>
using Across = void (*)(Value*, std::int64_t, std::int64_t, const DenseAcrossWeights&, float*);
template <class Value>
using AddLarger = void (*)(Value*, const Value*, std::int64_t, std::int64_t);

struct Kernels {
  Across<float> across;
  Across<std::uint16_t> across_halves;
  AddLarger<float> add_larger;
  AddLarger<std::uint16_t> add_larger_halves;
};

#include "network/layers/for_each_target.inc"

}  // namespace

void rectify_and_add_dense_across(float* image, std::int64_t rows, std::int64_t channels,
                                  const DenseAcrossWeights& weights, float* scratch) {
  kernels().across(image, rows, channels, weights, scratch);
}
void rectify_and_add_dense_across(std::uint16_t* image, std::int64_t rows, std::int64_t channels,
                                  const DenseAcrossWeights& weights, float* scratch) {
  kernels().across_halves(image, rows, channels, weights, scratch);
}

void add_larger_and_rectify(float* image, const float* below, std::int64_t positions, std::int64_t channels) {
  kernels().add_larger(image, below, positions, channels);
}
void add_larger_and_rectify(std::uint16_t* image, const std::uint16_t* below, std::int64_t positions,
                            std::int64_t channels) {
  kernels().add_larger_halves(image, below, positions, channels);
}

}  // namespace svsep
