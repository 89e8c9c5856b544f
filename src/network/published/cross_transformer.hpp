#pragma once

#include "network/published/htdemucs_layers.hpp"
#include "network/published/product.hpp"

#include <cstdint>
#include <memory>
#include <torch/torch.h>
#include <utility>
#include <vector>

namespace svsep {

struct CrossTransformerSizes {
  std::int64_t width = 512;    ///< of a token; a multiple of 4 and of the heads
  std::int64_t hidden = 2048;  ///< of the feed-forward layers
  std::int64_t heads = 8;
  std::int64_t layers = 5;
};

/// A layer of one branch: attention to its own tokens or to the other branch's, then a feed-forward layer,
/// each after a layer norm, scaled per channel and added; at last a norm over all tokens and channels.
class CrossTransformerLayer : public torch::nn::Module {
 public:
  CrossTransformerLayer(const CrossTransformerSizes& sizes, bool crosses);

  /// Packs the weights of the products, which are computed in `type`.
  void prepare(torch::ScalarType type);

  /// Tokens [batch, tokens, width]; `other` is undefined where the layer does not cross. -> tokens
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& tokens, const torch::Tensor& other) const;

 private:
  /// The attention's projections, under torch's names.
  struct Projections : torch::nn::Module {
    explicit Projections(std::int64_t width);

    torch::Tensor in_weight, in_bias;  ///< of queries, keys and values: [3 * width, width]
    std::shared_ptr<WeightAndBias> out;
  };

  [[nodiscard]] torch::Tensor attend(const torch::Tensor& queries_of, const torch::Tensor& keys_of) const;

  CrossTransformerSizes sizes_;
  bool crosses_;
  std::shared_ptr<Projections> attention_;
  std::shared_ptr<WeightAndBias> norm_, other_norm_, feed_norm_, norm_out_, linear1_, linear2_;
  std::shared_ptr<ChannelScale> gamma_1_, gamma_2_;
  Product query_, keys_and_values_, attended_, feed_in_, feed_out_;
};

/// The transformer across the spectrogram's and the waveform's branch of HT-Demucs (Rouard et al. 2023):
/// layers of self-attention and of cross-attention take turns; sinusoidal position embeddings.
class CrossTransformer : public torch::nn::Module {
 public:
  explicit CrossTransformer(const CrossTransformerSizes& sizes);

  void prepare(torch::ScalarType type);

  /// [batch, width, frequencies, frames] and [batch, width, 1, samples] -> the same shapes.
  [[nodiscard]] std::pair<torch::Tensor, torch::Tensor> forward(const torch::Tensor& spectrum,
                                                                const torch::Tensor& wave) const;

 private:
  CrossTransformerSizes sizes_;
  std::shared_ptr<WeightAndBias> norm_in_, norm_in_t_;
  std::vector<std::shared_ptr<CrossTransformerLayer>> layers_, layers_t_;
};

}  // namespace svsep
