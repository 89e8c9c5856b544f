#pragma once

#include "network/layers/normalised_convolution.hpp"
#include "network/mask/mask_network.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// Sizes of the network; tests use tiny ones.
struct UnetTcnSizes {
  std::int64_t bins = 1025;       ///< 16 n + 1
  std::int64_t input_planes = 2;  ///< see MaskEstimator
  std::array<std::int64_t, 2> channels = {24, 32};
  std::int64_t hidden_units = 384;
  std::vector<std::int64_t> dilations = {1, 2, 4, 8, 16, 1, 2, 4, 8, 16};

  /// Frames on either side of a frame that its mask depends on.
  [[nodiscard]] std::int64_t context_frames() const;
};

/// The sizes that a model file states. Throws Error(model) where it is another architecture, lacks a size,
/// has STFT bins that do not fold, or does not hold as many parameters as they ask for.
[[nodiscard]] UnetTcnSizes unet_tcn_sizes(const ModelFile& file);

/// As above, of a file that holds this network among others: neither its architecture nor its parameters'
/// count is looked at.
[[nodiscard]] UnetTcnSizes unet_tcn_part_sizes(const ModelFile& file);

[[nodiscard]] std::int64_t parameter_count(const UnetTcnSizes& sizes);

/// Writes what a model file states of such a network into `info`: its sizes, its STFT, the radius of its
/// level.
void state_sizes(const UnetTcnSizes& sizes, ModelInfo& info);

/// Our own network: a U-Net across frequency around a temporal convolution network. Each of two levels folds
/// four neighbouring bins into channels and convolves 3x3; in the middle, all bins of a frame become
/// hidden_units values, which residual blocks (a dilated depthwise convolution of 3 frames, then a dense
/// layer) relate across time; the way back unfolds and takes the levels' outputs again. All
/// convolutions but the last have batch normalisation in training, which a model file folds into them. The
/// last bin gets the mask of the one below it.
class UnetTcnImpl : public MaskNetwork {
 public:
  /// `normalised`: with batch normalisation, to be trained; without, as a model file holds it.
  explicit UnetTcnImpl(const UnetTcnSizes& sizes = {}, bool normalised = false);

  torch::Tensor forward(const torch::Tensor& windows) override;

  /// With the batch normalisation folded into the convolutions.
  [[nodiscard]] std::vector<NamedTensor> stored_tensors() const override;

 private:
  NormalisedConvolution encode1_{nullptr}, encode2_{nullptr}, encode3_{nullptr}, enter_{nullptr},
      leave_{nullptr}, decode2_{nullptr}, decode1_{nullptr}, mask_{nullptr};
  std::vector<NormalisedConvolution> depthwise_, pointwise_;
};
TORCH_MODULE(UnetTcn);

}  // namespace svsep
