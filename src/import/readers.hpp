#pragma once

#include "core/mapped_file.hpp"
#include "import/checkpoint.hpp"

#include <string_view>

namespace svsep {

// Which format the first bytes state.
[[nodiscard]] bool is_torch_zip(std::string_view bytes);
[[nodiscard]] bool is_torch_legacy(std::string_view bytes);
[[nodiscard]] bool is_safetensors(std::string_view bytes);
[[nodiscard]] bool is_hdf5(std::string_view bytes);

// The readers. Each fills in the tensors and the package of a checkpoint whose path is set, and may add to
// its memory. They throw Error(model) "<path>: <reason>".

/// The zip format of torch.save since 1.6.
void read_torch_zip(const MappedFile& file, Checkpoint& checkpoint);
/// The format before: four pickles, a list of keys, and the storages one after the other.
void read_torch_legacy(const MappedFile& file, Checkpoint& checkpoint);
void read_safetensors(const MappedFile& file, Checkpoint& checkpoint);
/// Keras weights: tensors by the datasets' paths below "model_weights" or the root
/// ("conv2d/conv2d/kernel:0"), and in the package "layers.K.name" and "layers.K.weights" in the file's order.
void read_keras_hdf5(const MappedFile& file, Checkpoint& checkpoint);

}  // namespace svsep
