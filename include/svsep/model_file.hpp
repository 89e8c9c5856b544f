#pragma once

#include "svsep/chunk_estimator.hpp"
#include "svsep/mask_estimator.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace svsep {

/// What a network sees instead of the bare magnitudes x.
enum class InputTransform {
  magnitude,  ///< x itself (the thesis)
  log_level,  ///< (log(x / level + log_floor) - mean) / deviation per bin, level = RMS magnitude of the
              ///< frames around
};

/// Everything a model file states besides its tensors: the safetensors `__metadata__`.
struct ModelInfo {
  std::string architecture = "thesis-cnn";  ///< a name that model/ knows
  /// The architecture's own sizes by name; at most 64, of 1 to 256 values in 0..1048576 (1..1048576 without
  /// chunks).
  std::map<std::string, std::vector<std::int64_t>> sizes = {{"convolution_channels", {32, 16, 64, 32}},
                                                            {"dense_units", {2048, 512}}};
  /// The architecture's own real numbers by name, finite; at most 64, of 1 to 256 values. With chunks only.
  std::map<std::string, std::vector<double>> numbers;
  /// Set for published networks, whose files state this (format 2) instead of all between here and
  /// `training`.
  std::optional<ChunkParameters> chunks;
  AnalysisParameters analysis;
  std::size_t window_frames = 9;  ///< frames of one network input
  InputTransform input_transform = InputTransform::log_level;
  std::size_t level_radius_frames = 258;  ///< log_level: frames on either side that the level is taken over
  float log_floor = 1e-3F;
  std::string label =
      "accompaniment";    ///< what the mask was trained towards, see docs/development/model-file.md
  Thresholds thresholds;  ///< those that suit this model
  std::string training;   ///< one line: recipe, steps, seed, scores
  std::string data;       ///< one line: what it was trained on
  std::string licence;    ///< SPDX name where there is one
};

enum class TensorType { float16, float32 };

/// One tensor to write; values in row-major order.
struct NamedTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

/// An open, memory-mapped model file (safetensors, see DESIGN of the format in docs). The constructor trusts
/// nothing: header length, JSON, names, types, shapes, offsets and the metadata's numbers are all checked
/// before anything is allocated. Movable; copies share nothing. Immutable afterwards, so any thread may read.
class ModelFile {
 public:
  /// Throws Error(model) naming the file, the field and both values.
  explicit ModelFile(const std::filesystem::path& path);
  ~ModelFile();
  ModelFile(ModelFile&&) noexcept;
  ModelFile& operator=(ModelFile&&) noexcept;

  [[nodiscard]] const std::filesystem::path& path() const noexcept;
  [[nodiscard]] const ModelInfo& info() const noexcept;
  [[nodiscard]] std::vector<std::string> tensor_names() const;
  /// Number of values in all tensors that the network learned (`input.*` and `output.*` aside).
  [[nodiscard]] std::int64_t parameter_count() const;
  /// Type of the file's tensors ("float16", "float32", or "float16 and float32").
  [[nodiscard]] std::string tensor_types() const;

  /// The tensor as float32, row-major. Throws Error(model) unless it exists with this shape and is finite.
  [[nodiscard]] std::vector<float> values(const std::string& name, std::span<const std::int64_t> shape) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// One tensor to write whose values are asked for piece by piece.
struct TensorStream {
  std::string name;
  std::vector<std::int64_t> shape;
  TensorType type = TensorType::float16;
  /// Fills `values` with the row-major values from `first` on; called once for every piece, in order.
  std::function<void(std::int64_t first, std::span<float> values)> read;
};

/// Writes a model file atomically, a piece of a tensor at a time: memory does not grow with the tensors.
/// float16 rounds to nearest even. Throws Error(output), also for a value that is not finite or beyond the
/// type's range.
void write_model_file(const std::filesystem::path& path, const ModelInfo& info,
                      std::span<const TensorStream> tensors);

/// Writes a model file atomically. float16 rounds to nearest even. Throws Error(output).
void write_model_file(const std::filesystem::path& path, const ModelInfo& info,
                      const std::vector<NamedTensor>& tensors, TensorType type);

}  // namespace svsep
