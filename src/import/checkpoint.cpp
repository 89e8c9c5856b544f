#include "import/checkpoint.hpp"

#include "core/mapped_file.hpp"
#include "import/readers.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <utility>

namespace svsep {
namespace {

/// Removes a prefix that all names have.
void strip(std::map<std::string, ForeignTensor>& tensors, std::string_view prefix) {
  const auto has_prefix = [&](const auto& entry) { return entry.first.starts_with(prefix); };
  if (!std::all_of(tensors.begin(), tensors.end(), has_prefix)) return;
  std::map<std::string, ForeignTensor> stripped;
  for (auto& [name, tensor] : tensors) stripped.emplace(name.substr(prefix.size()), std::move(tensor));
  tensors = std::move(stripped);
}

}  // namespace

void Checkpoint::fail(const std::string& reason) const {
  throw Error(ErrorKind::model, fmt::format("cannot import: {}: {}", path.string(), reason));
}

const ForeignTensor& Checkpoint::tensor(const std::string& name) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) fail("tensor " + name + " is missing");
  return found->second;
}

const std::vector<std::int64_t>& Checkpoint::shape(const std::string& name, std::size_t dimensions) const {
  const std::vector<std::int64_t>& shape = tensor(name).shape;
  if (shape.size() != dimensions) {
    fail(
        fmt::format("tensor {}: expected {} dimensions, got [{}]", name, dimensions, fmt::join(shape, ", ")));
  }
  return shape;
}

std::int64_t Checkpoint::list_length(std::string_view prefix) const {
  const auto has = [&](std::int64_t index) {
    const std::string start = fmt::format("{}{}.", prefix, index);
    const auto found = tensors.lower_bound(start);
    return found != tensors.end() && found->first.starts_with(start);
  };
  std::int64_t length = 0;
  while (has(length)) ++length;
  return length;
}

Checkpoint open_checkpoint(const std::filesystem::path& path) {
  Checkpoint checkpoint;
  checkpoint.path = path;
  checkpoint.file = std::make_shared<const MappedFile>(path, ErrorKind::input, "weight file");
  const MappedFile& file = *checkpoint.file;
  const std::string_view bytes = file.bytes();
  if (is_torch_zip(bytes)) {
    read_torch_zip(file, checkpoint);
  } else if (is_torch_legacy(bytes)) {
    read_torch_legacy(file, checkpoint);
  } else if (is_hdf5(bytes)) {
    read_keras_hdf5(file, checkpoint);
  } else if (is_safetensors(bytes)) {
    read_safetensors(file, checkpoint);
  } else {
    checkpoint.fail(
        "is no weight file that svsep knows; expected a PyTorch checkpoint, .safetensors or Keras .h5");
  }
  if (checkpoint.tensors.empty()) checkpoint.fail("holds no tensor");
  strip(checkpoint.tensors, "module.");
  strip(checkpoint.tensors, "model.");
  return checkpoint;
}

}  // namespace svsep
