#pragma once

#include "import/value_tree.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace svsep {

constexpr std::size_t kMaxForeignDimensions = 8;
constexpr std::size_t kMaxForeignTensors =
    200'000;  ///< the largest published checkpoints have some thousands

class MappedFile;

/// How a foreign file stores one value of a tensor.
enum class ForeignType { float16, bfloat16, float32, float64, uint8, int8, int16, int32, int64, boolean };

/// Bytes of one value.
[[nodiscard]] std::size_t width(ForeignType type) noexcept;

/// A tensor of a foreign file: a view of bytes that its Checkpoint keeps mapped. The readers have checked
/// that every value lies inside them.
struct ForeignTensor {
  std::vector<std::int64_t> shape;    ///< 0 to 8 sizes, each at least 1; none: a single number
  std::vector<std::int64_t> strides;  ///< values from one index to the next, at least 0, one for each size
  ForeignType type = ForeignType::float32;
  std::string_view bytes;  ///< from the first value on, little-endian; not aligned

  [[nodiscard]] std::int64_t count() const noexcept;
  /// Row-major without holes.
  [[nodiscard]] bool is_contiguous() const noexcept;
  /// The same values with axis k being the old axis `axes[k]`; `axes` names every axis once.
  [[nodiscard]] ForeignTensor permuted(std::span<const std::size_t> axes) const;
  /// Row-major values from `first` on, converted to float (exact but for float64 and large integers).
  void read(std::int64_t first, std::span<float> values) const;
};

/// What a weight file of another program holds. No class named in it was created and none of its code ran.
struct Checkpoint {
  std::filesystem::path path;
  /// By the published name: what lay below "state", "state_dict" or "model", without a "module." or "model."
  /// before every name.
  std::map<std::string, ForeignTensor> tensors;
  /// What lies beside the tensors, e.g. HT-Demucs' package: "klass" (opaque), "args", "kwargs.channels",
  /// "kwargs.sources". Empty for files that hold tensors only. Tensors in it are opaque.
  ValueTree package;
  /// Keep the tensors' bytes: the file, and what could not be mapped as it is.
  std::shared_ptr<const MappedFile> file;
  std::vector<std::shared_ptr<const void>> memory;

  /// The tensor. Throws Error(model) that names file and tensor where it is missing.
  [[nodiscard]] const ForeignTensor& tensor(const std::string& name) const;
  /// The sizes of the tensor, of which it must have so many. Throws Error(model).
  [[nodiscard]] const std::vector<std::int64_t>& shape(const std::string& name, std::size_t dimensions) const;
  [[nodiscard]] bool has(const std::string& name) const { return tensors.contains(name); }
  /// Number of consecutive k from 0 for which some tensor's name starts with `prefix` + k + ".": the length
  /// of a torch ModuleList or Sequential, "layers." for "layers.0.0.norm.gamma".
  [[nodiscard]] std::int64_t list_length(std::string_view prefix) const;
  /// Throws Error(model): "<path>: <reason>".
  [[noreturn]] void fail(const std::string& reason) const;
};

/// Opens a PyTorch checkpoint (zip or older format), a .safetensors or a Keras .h5 file, by its first bytes.
/// Files are mapped, not read: several GB cost little memory. Throws Error: input (no such file), model
/// (anything wrong with it).
[[nodiscard]] Checkpoint open_checkpoint(const std::filesystem::path& path);

/// A YAML configuration as published projects have them: tags such as !!python/tuple are ignored, anchors and
/// aliases are refused. Throws Error: input (no such file), model.
[[nodiscard]] ValueTree read_yaml(const std::filesystem::path& path);

}  // namespace svsep
