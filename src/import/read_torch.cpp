#include "import/pickle.hpp"
#include "import/readers.hpp"
#include "import/zip.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>
#include <functional>

namespace svsep {
namespace {

constexpr std::string_view kZipStart("PK\3\4", 4);
/// Protocol 2, then the number 0x1950a86a20f9469cfc6c.
constexpr std::string_view kLegacyStart("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 14);
constexpr std::string_view kPickleName = "/data.pkl";
constexpr int kMaxNesting = 3;  ///< of the dictionaries around a state dict

using Dictionary = PickleNode::Dictionary;
/// The bytes of a storage; shorter ones than it states where the file is not complete.
using FindStorage = std::function<std::string_view(const PickledStorage&)>;

bool holds_tensors(const Dictionary& dictionary) {
  const auto is_tensor = [](const auto& entry) {
    return std::holds_alternative<PickledTensor>(entry.second->value);
  };
  return std::any_of(dictionary.entries.begin(), dictionary.entries.end(), is_tensor);
}

/// The dictionary of tensors by name: this one, or one below a key that projects use.
const Dictionary* find_state(const PickleNode& node, int nesting) {
  const auto* const dictionary = std::get_if<Dictionary>(&node.value);
  if (dictionary == nullptr || nesting > kMaxNesting) return nullptr;
  if (holds_tensors(*dictionary)) return dictionary;
  for (const std::string_view key : {"state_dict", "state", "model_state_dict", "model"}) {
    const PickleNode* const below = find_entry(*dictionary, key);
    const Dictionary* const found = below == nullptr ? nullptr : find_state(*below, nesting + 1);
    if (found != nullptr) return found;
  }
  return nullptr;
}

/// The tensor as a view of the file. Throws unless all of it lies inside its storage.
ForeignTensor view(const std::string& name, const PickledTensor& tensor, std::string_view storage,
                   const Checkpoint& checkpoint) {
  const auto fail = [&](const std::string& reason) { checkpoint.fail("tensor " + name + ": " + reason); };
  const auto count = tensor.storage.count;
  const std::size_t step = width(tensor.storage.type);
  if (storage.size() / step < static_cast<std::uint64_t>(count)) {
    fail(fmt::format("storage {}: expected {} bytes, got {}", tensor.storage.key.substr(0, 60),
                     static_cast<std::uint64_t>(count) * step, storage.size()));
  }
  std::int64_t last = tensor.offset;
  std::int64_t values = 1;
  for (std::size_t axis = 0; axis < tensor.shape.size(); ++axis) {
    const std::int64_t size = tensor.shape[axis];
    const std::int64_t stride = tensor.strides[axis];
    if (size > count / values || (stride > 0 && size - 1 > (count - 1 - last) / stride)) {
      fail(fmt::format("is larger than its storage of {} values", count));
    }
    last += (size - 1) * stride;
    values *= size;
  }
  if (last >= count) fail(fmt::format("is larger than its storage of {} values", count));
  const auto begin = static_cast<std::size_t>(tensor.offset) * step;
  return {tensor.shape, tensor.strides, tensor.storage.type,
          storage.substr(begin, static_cast<std::size_t>(count) * step - begin)};
}

void add_tensors(const Dictionary& state, const FindStorage& find_storage, Checkpoint& checkpoint) {
  for (const auto& [key, value] : state.entries) {
    const auto* const name = std::get_if<std::string_view>(&key->value);
    const auto* const tensor = std::get_if<PickledTensor>(&value->value);
    if (name == nullptr || tensor == nullptr) continue;
    if (std::find(tensor->shape.begin(), tensor->shape.end(), 0) != tensor->shape.end())
      continue;  // no value
    if (checkpoint.tensors.size() >= kMaxForeignTensors) {
      checkpoint.fail(fmt::format("more than {} tensors", kMaxForeignTensors));
    }
    std::string text(*name);
    ForeignTensor foreign = view(text.substr(0, 60), *tensor, find_storage(tensor->storage), checkpoint);
    checkpoint.tensors.insert_or_assign(std::move(text), std::move(foreign));
  }
}

/// What lies beside the tensors.
PlainValue package_of(const Pickle& pickle, const Dictionary& state) {
  const auto* const root = std::get_if<Dictionary>(&pickle.root().value);
  PlainValue::Dictionary package;
  for (std::size_t i = 0; root != nullptr && root != &state && i < root->entries.size(); ++i) {
    const auto& [key, value] = root->entries[i];
    const auto* const name = std::get_if<std::string_view>(&key->value);
    // Only what describes a network: an optimizer's state has more values than all the rest.
    const bool describes = name != nullptr && (*name == "klass" || *name == "args" || *name == "kwargs");
    if (describes) package.emplace_back(*name, pickle.plain(*value));
  }
  return {std::move(package)};
}

void fill(const Pickle& pickle, const FindStorage& find_storage, Checkpoint& checkpoint) {
  const Dictionary* const state = find_state(pickle.root(), 0);
  if (state == nullptr) {
    checkpoint.fail(
        "holds no tensors by name; expected a state dict, bare or below state, state_dict or model");
  }
  add_tensors(*state, find_storage, checkpoint);
  checkpoint.package = ValueTree(checkpoint.path.string(), package_of(pickle, *state));
}

/// What errors of the archive and the pickle start with.
std::string origin_of(const Checkpoint& checkpoint) { return "cannot import: " + checkpoint.path.string(); }

}  // namespace

bool is_torch_zip(std::string_view bytes) { return bytes.starts_with(kZipStart); }
bool is_torch_legacy(std::string_view bytes) { return bytes.starts_with(kLegacyStart); }

void read_torch_zip(const MappedFile& file, Checkpoint& checkpoint) {
  const std::string origin = origin_of(checkpoint);
  const auto entries = zip_entries(file.bytes(), origin);
  const auto is_pickle = [](const auto& entry) { return entry.first.ends_with(kPickleName); };
  const auto data = std::find_if(entries.begin(), entries.end(), is_pickle);
  if (data == entries.end()) checkpoint.fail("zip archive: no data.pkl; not a PyTorch checkpoint");
  const std::string folder = data->first.substr(0, data->first.size() - kPickleName.size());
  const auto order = entries.find(folder + "/byteorder");
  if (order != entries.end() && order->second != "little") checkpoint.fail("is not little-endian");
  const auto find_storage = [&](const PickledStorage& storage) {
    const auto found = entries.find(fmt::format("{}/data/{}", folder, storage.key));
    return found == entries.end() ? std::string_view() : found->second;
  };
  fill(Pickle(data->second, origin), find_storage, checkpoint);
}

void read_torch_legacy(const MappedFile& file, Checkpoint& checkpoint) {
  std::string_view rest = file.bytes();
  const std::string origin = origin_of(checkpoint);
  for (int skipped = 0; skipped < 3; ++skipped) {  // magic number, protocol version, system information
    rest.remove_prefix(Pickle(rest, origin).length());
  }
  const Pickle pickle(rest, origin);
  rest.remove_prefix(pickle.length());
  const Pickle keys(rest, origin);
  rest.remove_prefix(keys.length());

  // The storages follow in the keys' order, each after its number of values; its type stands in the tensors'
  // pickle.
  std::map<std::string_view, ForeignType> types;
  pickle.for_each_storage([&](const PickledStorage& storage) { types.emplace(storage.key, storage.type); });
  std::map<std::string_view, std::string_view> storages;
  const auto* const list = std::get_if<PickleNode::List>(&keys.root().value);
  if (list == nullptr) checkpoint.fail("expected a list of storages after the pickle");
  for (const PickleNode* const item : list->items) {
    const auto* const key = std::get_if<std::string_view>(&item->value);
    const auto type = key == nullptr ? types.end() : types.find(*key);
    if (type == types.end()) checkpoint.fail("a storage that no tensor has");
    std::uint64_t count = 0;
    if (rest.size() < sizeof(count)) checkpoint.fail("ends too early");
    std::memcpy(&count, rest.data(), sizeof(count));
    rest.remove_prefix(sizeof(count));
    const std::size_t step = width(type->second);
    if (count > rest.size() / step) checkpoint.fail("ends too early");
    storages.emplace(*key, rest.substr(0, count * step));
    rest.remove_prefix(count * step);
  }
  const auto find_storage = [&](const PickledStorage& storage) {
    const auto found = storages.find(storage.key);
    return found == storages.end() ? std::string_view() : found->second;
  };
  fill(pickle, find_storage, checkpoint);
}

}  // namespace svsep
