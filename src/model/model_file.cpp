#include "svsep/model/model_file.hpp"

#include "svsep/core/atomic_file.hpp"
#include "svsep/core/error.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

static_assert(std::endian::native == std::endian::little, "safetensors is little-endian");

namespace svsep {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kFormatVersion = "1";
constexpr std::uint64_t kLengthBytes = 8;                   ///< of the number before the header
constexpr std::uint64_t kMaxHeaderBytes = 4 * 1024 * 1024;  ///< ours take a few thousand
constexpr int kMaxDepth = 2;                                ///< {name: {"shape": [...]}}
constexpr std::size_t kMaxDimensions = 8;
constexpr std::size_t kMaxSizes = 16;
constexpr std::size_t kMaxSizeValues = 64;
constexpr std::int64_t kMaxSize = 1 << 20;
constexpr std::string_view kSizePrefix = "size.";
constexpr std::string_view kInputPrefix = "input.";    ///< tensors that the network did not learn
constexpr std::string_view kOutputPrefix = "output.";  ///< and these

/// Text from the file, fit for one line of an error.
std::string shown(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  std::string line = "'";
  for (const char c : text.substr(0, kLongest)) line += c < ' ' || c > '~' ? '?' : c;
  return line + (text.size() > kLongest ? "...'" : "'");
}

std::string shown(std::span<const std::int64_t> shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

/// Exact.
float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16U;
  const std::uint32_t magnitude = static_cast<std::uint32_t>(half & 0x7FFFU) << 13U;
  if ((half & 0x7C00U) == 0x7C00U) return std::bit_cast<float>(sign | magnitude | 0x7F800000U);
  // The exponent's bias differs by 112; the product also normalises what is subnormal as a half.
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112F) |
                              sign);
}

/// Rounds to nearest even; what is beyond the largest half becomes infinite.
std::uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16U) & 0x8000U);
  std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude >= 0x47800000U) {  // 65536 and more
    magnitude = 0x7C00U;
  } else if (magnitude < 0x38800000U) {  // subnormal as a half: one step is a step of a float in 0.5..1
    magnitude = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5F) - 0x3F000000U;
  } else {
    magnitude = (magnitude - 0x38000000U + 0xFFFU + ((magnitude >> 13U) & 1U)) >> 13U;
  }
  return static_cast<std::uint16_t>(sign | magnitude);
}

