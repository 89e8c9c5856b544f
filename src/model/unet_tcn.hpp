#pragma once

#include "model/mask_network.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// Sizes of the network; tests use tiny ones.
struct UnetTcnSizes {
  std::int64_t bins = 1025;  ///< 16 n + 1
  std::int64_t input_planes = 1;
  std::array<std::int64_t, 2> channels = {24, 32};
  std::int64_t hidden_units = 384;
  std::vector<std::int64_t> dilations = {1, 2, 4, 8, 16, 1, 2, 4, 8, 16};

  /// Frames on either side of a frame that its mask depends on.
  [[nodiscard]] std::int64_t context_frames() const;
};

/// The sizes that a model file states. Throws Error(model) where it is another architecture, lacks a size,
/// has STFT bins that do not fold, or does not hold as many parameters as they ask for.
[[nodiscard]] UnetTcnSizes unet_tcn_sizes(const ModelFile& file);

/// Our own network: a U-Net across frequency around a temporal convolution network. Each of two levels folds
/// four neighbouring bins into channels and convolves 3x3; in the middle, all bins of a frame become
/// hidden_units values, which residual blocks (a dilated depthwise convolution of 3 frames, then a dense
/// layer) relate across time; the way back unfolds and takes the levels' outputs again. Convolutions carry
/// the batch normalisation that they were trained with. The last bin gets the mask of the one below it.
class UnetTcnImpl : public MaskNetwork {
 public:
  explicit UnetTcnImpl(const UnetTcnSizes& sizes = {});

  torch::Tensor forward(const torch::Tensor& windows) override;

 private:
  torch::nn::Conv2d encode1_{nullptr}, encode2_{nullptr}, encode3_{nullptr}, enter_{nullptr}, leave_{nullptr},
      decode2_{nullptr}, decode1_{nullptr}, mask_{nullptr};
  std::vector<torch::nn::Conv2d> depthwise_, pointwise_;
};
TORCH_MODULE(UnetTcn);

}  // namespace svsep
