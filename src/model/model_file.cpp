#include "svsep/model_file.hpp"

#include "core/atomic_file.hpp"
#include "core/limits.hpp"
#include "core/mapped_file.hpp"
#include "model/half.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

static_assert(std::endian::native == std::endian::little, "safetensors is little-endian");

namespace svsep {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kMaskFormat = "1";   ///< networks that estimate a mask
constexpr std::string_view kChunkFormat = "2";  ///< published networks: chunks in, chunks of stems out
constexpr std::uint64_t kLengthBytes = 8;       ///< of the number before the header
constexpr std::uint64_t kMaxHeaderBytes = 4 * 1024 * 1024;  ///< ours take a few thousand
constexpr int kMaxDepth = 2;                                ///< {name: {"shape": [...]}}
constexpr std::size_t kMaxDimensions = 8;
constexpr std::size_t kMaxSizes = 64;
constexpr std::size_t kMaxSizeValues = 256;
constexpr std::int64_t kMaxSize = 1 << 20;
constexpr double kMaxNumber = 1e12;
constexpr std::size_t kMaxStems = 16;
constexpr std::size_t kMaxNetworks = 16;       ///< of a bag
constexpr std::size_t kMaxNameLength = 32;     ///< of a stem
constexpr std::size_t kPieceValues = 1 << 20;  ///< of a tensor that is written
constexpr std::string_view kSizePrefix = "size.";
constexpr std::string_view kNumberPrefix = "number.";
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

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(separator, start), text.size());
    parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

/// Stems become parts of file names: lower case, digits, and "-", "_" or a space inside.
bool is_stem_name(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= kMaxNameLength && plain(name.front()) && plain(name.back()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return plain(c) || c == '-' || c == '_' || c == ' '; });
}

std::uint64_t width(TensorType type) { return type == TensorType::float16 ? 2 : 4; }

struct Entry {
  TensorType type = TensorType::float32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  ///< bytes from the start of the data
  std::uint64_t count = 0;  ///< values

