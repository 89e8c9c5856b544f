#pragma once

#include <cstdint>

// 3x3 convolutions with half of the products, without LibTorch: Winograd's F(4, 3) along positions (Lavin and
// Gray, Fast algorithms for convolutional neural networks, CVPR 2016). Images are
// [frames][positions][channels], with silence around.

namespace svsep {

/// Every number of channels is a multiple of this.
inline constexpr std::int64_t kWinogradChannels = 16;
/// Every number of positions is a multiple of this: outputs that a transform gives at once.
inline constexpr std::int64_t kWinogradPositions = 4;
/// Values that stand for them, each with a product of its own.
inline constexpr std::int64_t kWinogradValues = 6;

struct WinogradShape {
  std::int64_t frames = 0;
  std::int64_t positions = 0;
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
  std::int64_t dilation = 1;  ///< frames between the kernel's rows
};

/// Whether the kernels know this processor's wide registers. Without, oneDNN is as fast.
[[nodiscard]] bool winograd_is_fast();

/// The frames to compute at once, so that what lies between fits a core's cache.
[[nodiscard]] std::int64_t winograd_frames_at_once(const WinogradShape& shape);

/// Floats of scratch memory for so many frames.
[[nodiscard]] std::int64_t winograd_scratch(const WinogradShape& shape, std::int64_t frames);

/// weight [outputs][inputs][3][3], rows along frames -> [outputs / 16][kWinogradValues][3][inputs][16].
void winograd_pack(const float* weight, std::int64_t inputs, std::int64_t outputs, float* packed);

/// The frames from `first` to `end` of the convolution of `image`, each value with its channel's bias.
void winograd_convolve(const float* image, const WinogradShape& shape, const float* packed, const float* bias,
                       std::int64_t first, std::int64_t end, float* scratch, float* result);

}  // namespace svsep
