#include "network/mask/unet_kernels.hpp"

#include "network/layers/simd.hpp"

#include <algorithm>

namespace svsep {
namespace {

constexpr std::int64_t kStep = kChannelsAtOnce;
static_assert(kStep == static_cast<std::int64_t>(kLanes));
constexpr std::int64_t kTile = 8;  ///< units or positions whose sums stay in registers

using Halves = std::uint16_t __attribute__((vector_size(kLanes * sizeof(std::uint16_t))));
using Words = std::uint32_t __attribute__((vector_size(kLanes * sizeof(std::uint32_t))));

SVSEP_INLINE Floats load_value(const float* from) { return load(from); }
SVSEP_INLINE Floats load_value(const std::uint16_t* from) {
  Halves halves;
  std::memcpy(&halves, from, sizeof halves);
  const Words words = __builtin_convertvector(halves, Words) << 16;
  Floats values;
  std::memcpy(&values, &words, sizeof values);
  return values;
}

SVSEP_INLINE void store_value(const Floats& values, float* to) { store(values, to); }
SVSEP_INLINE void store_value(const Floats& values, std::uint16_t* to) {
  Words words;
  std::memcpy(&words, &values, sizeof words);
  words += 0x7FFF + (words >> 16 & 1);  // to nearest, ties to even
  const Halves halves = __builtin_convertvector(words >> 16, Halves);
  std::memcpy(to, &halves, sizeof halves);
}

/// Not a number stays so, as in LibTorch: the estimator looks for it.
SVSEP_INLINE Floats rectified(const Floats& values) { return values < 0.0F ? Floats{} : values; }

/// result[j] = offset[j] + sum over i of matrix[i][j] * x[i]; vectors of kLanes.
template <class Finish>
SVSEP_INLINE void multiply(const float* matrix, const float* offset, const float* x, std::int64_t inputs,
                           std::int64_t outputs, const Finish& finish) {
  for (std::int64_t first = 0; first < outputs; first += kTile) {
    const std::int64_t from = std::min(first, std::max<std::int64_t>(0, outputs - kTile));
    Floats sums[kTile];  // NOLINT(modernize-avoid-c-arrays): kept in registers
    if (outputs >= kTile) {
      for (std::int64_t j = 0; j < kTile; ++j) sums[j] = all(offset[from + j]);
      for (std::int64_t i = 0; i < inputs; ++i) {
        const Floats input = load(x + i * kStep);
        const float* const row = matrix + i * outputs + from;
        for (std::int64_t j = 0; j < kTile; ++j) sums[j] += row[j] * input;
      }
      for (std::int64_t j = first - from; j < kTile; ++j) finish(from + j, sums[j]);
    } else {
      for (std::int64_t j = 0; j < outputs; ++j) {
        Floats sum = all(offset[j]);
        for (std::int64_t i = 0; i < inputs; ++i) sum += matrix[i * outputs + j] * load(x + i * kStep);
        finish(j, sum);
      }
    }
  }
}

template <class Value>
SVSEP_INLINE void across(Value* image, std::int64_t rows, std::int64_t channels,
                         const DenseAcrossWeights& weights, float* scratch) {
  float* const units = scratch + weights.positions * kStep;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t channel = 0; channel < channels; channel += kStep) {
      Value* const values = image + row * weights.positions * channels + channel;
      for (std::int64_t p = 0; p < weights.positions; ++p)
        store(rectified(load_value(values + p * channels)), scratch + p * kStep);
      multiply(weights.squeeze, weights.squeeze_offset, scratch, weights.positions, weights.units,
               [&](std::int64_t u, const Floats& sum) { store(rectified(sum), units + u * kStep); });
      multiply(weights.expand, weights.expand_offset, units, weights.units, weights.positions,
               [&](std::int64_t p, const Floats& sum) {
                 store_value(load(scratch + p * kStep) + sum, values + p * channels);
               });
    }
  }
}

template <class Value>
SVSEP_INLINE void add_larger(Value* image, const Value* below, std::int64_t positions,
                             std::int64_t channels) {
  for (std::int64_t p = 0; p < positions; ++p) {
    for (std::int64_t c = 0; c < channels; c += kStep) {
      Value* const at = image + p * channels + c;
      store_value(rectified(load_value(at) + load_value(below + p / 2 * channels + c)), at);
    }
  }
}

}  // namespace

SVSEP_WIDE void rectify_and_add_dense_across(float* image, std::int64_t rows, std::int64_t channels,
                                             const DenseAcrossWeights& weights, float* scratch) {
  across(image, rows, channels, weights, scratch);
}
SVSEP_WIDE void rectify_and_add_dense_across(std::uint16_t* image, std::int64_t rows, std::int64_t channels,
                                             const DenseAcrossWeights& weights, float* scratch) {
  across(image, rows, channels, weights, scratch);
}

SVSEP_WIDE void add_larger_and_rectify(float* image, const float* below, std::int64_t positions,
                                       std::int64_t channels) {
  add_larger(image, below, positions, channels);
}
SVSEP_WIDE void add_larger_and_rectify(std::uint16_t* image, const std::uint16_t* below,
                                       std::int64_t positions, std::int64_t channels) {
  add_larger(image, below, positions, channels);
}

}  // namespace svsep