  [[nodiscard]] std::uint64_t end() const { return begin + count * width(type); }
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
    const std::string version =
        choice("format_version", {std::string(kMaskFormat), std::string(kChunkFormat)});
    ModelInfo info;
    info.architecture = name("architecture");
    info.training = text("training");
    info.data = text("data");
    info.licence = text("licence");
    if (version == kMaskFormat) {
      info.sizes = lists<std::int64_t>(kSizePrefix, 1, kMaxSize);
      read_mask_parameters(info);
    } else {
      info.sizes = lists<std::int64_t>(kSizePrefix, 0, kMaxSize);
      info.numbers = lists<double>(kNumberPrefix, -kMaxNumber, kMaxNumber);
      info.chunks = chunk_parameters();
    }
    return info;
  }

  /// What a file of the format of masks states beside what all do.
  void read_mask_parameters(ModelInfo& info) const {
    info.analysis.sample_rate_hz = number("sample_rate_hz", 1000, kMaxSampleRateHz);
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
  }

  [[nodiscard]] ChunkParameters chunk_parameters() const {
    ChunkParameters chunks;
    chunks.sample_rate_hz = number("sample_rate_hz", 8000, 192000);
    chunks.channels = number<std::size_t>("channels", 1, 2);
    chunks.chunk_samples = number<std::size_t>("chunk_samples", 1024, 1 << 24);
    chunks.overlap = number("overlap", 0.0, 0.99);
    chunks.stems = stems();
    if (metadata_.contains("weights")) chunks.weights = weights(chunks.stems.size());
    return chunks;
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

  /// The values of a key's text, with commas between.
  template <typename T>
  [[nodiscard]] std::vector<T> list(const std::string& key, std::string_view value, T lowest,
                                    T highest) const {
    std::vector<T> values;
    for (const std::string_view item : split(value, ',')) {
      values.push_back(parsed<T>(key, item, lowest, highest));
      if (values.size() > kMaxSizeValues) fail(key + ": too many values");
    }
    return values;
  }

  /// The lists of all keys that start with the prefix, by the rest of the key.
  template <typename T>
  [[nodiscard]] std::map<std::string, std::vector<T>> lists(std::string_view prefix, T lowest,
                                                            T highest) const {
    std::map<std::string, std::vector<T>> lists;
    for (const auto& [key, value] : metadata_) {
      if (!key.starts_with(prefix)) continue;
      lists[key.substr(prefix.size())] = list<T>(shown(key), value, lowest, highest);
      if (lists.size() > kMaxSizes) fail(fmt::format("metadata: too many {}...", prefix));
    }
    return lists;
  }

  [[nodiscard]] std::vector<std::string> stems() const {
    std::vector<std::string> stems;
    for (const std::string_view stem : split(text("stems"), ',')) {
      if (!is_stem_name(stem)) fail("stems; expected names of small letters and digits, got " + shown(stem));
      if (std::find(stems.begin(), stems.end(), stem) != stems.end())
        fail("stems: " + shown(stem) + " occurs twice");
      if (stems.size() == kMaxStems) fail("stems: too many");
      stems.emplace_back(stem);
    }
    return stems;
  }

  /// The weights of a bag: networks with semicolons between, a weight for every stem.
  [[nodiscard]] std::vector<std::vector<double>> weights(std::size_t stems) const {
    std::vector<std::vector<double>> weights;
    std::vector<double> sums(stems);
    for (const std::string_view network : split(text("weights"), ';')) {
      if (weights.size() == kMaxNetworks) fail("weights: too many networks");
      weights.push_back(list<double>("weights", network, 0.0, 1000.0));
      if (weights.back().size() != stems) {
        fail(fmt::format("weights of network {}; expected {}, got {}", weights.size() - 1, stems,
                         weights.back().size()));
      }
      for (std::size_t stem = 0; stem < stems; ++stem) sums[stem] += weights.back()[stem];
    }
    const bool silent = std::any_of(sums.begin(), sums.end(), [](double sum) { return sum <= 0.0; });
    if (silent) fail("weights: a stem has no network");
    return weights;
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

template <typename T>
void add_lists(json& metadata, std::string_view prefix, const std::map<std::string, std::vector<T>>& lists) {
  for (const auto& [name, values] : lists) {
    metadata[std::string(prefix) + name] = fmt::format("{}", fmt::join(values, ","));
  }
}

void add_mask_parameters(json& metadata, const ModelInfo& info) {
  metadata.update({
      {"format_version", kMaskFormat},
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
  });
}

void add_chunk_parameters(json& metadata, const ChunkParameters& chunks) {
  metadata.update({
      {"format_version", kChunkFormat},
      {"sample_rate_hz", fmt::to_string(chunks.sample_rate_hz)},
      {"channels", fmt::to_string(chunks.channels)},
      {"chunk_samples", fmt::to_string(chunks.chunk_samples)},
      {"overlap", fmt::to_string(chunks.overlap)},
      {"stems", fmt::format("{}", fmt::join(chunks.stems, ","))},
  });
  if (chunks.weights.empty()) return;
  std::vector<std::string> networks;
  for (const std::vector<double>& weights : chunks.weights)
    networks.push_back(fmt::format("{}", fmt::join(weights, ",")));
  metadata["weights"] = fmt::format("{}", fmt::join(networks, ";"));
}

json metadata_of(const ModelInfo& info) {
  json metadata = {{"architecture", info.architecture},
                   {"training", info.training},
                   {"data", info.data},
                   {"licence", info.licence}};
  add_lists(metadata, kSizePrefix, info.sizes);
  if (info.chunks) {
    add_lists(metadata, kNumberPrefix, info.numbers);
    add_chunk_parameters(metadata, *info.chunks);
  } else {
    add_mask_parameters(metadata, info);
  }
  return metadata;
}

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

std::uint64_t count_of(std::span<const std::int64_t> shape) {
  std::uint64_t count = 1;
  for (const std::int64_t size : shape) count *= static_cast<std::uint64_t>(size);
  return count;
}

/// The length of the header and the header.
std::string header_of(const ModelInfo& info, std::span<const TensorStream> tensors) {
  json header = {{"__metadata__", metadata_of(info)}};
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
    const HeaderReader reader(path, mapping.bytes());
    info = reader.info();
    entries = reader.entries();
    data = reader.data();
  }

  fs::path path;
  MappedFile mapping;
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

void write_model_file(const fs::path& path, const ModelInfo& info, std::span<const TensorStream> tensors) {
  AtomicFile output(path);
  const auto fail = [&](const std::string& reason) {
    throw Error(ErrorKind::output, fmt::format("cannot write model: {}: {}", path.string(), reason));
  };
  std::ofstream file(output.temporary_path(), std::ios::binary);
  const std::string header = header_of(info, tensors);
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
