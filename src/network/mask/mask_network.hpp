#pragma once

#include "svsep/model_file.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// How windows lie over a song.
struct Windows {
  std::int64_t frames = 0;  ///< of each
  std::int64_t hop = 0;     ///< frames from one to the next
  std::int64_t kept = 0;    ///< middle frames of each that count, a multiple of the hop

  /// Frames of a window before those that are kept; as many or one less come after them.
  [[nodiscard]] std::int64_t before_kept() const { return (frames - kept + 1) / 2; }
  /// Windows that a frame is kept of.
  [[nodiscard]] std::int64_t overlap() const { return kept / hop; }
  /// For fewer frames than a window keeps: one window that keeps just these.
  [[nodiscard]] Windows cut_to(std::int64_t answered) const {
    return answered < hop ? Windows{frames - kept + answered, answered, answered} : *this;
  }
};

/// A network that a model file can hold.
class MaskNetwork : public torch::nn::Module {
 public:
  /// [windows, frames, bins] of transformed input, or [windows, planes, frames, bins] where the network sees
  /// several planes (MaskEstimator::input_planes) -> logits [windows, frames, bins]; the vocal mask is their
  /// sigmoid.
  virtual torch::Tensor forward(const torch::Tensor& windows) = 0;

  /// The logits of all whole windows in a stretch of a song: [frames, bins] or [planes, frames, bins] ->
  /// [count, kept, bins], where frames = (count - 1) * hop + windows.frames.
  virtual torch::Tensor slide(const torch::Tensor& stretch, const Windows& windows);

  /// The vocal masks of a stretch of a song, each the mean of those of the windows that keep its frame:
  /// as slide() -> [(count - overlap + 1) * hop, bins]. `output_bias` [bins], where defined, is added to the
  /// logits.
  [[nodiscard]] torch::Tensor masks(const torch::Tensor& stretch, const Windows& windows,
                                    const torch::Tensor& output_bias = {});

  /// Called once before evaluation, when the parameters have their device and type: packs weights.
  virtual void prepare() {}

  /// What a model file holds of the network.
  [[nodiscard]] virtual std::vector<NamedTensor> stored_tensors() const;

  /// Takes over the weights of a file of the same architecture and sizes, to be trained further. The next
  /// forward(), of a typical batch, completes that. Throws Error(model) where a tensor is missing or
  /// misshapen.
  virtual void adopt(const ModelFile& file);
};

/// [frames, bins] or [planes, frames, bins] -> its whole windows, as MaskNetwork::forward takes them. A view.
[[nodiscard]] torch::Tensor windows_of(const torch::Tensor& stretch, const Windows& windows);

/// Throws Error(model) unless the file states this architecture.
void check_architecture(const ModelFile& file, const std::string& expected);

/// The file's size `name`. Throws Error(model) where it does not have `count` values.
[[nodiscard]] std::vector<std::int64_t> read_size(const ModelFile& file, const std::string& name,
                                                  std::size_t count);

/// The file's size `name`, a list of 1 to `most` values. Throws Error(model) where it is not.
[[nodiscard]] std::vector<std::int64_t> read_size_list(const ModelFile& file, const std::string& name,
                                                       std::size_t most);

/// Throws Error(model) unless the file holds that many parameters: before a network of the sizes that it
/// states is allocated, it must be large enough to fill it.
void check_parameter_count(const ModelFile& file, std::int64_t expected);

/// A tensor as a model file takes it: float32 on the CPU.
[[nodiscard]] NamedTensor named_tensor(const std::string& name, const torch::Tensor& tensor);

/// The module's parameters under their torch names, e.g. "conv1.weight", as float32 on the CPU.
[[nodiscard]] std::vector<NamedTensor> named_tensors(const torch::nn::Module& module);

/// The file's tensor "output.bias", [bins]; undefined where it has none. Throws Error(model).
[[nodiscard]] torch::Tensor load_output_bias(const ModelFile& file);

/// Fills the module's parameters from the file. Throws Error(model) where one is missing or misshapen.
void load_parameters(torch::nn::Module& module, const ModelFile& file);

}  // namespace svsep
