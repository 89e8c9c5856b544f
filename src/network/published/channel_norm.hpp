#pragma once

#include "network/published/image_kernels.hpp"

#include <cstdint>
#include <string>
#include <torch/torch.h>

namespace svsep {

/// How a network normalises channels: over the whole chunk (groups: 0 for batch normalisation with stored
/// statistics; as many as channels for instance normalisation), or not at all.
struct NormSizes {
  enum class Kind { none, batch, instance, group };
  Kind kind = Kind::instance;
  std::int64_t groups = 1;  ///< of Kind::group
  Activation activation = Activation::gelu;
  double elu_alpha = 1;
};

/// A norm of channels and the activation behind it. Images are [pixels, channels] (`transposed`: [slices,
/// channels, size]), contiguous, float32, of one song.
class ChannelNorm {
 public:
  ChannelNorm() = default;
  /// Registers the parameters below `name`.
  ChannelNorm(torch::nn::Module& root, const std::string& name, std::int64_t channels,
              const NormSizes& sizes);

  /// What the norm makes of an image's channels.
  struct Transform {
    torch::Tensor gains, offsets;  ///< [channels], on the network's device
  };
  /// `channel_axis` of the three is the channels'.
  [[nodiscard]] Transform transform_of(const torch::Tensor& image, std::int64_t channel_axis = 2) const;

  /// [slices, pixels, channels], an image or some slices of it -> the same shape.
  [[nodiscard]] torch::Tensor activate_image(const torch::Tensor& image, const Transform& transform) const;
  /// The same -> [slices, channels, pixels].
  [[nodiscard]] torch::Tensor activate_transposed_image(const torch::Tensor& image,
                                                        const Transform& transform) const;
  /// [slices, channels, size] -> the same shape; may reuse its memory.
  [[nodiscard]] torch::Tensor activate_rows_image(const torch::Tensor& rows) const;

 private:
  [[nodiscard]] torch::Tensor activated(const torch::Tensor& x) const;

  NormSizes sizes_;
  torch::Tensor weight_, bias_, mean_, variance_;
};

}  // namespace svsep
