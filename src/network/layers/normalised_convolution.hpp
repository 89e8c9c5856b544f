#pragma once

#include "network/layers/winograd_convolution.hpp"

#include <array>
#include <torch/torch.h>

namespace svsep {

/// torch::linear: x [.., inputs], weight [outputs, inputs], bias [outputs] or undefined -> [.., outputs]. In
/// evaluation on a CPU oneDNN computes it, whose result is the same for any number of threads.
[[nodiscard]] torch::Tensor dense(const torch::Tensor& x, const torch::Tensor& weight,
                                  const torch::Tensor& bias = {});

/// A convolution and, while it is trained, the batch normalisation after it, which then takes the place of
/// its bias.
class NormalisedConvolutionImpl : public torch::nn::Conv2dImpl {
 public:
  NormalisedConvolutionImpl(torch::nn::Conv2dOptions shape, bool normalised);

  torch::Tensor forward(const torch::Tensor& x);

  /// Before evaluation, of a convolution that keeps an image's size: packs the weights, where that makes it
  /// faster. They must not change afterwards.
  void prepare();

  /// {weight, bias} of the one convolution that does both as they are in evaluation.
  [[nodiscard]] std::array<torch::Tensor, 2> folded() const;

  /// Takes over a convolution that folded() gave. Its statistics are measured in the next forward(),
  /// which computes what that convolution does.
  void unfold(const torch::Tensor& folded_weight, const torch::Tensor& folded_bias);

 private:
  torch::Tensor measure(const torch::Tensor& y);
  torch::Tensor convolve(const torch::Tensor& x);
  torch::nn::BatchNorm2d norm_{nullptr};
  WinogradConvolution fast_;
  torch::Tensor unmeasured_bias_;  ///< between unfold() and forward()
};
TORCH_MODULE(NormalisedConvolution);

}  // namespace svsep