/// A read-only mapping of a whole regular file.
class Mapping {
 public:
  explicit Mapping(const fs::path& path) {
    const auto fail = [&](const std::string& reason) {
      throw Error(ErrorKind::model, "cannot open model: " + path.string() + ": " + reason);
    };
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe must not block
    if (descriptor < 0) fail(std::strerror(errno));
    struct stat status = {};
    const bool regular = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    size_ = regular ? static_cast<std::size_t>(status.st_size) : 0;
    void* const address =
        size_ > 0 ? ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0) : MAP_FAILED;
    const int reason = errno;
    ::close(descriptor);
    if (!regular) fail("is not a regular file");
    if (size_ == 0) fail("is empty");
    if (address == MAP_FAILED) fail(std::strerror(reason));
    data_ = static_cast<const char*>(address);
  }
  ~Mapping() { ::munmap(const_cast<char*>(data_), size_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  [[nodiscard]] std::string_view bytes() const noexcept { return {data_, size_}; }

  /// Gives the memory behind the mapping back; what is read again comes from the file again.
  void forget() const noexcept { ::madvise(const_cast<char*>(data_), size_, MADV_DONTNEED); }

 private:
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

struct Entry {
  TensorType type = TensorType::float32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  ///< bytes from the start of the data
  std::uint64_t count = 0;  ///< values

  [[nodiscard]] std::uint64_t end() const { return begin + count * (type == TensorType::float16 ? 2 : 4); }
};

std::string_view type_name(TensorType type) { return type == TensorType::float16 ? "float16" : "float32"; }

/// Reads the header; every complaint names the file.
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

  [[nodiscard]] std::string_view data() const { return data_; }

  [[nodiscard]] ModelInfo info() const {
    if (const std::string version = text("format_version"); version != kFormatVersion) {
      fail(fmt::format("format_version; expected {}, got {}", kFormatVersion, shown(version)));
    }
    ModelInfo info;
    info.architecture = name("architecture");
    info.sizes = sizes();
    info.analysis.sample_rate_hz = number("sample_rate_hz", 1000, 768000);
    StftParameters& stft = info.analysis.stft;
    stft.fft_samples = number<std::size_t>("fft_samples", 1, 65536);
    stft.window_samples = number<std::size_t>("window_samples", 1, 65536);
    stft.hop_samples = number<std::size_t>("hop_samples", 1, 65536);
    try {
      validate(stft);
    } catch (const Error& error) {
      fail(error.what());
    }
    info.window_frames = number<std::size_t>("window_frames", 1, 1024);
    if (info.window_frames % 2 == 0) {
      fail(fmt::format("window_frames; expected an odd number, got {}", info.window_frames));
    }
    info.input_transform = choice("input_transform", {"magnitude", "log_level"}) == "magnitude"
                               ? InputTransform::magnitude
                               : InputTransform::log_level;
    info.level_radius_frames = number<std::size_t>("level_radius_frames", 0, 10000);
    info.log_floor = number("log_floor", 1e-9F, 1.0F);
    info.label = choice("label", {"accompaniment", "mixture", "ratio", "phase_sensitive", "waveform", "l1"});
    info.thresholds.vocals = number("vocals_threshold", 0.0F, 1.0F);
    info.thresholds.accompaniment = number("accompaniment_threshold", 0.0F, 1.0F);
    info.training = text("training");
    info.data = text("data");
    info.licence = text("licence");
    return info;
  }

  [[nodiscard]] std::map<std::string, Entry> entries() const {
    std::map<std::string, Entry> entries;
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

 private:
  [[noreturn]] void fail(const std::string& reason) const {
    throw Error(ErrorKind::model, "cannot use model: " + path_.string() + ": " + reason);
  }

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

  [[nodiscard]] const std::string& text(const std::string& key) const {
    const auto found = metadata_.find(key);
    if (found == metadata_.end()) fail("metadata: no " + key + "; not an svsep model");
    return found->second;
  }

  [[nodiscard]] const std::string& name(const std::string& key) const {
    const std::string& value = text(key);
    if (value.empty() ||
        !std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c <= '~'; })) {
      fail(key + "; expected a name, got " + shown(value));
    }
    return value;
  }

  [[nodiscard]] std::string choice(const std::string& key, const std::vector<std::string>& choices) const {
    const std::string& value = text(key);
    if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
      fail(fmt::format("{}; expected {}, got {}", key, fmt::join(choices, " or "), shown(value)));
    }
    return value;
  }

  template <typename T>
  [[nodiscard]] T parsed(const std::string& key, std::string_view value, T lowest, T highest) const {
    T result = {};
    const char* const end = value.data() + value.size();
    const auto [stopped, code] = std::from_chars(value.data(), end, result);
    if (code != std::errc() || stopped != end || !(result >= lowest && result <= highest)) {
      fail(fmt::format("{}; expected {} to {}, got {}", key, lowest, highest, shown(value)));
    }
    return result;
  }

  template <typename T>
  [[nodiscard]] T number(const std::string& key, T lowest, T highest) const {
    return parsed(key, text(key), lowest, highest);
  }

  [[nodiscard]] std::map<std::string, std::vector<std::int64_t>> sizes() const {
    std::map<std::string, std::vector<std::int64_t>> sizes;
    for (const auto& [key, value] : metadata_) {
      if (!key.starts_with(kSizePrefix)) continue;
      std::vector<std::int64_t>& values = sizes[key.substr(kSizePrefix.size())];
      for (std::size_t start = 0; start <= value.size();) {
        const std::size_t comma = std::min(value.find(',', start), value.size());
        values.push_back(parsed<std::int64_t>(
            shown(key), std::string_view(value).substr(start, comma - start), 1, kMaxSize));
        start = comma + 1;
        if (values.size() > kMaxSizeValues) fail(shown(key) + ": too many values");
      }
      if (sizes.size() > kMaxSizes) fail("metadata: too many sizes");
    }
    return sizes;
  }

  [[nodiscard]] Entry entry(const std::string& name, const json& fields) const {
    const std::string what = "tensor " + shown(name) + ": ";
    if (!fields.is_object()) fail(what + "not a JSON object");
    const auto type = fields.find("dtype");
    const auto shape = fields.find("shape");
    const auto offsets = fields.find("data_offsets");
    const bool complete = type != fields.end() && type->is_string() && shape != fields.end() &&
                          shape->is_array() && offsets != fields.end() && offsets->is_array();
    if (!complete || fields.size() != 3) fail(what + "expected dtype, shape and data_offsets");

    Entry entry;
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

json metadata_of(const ModelInfo& info) {
  json metadata = {
      {"format_version", kFormatVersion},
      {"architecture", info.architecture},
      {"sample_rate_hz", fmt::to_string(info.analysis.sample_rate_hz)},
      {"fft_samples", fmt::to_string(info.analysis.stft.fft_samples)},
      {"window_samples", fmt::to_string(info.analysis.stft.window_samples)},
      {"hop_samples", fmt::to_string(info.analysis.stft.hop_samples)},
      {"window_frames", fmt::to_string(info.window_frames)},
      {"input_transform", info.input_transform == InputTransform::magnitude ? "magnitude" : "log_level"},
      {"level_radius_frames", fmt::to_string(info.level_radius_frames)},
      {"log_floor", fmt::to_string(info.log_floor)},
      {"label", info.label},
      {"vocals_threshold", fmt::to_string(info.thresholds.vocals)},
      {"accompaniment_threshold", fmt::to_string(info.thresholds.accompaniment)},
      {"training", info.training},
      {"data", info.data},
      {"licence", info.licence},
  };
  for (const auto& [name, values] : info.sizes) {
    metadata[std::string(kSizePrefix) + name] = fmt::format("{}", fmt::join(values, ","));
  }
  return metadata;
}

/// The tensor as the file stores it, once it is sure that the loader will take it.
std::string bytes_of(const fs::path& path, const NamedTensor& tensor, TensorType type) {
  const auto fail = [&](const std::string& reason) {
    throw Error(ErrorKind::output,
                fmt::format("cannot write model: {}: tensor {}: {}", path.string(), tensor.name, reason));
  };
  std::uint64_t count = 1;
  for (const std::int64_t size : tensor.shape) count *= static_cast<std::uint64_t>(size);
  if (count != tensor.values.size()) {
    fail(fmt::format("expected {} values for {}, got {}", count, shown(tensor.shape), tensor.values.size()));
  }
  const std::size_t width = type == TensorType::float16 ? 2 : 4;
  std::string bytes(count * width, '\0');
  for (std::size_t i = 0; i < count; ++i) {
    const float value = tensor.values[i];
    const std::uint16_t half = float_to_half(value);
    if (!std::isfinite(value) || (type == TensorType::float16 && (half & 0x7C00U) == 0x7C00U)) {
      fail(fmt::format("value {} does not fit {}", value, type_name(type)));
    }
    const void* const source = type == TensorType::float16 ? static_cast<const void*>(&half) : &value;
    std::memcpy(bytes.data() + i * width, source, width);
  }
  return bytes;
}

}  // namespace

