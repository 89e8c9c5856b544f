#include "network/published/image_kernels.hpp"

#include "network/layers/instruction_set.hpp"

#include <cstddef>
#include <cstdint>

#define SVSEP_KERNELS "network/published/image_kernels.inc"

namespace svsep {
namespace {

struct Kernels {
  void (*add_moments)(const float*, std::int64_t, std::int64_t, const float*, double*, double*);
  void (*add_row_moments)(const float*, std::int64_t, std::int64_t, const float*, double*, double*);
  void (*activate)(const float*, std::int64_t, std::int64_t, const ChannelTransform&, float*);
  void (*activate_rows)(const float*, std::int64_t, std::int64_t, const ChannelTransform&, float*);
  void (*activate_transposed)(const float*, std::int64_t, std::int64_t, const ChannelTransform&, float*);
  void (*add_transposed)(const float*, std::int64_t, std::int64_t, float*);
};

#include "network/layers/for_each_target.inc"

}  // namespace

void add_moments(const float* image, std::int64_t pixels, std::int64_t channels, const float* pivots,
                 double* sums, double* squares) {
  kernels().add_moments(image, pixels, channels, pivots, sums, squares);
}

void add_row_moments(const float* rows, std::int64_t channels, std::int64_t size, const float* pivots,
                     double* sums, double* squares) {
  kernels().add_row_moments(rows, channels, size, pivots, sums, squares);
}

void activate(const float* image, std::int64_t pixels, std::int64_t channels,
              const ChannelTransform& transform, float* result) {
  kernels().activate(image, pixels, channels, transform, result);
}

void activate_rows(const float* rows, std::int64_t channels, std::int64_t size,
                   const ChannelTransform& transform, float* result) {
  kernels().activate_rows(rows, channels, size, transform, result);
}

void activate_transposed(const float* image, std::int64_t pixels, std::int64_t channels,
                         const ChannelTransform& transform, float* result) {
  kernels().activate_transposed(image, pixels, channels, transform, result);
}

void add_transposed(const float* rows, std::int64_t pixels, std::int64_t channels, float* image) {
  kernels().add_transposed(rows, pixels, channels, image);
}

}  // namespace svsep
