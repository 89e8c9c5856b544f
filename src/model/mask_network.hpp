#pragma once

#include "svsep/model/model_file.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// A network that a model file can hold.
class MaskNetwork : public torch::nn::Module {
 public:
  /// [windows, frames, bins] of transformed input, or [windows, planes, frames, bins] where the network sees
  /// several planes (MaskEstimator::input_planes) -> logits [windows, frames, bins]; the vocal mask is their
  /// sigmoid.
  virtual torch::Tensor forward(const torch::Tensor& windows) = 0;

  /// The logits of a stretch of a song: of every window of `window_frames` frames, each `kept_frames` after
  /// the one before, the `kept_frames` middle frames. [frames, bins] or
  /// [planes, frames, bins] -> [windows * kept_frames, bins], where
  /// frames = (windows - 1) * kept_frames + window_frames.
  virtual torch::Tensor slide(const torch::Tensor& frames, std::int64_t window_frames,
                              std::int64_t kept_frames);

  /// What a model file holds of the network.
  [[nodiscard]] virtual std::vector<NamedTensor> stored_tensors() const;
};

/// Frames of a window before those it is kept for; as many or one less come after them.
[[nodiscard]] std::int64_t frames_before_kept(std::int64_t window_frames, std::int64_t kept_frames);

/// Throws Error(model) unless the file states this architecture.
void check_architecture(const ModelFile& file, const std::string& expected);

/// The file's size `name`. Throws Error(model) where it does not have `count` values.
[[nodiscard]] std::vector<std::int64_t> read_size(const ModelFile& file, const std::string& name,
                                                  std::size_t count);

/// Throws Error(model) unless the file holds that many parameters: before a network of the sizes that it
/// states is allocated, it must be large enough to fill it.
void check_parameter_count(const ModelFile& file, std::int64_t expected);

/// A tensor as a model file takes it: float32 on the CPU.
[[nodiscard]] NamedTensor named_tensor(const std::string& name, const torch::Tensor& tensor);

/// The module's parameters under their torch names, e.g. "conv1.weight", as float32 on the CPU.
[[nodiscard]] std::vector<NamedTensor> named_tensors(const torch::nn::Module& module);

/// Fills the module's parameters from the file. Throws Error(model) where one is missing or misshapen.
void load_parameters(torch::nn::Module& module, const ModelFile& file);

}  // namespace svsep
