#pragma once

#include "network/published/product.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// Sizes of an LSTM with two directions, whose outputs are concatenated: [.., 2 * hidden].
struct LstmSizes {
  std::int64_t input = 0;
  std::int64_t hidden = 0;  ///< of each direction
  std::int64_t layers = 1;
};

/// A bidirectional LSTM with torch's parameter names (weight_ih_l0, weight_hh_l0_reverse, ...). On a CPU the
/// products with the input are one matrix product per layer, and each direction of each network is a loop
/// over frames on a thread of its own that reads the recurrent weights once for up to four sequences.
class Lstm : public torch::nn::Module {
 public:
  explicit Lstm(const LstmSizes& sizes);

  /// Packs the weights, once they are filled and on their device.
  void prepare();

  /// All networks (of the same sizes) on their own input: [batch, frames, input] -> [batch, frames, 2 *
  /// hidden].
  [[nodiscard]] static std::vector<torch::Tensor> run(std::span<const std::shared_ptr<Lstm>> networks,
                                                      std::vector<torch::Tensor> inputs);

 private:
  struct Layer {
    Product input;                                ///< of both directions: 8 * hidden outputs
    std::vector<torch::Tensor> recurrent_weight;  ///< of each direction, packed
  };

  [[nodiscard]] torch::Tensor named(const std::string& name, std::int64_t layer, bool reverse) const;

  LstmSizes sizes_;
  std::vector<Layer> layers_;
  torch::nn::LSTM cuda_{nullptr};
};

}  // namespace svsep
