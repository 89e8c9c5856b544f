#pragma once

#include "network/layers/winograd_kernels.hpp"

#include <cstdint>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// A 3x3 convolution of stride 1 on a CPU, in float32, by the kernels of winograd_kernels.hpp: prepared
/// weights.
class WinogradConvolution {
 public:
  WinogradConvolution() = default;
  /// `weight` [outputs, inputs, 3, 3] and `bias` [outputs] of a convolution that suits().
  WinogradConvolution(const torch::Tensor& weight, const torch::Tensor& bias, std::int64_t dilation);

  /// Whether the kernels take such weights, and are faster with them than oneDNN on this processor.
  [[nodiscard]] static bool suits(const torch::Tensor& weight);
  /// Whether the weights are there, and take such an image.
  [[nodiscard]] bool suits_image(const torch::Tensor& x) const;

  /// [images, inputs, frames, positions], channels last -> [images, outputs, frames, positions], channels
  /// last. Silence is around an image. The values do not depend on the number of threads.
  [[nodiscard]] torch::Tensor operator()(const torch::Tensor& x) const;

 private:
  WinogradShape shape_;  ///< but for frames and positions
  std::vector<float> packed_, bias_;
};

}  // namespace svsep
