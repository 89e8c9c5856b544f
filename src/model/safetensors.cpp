#include "model/safetensors.hpp"

#include "svsep/error.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

static_assert(std::endian::native == std::endian::little, "safetensors is little-endian");

namespace svsep {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::uint64_t kLengthBytes = 8;                   ///< of the number before the header
constexpr std::uint64_t kMaxHeaderBytes = 4 * 1024 * 1024;  ///< ours take a few thousand
constexpr int kMaxDepth = 2;                                ///< {name: {"shape": [...]}}
constexpr std::size_t kMaxDimensions = 8;

/// Every complaint names the file.
class HeaderReader {
 public:
  HeaderReader(const fs::path& path, std::string_view bytes) : path_(path) {
    if (bytes.size() < kLengthBytes) fail("is no safetensors file: too short");
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), kLengthBytes);
    const std::uint64_t longest = std::min<std::uint64_t>(kMaxHeaderBytes, bytes.size() - kLengthBytes);
    if (length > longest) {
      fail(fmt::format("is no safetensors file: header length; expected at most {} bytes, got {}", longest,
                       length));
    }
    data_ = bytes.substr(kLengthBytes + length);
    parse(bytes.substr(kLengthBytes, length));
  }

  [[nodiscard]] Safetensors result() const { return {metadata_, entries(), data_}; }

 private:
  [[noreturn]] void fail(const std::string& reason) const { refuse_model(path_, reason); }

  void parse(std::string_view text) {
    std::vector<std::set<std::string>> keys(kMaxDepth + 1);  // of the objects that are open, by depth
    const auto check = [&](int depth, json::parse_event_t event, json& value) {
      using Event = json::parse_event_t;
      if (event == Event::object_start || event == Event::array_start) {
        if (depth > kMaxDepth) fail("header: nested too deeply");
        keys[static_cast<std::size_t>(depth)].clear();
      } else if (event == Event::key) {
        const auto& key = value.get_ref<const std::string&>();
        if (!keys[static_cast<std::size_t>(depth) - 1].insert(key).second) {
          fail("header: " + shown(key) + " occurs twice");
        }
      }
      return true;
    };
    try {
      header_ = json::parse(text, check);
    } catch (const json::parse_error& error) {
      fail(fmt::format("header: not valid JSON at byte {}", error.byte));
    } catch (const json::exception&) {
      fail("header: a number is out of range");
    }
    if (!header_.is_object()) fail("header: not a JSON object");
    const auto metadata = header_.find("__metadata__");
    if (metadata == header_.end() || !metadata->is_object())
      fail("header: no __metadata__; not an svsep model");
    for (const auto& [key, value] : metadata->items()) {
      if (!value.is_string()) fail("metadata " + shown(key) + ": not a string");
      metadata_[key] = value.get<std::string>();
    }
  }

  [[nodiscard]] std::map<std::string, TensorEntry> entries() const {
    std::map<std::string, TensorEntry> entries;
    for (const auto& [name, fields] : header_.items()) {
      if (name != "__metadata__") entries[name] = entry(name, fields);
    }
    if (entries.empty()) fail("holds no tensor");
    // The tensors fill the data one after the other, without overlap or hole.
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
    ranges.reserve(entries.size());
    for (const auto& [name, entry] : entries) ranges.emplace_back(entry.begin, entry.end());
    std::sort(ranges.begin(), ranges.end());
    std::uint64_t expected = 0;
    for (const auto& [begin, end] : ranges) {
      if (begin != expected) {
        fail(
            fmt::format("tensors overlap or leave a hole; expected one at byte {}, got {}", expected, begin));
      }
      expected = end;
    }
    if (expected != data_.size()) {
      fail(fmt::format("size of the tensors; expected {} bytes, got {}", expected, data_.size()));
    }
    return entries;
  }

  [[nodiscard]] TensorEntry entry(const std::string& name, const json& fields) const {
    const std::string what = "tensor " + shown(name) + ": ";
    if (!fields.is_object()) fail(what + "not a JSON object");
    const auto type = fields.find("dtype");
    const auto shape = fields.find("shape");
    const auto offsets = fields.find("data_offsets");
    const bool complete = type != fields.end() && type->is_string() && shape != fields.end() &&
                          shape->is_array() && offsets != fields.end() && offsets->is_array();
    if (!complete || fields.size() != 3) fail(what + "expected dtype, shape and data_offsets");

    TensorEntry entry;
    const auto& type_text = type->get_ref<const std::string&>();
    if (type_text != "F16" && type_text != "F32")
      fail(what + "dtype; expected F16 or F32, got " + shown(type_text));
    entry.type = type_text == "F16" ? TensorType::float16 : TensorType::float32;
    if (shape->size() > kMaxDimensions) fail(what + "too many dimensions");
    entry.count = 1;
    for (const json& size : *shape) {
      // More values than bytes cannot be, so the product stays far from its type's limit.
      const std::uint64_t most = data_.size() / entry.count;
      if (!size.is_number_unsigned() || size.get<std::uint64_t>() < 1 || size.get<std::uint64_t>() > most) {
        fail(what + fmt::format("shape; expected sizes from 1 to {}, got {}", most, shown(size.dump())));
      }
      entry.shape.push_back(size.get<std::int64_t>());
      entry.count *= size.get<std::uint64_t>();
    }
    const bool numbers =
        offsets->size() == 2 && (*offsets)[0].is_number_unsigned() && (*offsets)[1].is_number_unsigned();
    if (!numbers) fail(what + "data_offsets: not two numbers");
    entry.begin = (*offsets)[0].get<std::uint64_t>();
    const auto end = (*offsets)[1].get<std::uint64_t>();
    if (entry.begin > data_.size() || end > data_.size()) {
      fail(what +
           fmt::format("data_offsets; expected at most {}, got {} and {}", data_.size(), entry.begin, end));
    }
    if (end != entry.end()) {
      fail(what + fmt::format("end of the data; expected {} for shape {}, got {}", entry.end(),
                              shown(entry.shape), end));
    }
    return entry;
  }

  fs::path path_;
  std::string_view data_;
  json header_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace

