#include "svsep/model_file.hpp"

#include "core/atomic_file.hpp"
#include "core/mapped_file.hpp"
#include "model/half.hpp"
#include "model/model_info.hpp"
#include "model/safetensors.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <set>
#include <string_view>
#include <utility>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPieceValues = 1 << 20;          ///< of a tensor that is written
constexpr std::string_view kInputPrefix = "input.";    ///< tensors that the network did not learn
constexpr std::string_view kOutputPrefix = "output.";  ///< and these

/// The values as the file stores them, once it is sure that the loader will take them.
std::string bytes_of(std::span<const float> values, TensorType type) {
  std::string bytes(values.size() * width(type), '\0');
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float value = values[i];
    const std::uint16_t half = float_to_half(value);
    if (!std::isfinite(value) || (type == TensorType::float16 && (half & 0x7C00U) == 0x7C00U)) {
      throw Error(ErrorKind::output, fmt::format("value {} does not fit {}", value, type_name(type)));
    }
    const void* const source = type == TensorType::float16 ? static_cast<const void*>(&half) : &value;
    std::memcpy(bytes.data() + i * width(type), source, width(type));
  }
  return bytes;
}

void write_values(std::ofstream& file, const TensorStream& tensor) {
  const std::uint64_t count = count_of(tensor.shape);
  std::vector<float> piece(std::min<std::uint64_t>(count, kPieceValues));
  for (std::uint64_t first = 0; first < count; first += piece.size()) {
    piece.resize(std::min<std::uint64_t>(piece.size(), count - first));
    tensor.read(static_cast<std::int64_t>(first), piece);
    const std::string bytes = bytes_of(piece, tensor.type);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
}

}  // namespace

struct ModelFile::Impl {
  explicit Impl(const fs::path& file_path) : path(file_path), mapping(file_path, ErrorKind::model, "model") {
    content = read_safetensors(path, mapping.bytes());
    info = model_info_of(path, content.metadata);
  }

  fs::path path;
  MappedFile mapping;
  ModelInfo info;
  Safetensors content;
};

ModelFile::ModelFile(const fs::path& path) : impl_(std::make_unique<Impl>(path)) {}
ModelFile::~ModelFile() = default;
ModelFile::ModelFile(ModelFile&&) noexcept = default;
ModelFile& ModelFile::operator=(ModelFile&&) noexcept = default;

const fs::path& ModelFile::path() const noexcept { return impl_->path; }
const ModelInfo& ModelFile::info() const noexcept { return impl_->info; }

std::vector<std::string> ModelFile::tensor_names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : impl_->content.entries) names.push_back(name);
  return names;
}

std::int64_t ModelFile::parameter_count() const {
  std::uint64_t count = 0;
  for (const auto& [name, entry] : impl_->content.entries) {
    if (!name.starts_with(kInputPrefix) && !name.starts_with(kOutputPrefix)) count += entry.count;
  }
  return static_cast<std::int64_t>(count);
}

std::string ModelFile::tensor_types() const {
  std::set<std::string_view> types;
  for (const auto& [name, entry] : impl_->content.entries) types.insert(type_name(entry.type));
  return fmt::format("{}", fmt::join(types, " and "));
}

std::vector<float> ModelFile::values(const std::string& name, std::span<const std::int64_t> shape) const {
  const auto fail = [&](const std::string& reason) { refuse_model(impl_->path, "tensor " + name + reason); };
  const auto found = impl_->content.entries.find(name);
  if (found == impl_->content.entries.end()) fail(" is missing");
  const TensorEntry& entry = found->second;
  if (!std::equal(shape.begin(), shape.end(), entry.shape.begin(), entry.shape.end())) {
    fail(": shape; expected " + shown(shape) + ", got " + shown(entry.shape));
  }
  std::vector<float> values(entry.count);
  const char* const source = impl_->content.data.data() + entry.begin;
  if (entry.type == TensorType::float32) {
    std::memcpy(values.data(), source, 4 * values.size());
  } else {
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::uint16_t half = 0;
      std::memcpy(&half, source + 2 * i, 2);
      values[i] = half_to_float(half);
    }
  }
  if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) {
    fail(": holds a value that is not finite");
  }
  impl_->mapping.forget();  // the copy is enough
  return values;
}

void write_model_file(const fs::path& path, const ModelInfo& info, std::span<const TensorStream> tensors) {
  AtomicFile output(path);
  const auto fail = [&](const std::string& reason) {
    throw Error(ErrorKind::output, fmt::format("cannot write model: {}: {}", path.string(), reason));
  };
  std::ofstream file(output.temporary_path(), std::ios::binary);
  const std::string header = safetensors_header(metadata_of(info), tensors);
  file.write(header.data(), static_cast<std::streamsize>(header.size()));
  for (const TensorStream& tensor : tensors) {
    if (!file) break;
    try {
      write_values(file, tensor);
    } catch (const Error& error) {
      fail(fmt::format("tensor {}: {}", tensor.name, error.what()));
    }
  }
  errno = 0;
  file.close();
  if (!file) fail(errno != 0 ? std::strerror(errno) : "not all of it could be written");
  output.commit();
}

void write_model_file(const fs::path& path, const ModelInfo& info, const std::vector<NamedTensor>& tensors,
                      TensorType type) {
  std::vector<TensorStream> streams;
  for (const NamedTensor& tensor : tensors) {
    if (const std::uint64_t count = count_of(tensor.shape); count != tensor.values.size()) {
      throw Error(ErrorKind::output,
                  fmt::format("cannot write model: {}: tensor {}: expected {} values for {}, got {}",
                              path.string(), tensor.name, count, shown(tensor.shape), tensor.values.size()));
    }
    const auto read = [&tensor](std::int64_t first, std::span<float> values) {
      std::copy_n(tensor.values.begin() + first, values.size(), values.begin());
    };
    streams.push_back({tensor.name, tensor.shape, type, read});
  }
  write_model_file(path, info, streams);
}

}  // namespace svsep
