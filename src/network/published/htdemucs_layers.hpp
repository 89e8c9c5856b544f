#pragma once

#include "network/published/chunk_network.hpp"
#include "network/published/residual_kernel.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// A weight and a bias under torch's names: those of a convolution, a linear layer or a norm.
struct WeightAndBias : torch::nn::Module {
  WeightAndBias(std::initializer_list<std::int64_t> weight_shape, std::int64_t bias_size);

  torch::Tensor weight, bias;
};

/// A parameter "scale", one value per channel.
struct ChannelScale : torch::nn::Module {
  explicit ChannelScale(std::int64_t channels);

  torch::Tensor scale;
};

/// Residual branches over time, `depth` of them in turn: dilated convolution to an eighth of the channels,
/// group norm, GELU, 1x1 convolution, group norm, gated linear unit, scale per channel.
class DilatedResidual : public torch::nn::Module {
 public:
  DilatedResidual(std::int64_t channels, std::int64_t depth);

  /// [batch, channels, frequencies, frames], every frequency for itself; may change x. -> the same shape.
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& x) const;

 private:
  struct Branch {
    std::int64_t dilation;
    std::shared_ptr<WeightAndBias> narrow, narrow_norm, wide, wide_norm;
    std::shared_ptr<ChannelScale> scale;
  };

  [[nodiscard]] static torch::Tensor apply(const Branch& branch, const torch::Tensor& x);
  [[nodiscard]] static ResidualWeights weights_of(const Branch& branch);
  void apply_to_frequencies(const torch::Tensor& x) const;
  void apply_to_frames(const torch::Tensor& x) const;

  std::vector<Branch> branches_;
};

/// Sizes of a layer of either branch. The time branch has one frequency: [batch, channels, 1, samples].
struct DemucsLayerSizes {
  std::int64_t inner = 0;  ///< channels on the transformer's side
  std::int64_t outer = 0;  ///< channels on the song's side
  std::int64_t kernel = 8;
  std::int64_t stride = 4;
  std::int64_t context = 1;         ///< of the decoder's gate, on either side
  std::int64_t residual_depth = 2;  ///< 0: no DilatedResidual
  bool over_time = false;           ///< the time branch
};

/// Strided convolution, GELU, DilatedResidual, 1x1 convolution with a gate.
class DemucsEncoderLayer : public torch::nn::Module {
 public:
  explicit DemucsEncoderLayer(const DemucsLayerSizes& sizes);

  [[nodiscard]] torch::Tensor forward(const torch::Tensor& x) const;

 private:
  [[nodiscard]] torch::Tensor encode(const torch::Tensor& x, const std::vector<std::int64_t>& padding) const;

  DemucsLayerSizes sizes_;
  std::shared_ptr<WeightAndBias> conv_, rewrite_;
  std::shared_ptr<DilatedResidual> dconv_;
};

/// Sum with the encoder's output, convolution with a gate, DilatedResidual, transposed convolution, GELU.
class DemucsDecoderLayer : public torch::nn::Module {
 public:
  /// `last`: gives the stems, without GELU.
  DemucsDecoderLayer(const DemucsLayerSizes& sizes, bool last);

  /// Makes an ordinary convolution of the transposed one.
  void prepare();

  /// `length`: frequencies or samples of the output.
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& skip,
                                      std::int64_t length) const;

 private:
  /// As far as DilatedResidual.
  [[nodiscard]] torch::Tensor gate(const torch::Tensor& x, const std::vector<std::int64_t>& padding) const;
  /// The rest. `stride` values for each of y and its neighbour before.
  [[nodiscard]] torch::Tensor spread(const torch::Tensor& y, const std::vector<std::int64_t>& padding) const;

  DemucsLayerSizes sizes_;
  bool last_;
  std::shared_ptr<WeightAndBias> conv_tr_, rewrite_;
  std::shared_ptr<DilatedResidual> dconv_;
  torch::Tensor spread_weight_, spread_bias_;  ///< `stride` outputs per channel, of two neighbours each
};

}  // namespace svsep