Safetensors read_safetensors(const fs::path& path, std::string_view bytes) {
  return HeaderReader(path, bytes).result();
}

std::string safetensors_header(const std::map<std::string, std::string>& metadata,
                               std::span<const TensorStream> tensors) {
  json header = {{"__metadata__", metadata}};
  std::uint64_t begin = 0;
  for (const TensorStream& tensor : tensors) {
    const std::uint64_t end = begin + count_of(tensor.shape) * width(tensor.type);
    header[tensor.name] = {{"dtype", tensor.type == TensorType::float16 ? "F16" : "F32"},
                           {"shape", tensor.shape},
                           {"data_offsets", {begin, end}}};
    begin = end;
  }
  // Text that is not UTF-8 (a folder's name in `data`) is replaced; spaces align the data, as others write
  // it.
  std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
  text.append((kLengthBytes - text.size() % kLengthBytes) % kLengthBytes, ' ');
  const std::uint64_t length = text.size();
  return std::string(reinterpret_cast<const char*>(&length), kLengthBytes) + text;
}

std::uint64_t count_of(std::span<const std::int64_t> shape) {
  std::uint64_t count = 1;
  for (const std::int64_t size : shape) count *= static_cast<std::uint64_t>(size);
  return count;
}

void refuse_model(const fs::path& path, const std::string& reason) {
  throw Error(ErrorKind::model, "cannot use model: " + path.string() + ": " + reason);
}

std::string shown(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  std::string line = "'";
  for (const char c : text.substr(0, kLongest)) line += c < ' ' || c > '~' ? '?' : c;
  return line + (text.size() > kLongest ? "...'" : "'");
}

std::string shown(std::span<const std::int64_t> shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace svsep
