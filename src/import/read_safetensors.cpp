#include "import/readers.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>

namespace svsep {
namespace {

using nlohmann::json;

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeaderBytes = 16 << 20;
constexpr int kMaxDepth = 2;

std::optional<ForeignType> type_of(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, ForeignType>, 10> kTypes = {
      {{"F16", ForeignType::float16},
       {"BF16", ForeignType::bfloat16},
       {"F32", ForeignType::float32},
       {"F64", ForeignType::float64},
       {"U8", ForeignType::uint8},
       {"I8", ForeignType::int8},
       {"I16", ForeignType::int16},
       {"I32", ForeignType::int32},
       {"I64", ForeignType::int64},
       {"BOOL", ForeignType::boolean}}};
  for (const auto& [known, type] : kTypes) {
    if (known == name) return type;
  }
  return {};
}

json parse(std::string_view text, const Checkpoint& checkpoint) {
  const auto check = [&](int depth, json::parse_event_t event, json&) {
    const bool opens =
        event == json::parse_event_t::object_start || event == json::parse_event_t::array_start;
    if (opens && depth > kMaxDepth) checkpoint.fail("safetensors header: nested too deeply");
    return true;
  };
  try {
    json header = json::parse(text, check);
    if (header.is_object()) return header;
  } catch (const json::exception&) {
  }
  checkpoint.fail("safetensors header: not a JSON object");
}

/// Row-major strides.
std::vector<std::int64_t> strides_of(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t axis = shape.size(); axis-- > 0; stride *= shape[axis]) strides[axis] = stride;
  return strides;
}

/// The entry's tensor; nothing where it has no value.
std::optional<ForeignTensor> tensor_of(const std::string& name, const json& fields, std::string_view data,
                                       const Checkpoint& checkpoint) {
  const auto fail = [&](const std::string& reason) {
    checkpoint.fail("tensor " + name.substr(0, 60) + ": " + reason);
  };
  ForeignTensor tensor;
  std::array<std::uint64_t, 2> offsets = {};
  try {
    const auto type = type_of(fields.at("dtype").get_ref<const std::string&>());
    if (!type) fail("is of a type that is not known: " + fields.at("dtype").dump());
    tensor.type = *type;
    offsets = fields.at("data_offsets").get<std::array<std::uint64_t, 2>>();
    for (const json& size : fields.at("shape")) {
      const auto& number = size.get_ref<const json::number_unsigned_t&>();
      if (number > data.size() || tensor.shape.size() == kMaxForeignDimensions) fail("shape");
      tensor.shape.push_back(static_cast<std::int64_t>(number));
    }
  } catch (const json::exception&) {
    fail("expected dtype, shape and data_offsets");
  }
  if (offsets[0] > offsets[1] || offsets[1] > data.size()) fail("lies outside the file");
  tensor.bytes = data.substr(offsets[0], offsets[1] - offsets[0]);
  if (std::find(tensor.shape.begin(), tensor.shape.end(), 0) != tensor.shape.end()) return {};
  std::uint64_t bytes = width(tensor.type);
  for (const std::int64_t size : tensor.shape) {
    if (static_cast<std::uint64_t>(size) > tensor.bytes.size() / bytes)
      fail("has fewer bytes than its shape asks for");
    bytes *= static_cast<std::uint64_t>(size);
  }
  if (bytes != tensor.bytes.size()) {
    fail(fmt::format("data; expected {} bytes, got {}", bytes, tensor.bytes.size()));
  }
  tensor.strides = strides_of(tensor.shape);
  return tensor;
}

}  // namespace

bool is_safetensors(std::string_view bytes) {
  std::uint64_t length = 0;
  if (bytes.size() < kLengthBytes + 2) return false;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  return length <= bytes.size() - kLengthBytes && bytes[kLengthBytes] == '{';
}

void read_safetensors(const MappedFile& file, Checkpoint& checkpoint) {
  const std::string_view bytes = file.bytes();
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  if (length > kMaxHeaderBytes) {
    checkpoint.fail(
        fmt::format("safetensors header: expected at most {} bytes, got {}", kMaxHeaderBytes, length));
  }
  const json header = parse(bytes.substr(kLengthBytes, length), checkpoint);
  for (const auto& [name, fields] : header.items()) {
    if (name == "__metadata__") continue;
    auto tensor = tensor_of(name, fields, bytes.substr(kLengthBytes + length), checkpoint);
    if (tensor) checkpoint.tensors.emplace(name, std::move(*tensor));
    if (checkpoint.tensors.size() > kMaxForeignTensors) {
      checkpoint.fail(fmt::format("more than {} tensors", kMaxForeignTensors));
    }
  }
}

}  // namespace svsep
