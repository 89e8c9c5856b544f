#pragma once

#include "network/mask/mask_network.hpp"

#include <array>
#include <cstdint>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// Its name in model files and for --arch.
inline constexpr const char* kThesisCnn = "thesis-cnn";

/// Sizes of the network; the defaults are the thesis'. Tests use tiny ones.
struct ThesisCnnSizes {
  std::int64_t window_frames = 9;
  std::int64_t bins = 2049;
  std::array<std::int64_t, 4> convolution_channels = {32, 16, 64, 32};
  std::array<std::int64_t, 2> dense_units = {2048, 512};
};

/// The sizes that a model file states. Throws Error(model) where it is another architecture, lacks a size, or
/// does not hold as many parameters as they ask for.
[[nodiscard]] ThesisCnnSizes thesis_cnn_sizes(const ModelFile& file);

/// Writes the sizes into `info` (window_frames and ModelInfo::sizes; the bins follow from its STFT).
void state_sizes(const ThesisCnnSizes& sizes, ModelInfo& info);

/// The network of the thesis: conv 3x12 twice, max-pool 1x12, conv 3x12 twice, max-pool 1x12, dropout, dense,
/// dropout, dense, dense. Padding, and the order in which the last pool is flattened, are Keras'. Kernels are
/// Glorot-uniform (from torch's generator, so torch::manual_seed reproduces them), biases 0.1.
class ThesisCnnImpl : public MaskNetwork {
 public:
  explicit ThesisCnnImpl(const ThesisCnnSizes& sizes = {}, double dropout = 0.5);

  /// Windows have window_frames.
  torch::Tensor forward(const torch::Tensor& windows) override;

  /// Where windows overlap enough, computes once what their first two convolutions share.
  torch::Tensor slide(const torch::Tensor& stretch, const Windows& windows) override;

 private:
  /// After the first pool, [windows, channels, frames, pooled bins], of the windows that slide() speaks of.
  torch::Tensor pooled_windows(const torch::Tensor& frames, std::int64_t hop);
  /// What the last layer sees, from what the first pool gave.
  torch::Tensor hidden_units(const torch::Tensor& features);

  ThesisCnnSizes sizes_;
  double dropout_;
  torch::nn::Conv2d conv1_{nullptr}, conv2_{nullptr}, conv3_{nullptr}, conv4_{nullptr};
  torch::nn::Linear dense1_{nullptr}, dense2_{nullptr}, dense3_{nullptr};
};
TORCH_MODULE(ThesisCnn);

}  // namespace svsep
