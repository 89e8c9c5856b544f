#pragma once

#include <cstdint>

// What convolution networks do on a CPU between products, without LibTorch. Images are [pixels][channels].

namespace svsep {

enum class Activation { gelu, relu, elu };

/// Gain and offset of each channel, and what comes after them.
struct ChannelTransform {
  const float* gains = nullptr;
  const float* offsets = nullptr;
  Activation activation = Activation::gelu;
  float elu_alpha = 1.F;
};

/// Adds to `sums` and `squares` [channels] those of the values, less each channel's pivot.
void add_moments(const float* image, std::int64_t pixels, std::int64_t channels, const float* pivots,
                 double* sums, double* squares);
/// The same of channels that are rows of `size` values each: [channels][size].
void add_row_moments(const float* rows, std::int64_t channels, std::int64_t size, const float* pivots,
                     double* sums, double* squares);

/// result = activation(image * gain + offset); they may be the same memory.
void activate(const float* image, std::int64_t pixels, std::int64_t channels,
              const ChannelTransform& transform, float* result);
/// The same of rows.
void activate_rows(const float* rows, std::int64_t channels, std::int64_t size,
                   const ChannelTransform& transform, float* result);
/// As activate(), but the result is [channels][pixels].
void activate_transposed(const float* image, std::int64_t pixels, std::int64_t channels,
                         const ChannelTransform& transform, float* result);
/// image [pixels][channels] += rows [channels][pixels].
void add_transposed(const float* rows, std::int64_t pixels, std::int64_t channels, float* image);

}  // namespace svsep
