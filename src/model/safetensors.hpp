#pragma once

#include "svsep/model_file.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace svsep {

/// The container of model files: safetensors, of float16 and float32 tensors that fill the data without
/// holes.

/// Bytes per value.
[[nodiscard]] inline std::uint64_t width(TensorType type) { return type == TensorType::float16 ? 2 : 4; }

/// One tensor of a file.
struct TensorEntry {
  TensorType type = TensorType::float32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  ///< bytes from the start of the data
  std::uint64_t count = 0;  ///< values

  [[nodiscard]] std::uint64_t end() const { return begin + count * width(type); }
};

struct Safetensors {
  std::map<std::string, std::string> metadata;
  std::map<std::string, TensorEntry> entries;
  std::string_view data;
};

/// Reads the header of the file's bytes, and trusts nothing in it. Throws Error(model), which names `path`.
[[nodiscard]] Safetensors read_safetensors(const std::filesystem::path& path, std::string_view bytes);

/// What comes before the tensors' values: the length of the header, and the header.
[[nodiscard]] std::string safetensors_header(const std::map<std::string, std::string>& metadata,
                                             std::span<const TensorStream> tensors);

/// "float16" or "float32".
[[nodiscard]] inline std::string_view type_name(TensorType type) {
  return type == TensorType::float16 ? "float16" : "float32";
}

/// The values in a tensor of this shape.
[[nodiscard]] std::uint64_t count_of(std::span<const std::int64_t> shape);

/// Throws Error(model) "cannot use model: <path>: <reason>".
[[noreturn]] void refuse_model(const std::filesystem::path& path, const std::string& reason);

/// Text from a file, fit for one line of an error.
[[nodiscard]] std::string shown(std::string_view text);
[[nodiscard]] std::string shown(std::span<const std::int64_t> shape);

}  // namespace svsep
