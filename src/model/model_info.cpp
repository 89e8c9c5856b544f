#include "model/model_info.hpp"

#include "core/limits.hpp"
#include "model/safetensors.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <string_view>
#include <vector>

namespace svsep {
namespace {

using Metadata = std::map<std::string, std::string>;

constexpr std::string_view kMaskFormat = "1";   ///< networks that estimate a mask
constexpr std::string_view kChunkFormat = "2";  ///< published networks: chunks in, chunks of stems out
constexpr std::size_t kMaxSizes = 64;
constexpr std::size_t kMaxSizeValues = 256;
constexpr std::int64_t kMaxSize = 1 << 20;
constexpr double kMaxNumber = 1e12;
constexpr std::size_t kMaxStems = 16;
constexpr std::size_t kMaxNetworks = 16;    ///< of a bag
constexpr std::size_t kMaxNameLength = 32;  ///< of a stem
constexpr std::string_view kSizePrefix = "size.";
constexpr std::string_view kNumberPrefix = "number.";

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

/// Every complaint names the file.
class MetadataReader {
 public:
  MetadataReader(const std::filesystem::path& path, const Metadata& metadata)
      : path_(path), metadata_(metadata) {}

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

 private:
  [[noreturn]] void fail(const std::string& reason) const { refuse_model(path_, reason); }

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

  const std::filesystem::path& path_;
  const Metadata& metadata_;
};

template <typename T>
void add_lists(Metadata& metadata, std::string_view prefix,
               const std::map<std::string, std::vector<T>>& lists) {
  for (const auto& [name, values] : lists) {
    metadata[std::string(prefix) + name] = fmt::format("{}", fmt::join(values, ","));
  }
}

void add_mask_parameters(Metadata& metadata, const ModelInfo& info) {
  metadata.merge(Metadata{
      {"format_version", std::string(kMaskFormat)},
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

void add_chunk_parameters(Metadata& metadata, const ChunkParameters& chunks) {
  metadata.merge(Metadata{
      {"format_version", std::string(kChunkFormat)},
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

}  // namespace

ModelInfo model_info_of(const std::filesystem::path& path, const Metadata& metadata) {
  return MetadataReader(path, metadata).info();
}

Metadata metadata_of(const ModelInfo& info) {
  Metadata metadata = {{"architecture", info.architecture},
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

}  // namespace svsep
