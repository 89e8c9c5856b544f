#pragma once

#include <cstdint>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// A dense layer without bias whose outputs see few inputs each, which lie together: only these are
/// multiplied. For evaluation in float32 on a CPU.
class BandedDense {
 public:
  BandedDense() = default;
  /// `weight` [outputs, inputs], float32 on a CPU.
  explicit BandedDense(const torch::Tensor& weight);

  /// Whether the weights are there, and it takes such values.
  [[nodiscard]] bool suits(const torch::Tensor& x) const;
  /// [.., inputs] -> [.., outputs]
  [[nodiscard]] torch::Tensor operator()(const torch::Tensor& x) const;

 private:
  /// What an output sees.
  struct Band {
    std::int64_t first = 0;  ///< input
    std::int64_t count = 0;
  };
  std::vector<Band> bands_;
  std::vector<float> weights_;  ///< of all bands, one after the other
};

}  // namespace svsep