struct ModelFile::Impl {
  explicit Impl(const fs::path& file_path) : path(file_path), mapping(file_path) {
    const HeaderReader reader(path, mapping.bytes());
    info = reader.info();
    entries = reader.entries();
    data = reader.data();
  }

  fs::path path;
  Mapping mapping;
  ModelInfo info;
  std::map<std::string, Entry> entries;
  std::string_view data;
};

ModelFile::ModelFile(const fs::path& path) : impl_(std::make_unique<Impl>(path)) {}
ModelFile::~ModelFile() = default;
ModelFile::ModelFile(ModelFile&&) noexcept = default;
ModelFile& ModelFile::operator=(ModelFile&&) noexcept = default;

const fs::path& ModelFile::path() const noexcept { return impl_->path; }
const ModelInfo& ModelFile::info() const noexcept { return impl_->info; }

std::vector<std::string> ModelFile::tensor_names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : impl_->entries) names.push_back(name);
  return names;
}

std::int64_t ModelFile::parameter_count() const {
  std::uint64_t count = 0;
  for (const auto& [name, entry] : impl_->entries) {
    if (!name.starts_with(kInputPrefix) && !name.starts_with(kOutputPrefix)) count += entry.count;
  }
  return static_cast<std::int64_t>(count);
}

std::string ModelFile::tensor_types() const {
  std::set<std::string_view> types;
  for (const auto& [name, entry] : impl_->entries) types.insert(type_name(entry.type));
  return fmt::format("{}", fmt::join(types, " and "));
}

std::vector<float> ModelFile::values(const std::string& name, std::span<const std::int64_t> shape) const {
  const auto fail = [&](const std::string& reason) {
    throw Error(ErrorKind::model, "cannot use model: " + impl_->path.string() + ": tensor " + name + reason);
  };
  const auto found = impl_->entries.find(name);
  if (found == impl_->entries.end()) fail(" is missing");
  const Entry& entry = found->second;
  if (!std::equal(shape.begin(), shape.end(), entry.shape.begin(), entry.shape.end())) {
    fail(": shape; expected " + shown(shape) + ", got " + shown(entry.shape));
  }
  std::vector<float> values(entry.count);
  const char* const source = impl_->data.data() + entry.begin;
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

void write_model_file(const fs::path& path, const ModelInfo& info, const std::vector<NamedTensor>& tensors,
                      TensorType type) {
  json header = {{"__metadata__", metadata_of(info)}};
  std::string data;
  for (const NamedTensor& tensor : tensors) {
    const std::size_t begin = data.size();
    data += bytes_of(path, tensor, type);
    header[tensor.name] = {{"dtype", type == TensorType::float16 ? "F16" : "F32"},
                           {"shape", tensor.shape},
                           {"data_offsets", {begin, data.size()}}};
  }
  // Text that is not UTF-8 (a folder's name in `data`) is replaced; spaces align the data, as others write
  // it.
  std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
  text.append((kLengthBytes - text.size() % kLengthBytes) % kLengthBytes, ' ');
  const std::uint64_t length = text.size();
  std::string bytes(reinterpret_cast<const char*>(&length), kLengthBytes);
  write_file(path, bytes + text + data);
}

}  // namespace svsep
