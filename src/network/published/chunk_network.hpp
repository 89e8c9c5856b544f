#pragma once

#include <cstdint>
#include <initializer_list>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// A published network: a chunk of the mixture in, all its stems out.
///
/// Modules and tensors have the names of the published code, so that a model file's tensors are its state
/// dict. All that a network takes from the file is registered as a parameter (statistics of batch norms too)
/// of `unset` values: making a network costs neither time nor memory until load_parameters() fills it.
class ChunkNetwork : public torch::nn::Module {
 public:
  /// [batch, channels, samples] -> [batch, stems, channels, samples], float32 at the model's rate, on the
  /// network's device. Called without gradients, after prepare().
  virtual torch::Tensor forward(const torch::Tensor& mixture) = 0;

  /// Called once, when the parameters are filled and on their device: folds, packs and converts weights.
  /// Products may be computed in `compute_type` (float32, bfloat16, float16); norms, transforms and softmax
  /// stay in float32.
  virtual void prepare(torch::ScalarType /*compute_type*/) {}

  /// Which stems the caller will use; what is given for the others is then undefined. Called before
  /// prepare().
  virtual void keep_stems(const std::vector<bool>& /*used*/) {}
};

/// A float32 tensor that is not filled yet: the value of a parameter before the file's.
[[nodiscard]] inline torch::Tensor unset(std::initializer_list<std::int64_t> shape) {
  return torch::empty(torch::IntArrayRef(shape.begin(), shape.size()));
}

/// Gives the memory of the parameters back, where prepare() has made others of them.
inline void release_parameters(torch::nn::Module& module) {
  for (torch::Tensor& parameter : module.parameters()) parameter.set_data(torch::empty({0}));
}

}  // namespace svsep
