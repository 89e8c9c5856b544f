#pragma once

#include "network/published/chunk_network.hpp"

#include <memory>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// Several networks of the same sizes, each of which counts more or less for each stem. Network k's tensors
/// come after "k.".
class Bag : public ChunkNetwork {
 public:
  /// A stem is the sum of the networks' estimates times weights[network][stem], divided by the sum of its
  /// weights.
  Bag(std::vector<std::shared_ptr<ChunkNetwork>> networks, std::vector<std::vector<double>> weights);

  torch::Tensor forward(const torch::Tensor& mixture) override;
  void prepare(torch::ScalarType compute_type) override;
  /// Networks that count for none of the stems are not run.
  void keep_stems(const std::vector<bool>& used) override;

 private:
  std::vector<std::shared_ptr<ChunkNetwork>> networks_;
  std::vector<std::vector<double>> weights_;  ///< of a stem they add up to 1
};

}  // namespace svsep
