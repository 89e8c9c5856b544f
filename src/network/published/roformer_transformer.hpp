#pragma once

#include "network/published/product.hpp"

#include <cstdint>
#include <string>
#include <torch/torch.h>
#include <vector>

namespace svsep {

struct TransformerSizes {
  std::int64_t features = 0;
  std::int64_t depth = 0;
  std::int64_t heads = 0;
  std::int64_t head_size = 0;
  std::int64_t hidden = 0;  ///< features between the two layers of a feed-forward network
  bool norms_output = false;
  bool is_linear = false;  ///< attention between features (El-Nouby et al. 2021) instead of positions
};

/// Rotations of rotary position embedding, for positions 0 to `positions` - 1.
struct Rotation {
  torch::Tensor cosines, sines;  ///< [positions, head_size / 2], float32
};
[[nodiscard]] Rotation make_rotation(std::int64_t positions, std::int64_t head_size,
                                     const torch::Device& device);

/// A transformer of a RoFormer: layers of attention and of a feed-forward network, each of which adds to its
/// input, behind a norm (Lu et al. 2023, section 3.3).
class RoformerTransformer {
 public:
  /// Registers its parameters below `name`.
  RoformerTransformer(torch::nn::Module& root, const std::string& name, const TransformerSizes& sizes);

  void prepare(torch::ScalarType type);

  /// Replaces `x`, [sequences, positions, features], float32, of any strides but with the features one by
  /// one. On a CPU, threads take a few sequences each, so that what lies between the layers stays in their
  /// caches. `rotation` is not looked at where attention is linear.
  void apply(const torch::Tensor& x, const Rotation& rotation) const;

 private:
  struct Layer {
    torch::Tensor attention_gamma, qkv, gates, gates_bias, out, temperature;
    torch::Tensor feed_gamma, up, up_bias, down, down_bias;
    Product into_attention, out_of_attention, into_feed, out_of_feed;
  };

  void process(torch::Tensor x, const Rotation& rotation) const;
  [[nodiscard]] torch::Tensor attend(const Layer& layer, const torch::Tensor& x,
                                     const Rotation& rotation) const;
  [[nodiscard]] torch::Tensor attend_linearly(const Layer& layer, const torch::Tensor& x) const;

  TransformerSizes sizes_;
  std::vector<Layer> layers_;
  torch::Tensor norm_gamma_;
};

/// [..., size] of any strides, divided by its norm over the last dimension and multiplied by sqrt(size):
/// contiguous, [rows, size].
[[nodiscard]] torch::Tensor normalised_rows(const torch::Tensor& x);

}  // namespace svsep
