#include "import/family_roformer.hpp"

#include "import/mel_bands.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace svsep {
namespace {

constexpr std::int64_t kMaxBands = 256;
constexpr std::int64_t kMaxDepth = 64;
// Of the published code where a configuration is silent.
constexpr std::int64_t kSampleRateHz = 44100;
constexpr std::int64_t kFftSamples = 2048;
constexpr std::int64_t kHopSamples = 512;

/// What the tensors' shapes settle.
struct Shapes {
  std::int64_t features, depth, linear_depth, time_depth, frequency_depth;
  std::int64_t heads, head_size, hidden, mask_hidden_layers, mask_hidden, stems;
  bool norms_output, norms_end;
  std::vector<std::int64_t> band_inputs;
};

std::string transformer(std::int64_t block, std::int64_t place) {
  return fmt::format("layers.{}.{}", block, place);
}

std::int64_t count(const Checkpoint& checkpoint, const std::string& list, std::int64_t most) {
  const std::int64_t length = checkpoint.list_length(list);
  if (length < 1 || length > most) {
    checkpoint.fail(fmt::format("{}*: expected 1 to {} entries, got {}", list, most, length));
  }
  return length;
}

Shapes read_shapes(const Checkpoint& checkpoint) {
  Shapes shapes = {};
  shapes.features = checkpoint.shape("band_split.to_features.0.1.weight", 2)[0];
  shapes.depth = count(checkpoint, "layers.", kMaxDepth);
  const bool has_linear = checkpoint.has("layers.0.0.layers.0.0.temperature");
  const std::string time = transformer(0, has_linear ? 1 : 0);
  if (has_linear) shapes.linear_depth = count(checkpoint, transformer(0, 0) + ".layers.", kMaxDepth);
  shapes.time_depth = count(checkpoint, time + ".layers.", kMaxDepth);
  shapes.frequency_depth = count(checkpoint, transformer(0, has_linear ? 2 : 1) + ".layers.", kMaxDepth);
  shapes.heads = checkpoint.shape(time + ".layers.0.0.to_gates.weight", 2)[0];
  shapes.head_size = checkpoint.shape(time + ".layers.0.0.to_qkv.weight", 2)[0] / 3 / shapes.heads;
  shapes.hidden = checkpoint.shape(time + ".layers.0.1.net.1.weight", 2)[0];
  shapes.norms_output = checkpoint.has(time + ".norm.gamma");
  shapes.norms_end = checkpoint.has("final_norm.gamma");
  shapes.stems = count(checkpoint, "mask_estimators.", 16);
  const std::string mask = "mask_estimators.0.to_freqs.0.0.";
  shapes.mask_hidden = checkpoint.shape(mask + "0.weight", 2)[0];
  while (shapes.mask_hidden_layers < kMaxDepth &&
         checkpoint.has(fmt::format("{}{}.weight", mask, 2 * shapes.mask_hidden_layers + 2))) {
    ++shapes.mask_hidden_layers;
  }
  const std::int64_t bands = count(checkpoint, "band_split.to_features.", kMaxBands);
  for (std::int64_t band = 0; band < bands; ++band) {
    shapes.band_inputs.push_back(
        checkpoint.shape(fmt::format("band_split.to_features.{}.0.gamma", band), 1)[0]);
  }
  return shapes;
}

/// Lists the tensors that the network has.
class TensorList {
 public:
  TensorList(const Shapes& shapes, std::vector<TensorSource>& tensors) : shapes_(shapes), tensors_(tensors) {}

  void add(const std::string& name, std::vector<std::int64_t> shape) {
    tensors_.push_back({name, name, std::move(shape)});
  }

  void add_bands() {
    for (std::size_t band = 0; band < shapes_.band_inputs.size(); ++band) {
      const std::string name = fmt::format("band_split.to_features.{}.", band);
      add(name + "0.gamma", {shapes_.band_inputs[band]});
      add(name + "1.weight", {shapes_.features, shapes_.band_inputs[band]});
      add(name + "1.bias", {shapes_.features});
    }
  }

  void add_transformer(const std::string& name, std::int64_t depth, bool is_linear) {
    const std::int64_t features = shapes_.features, inner = shapes_.heads * shapes_.head_size;
    for (std::int64_t i = 0; i < depth; ++i) {
      const std::string attention = fmt::format("{}.layers.{}.0.", name, i);
      const std::string feed = fmt::format("{}.layers.{}.1.net.", name, i);
      add(attention + "norm.gamma", {features});
      add(attention + (is_linear ? "to_qkv.0.weight" : "to_qkv.weight"), {3 * inner, features});
      add(attention + (is_linear ? "to_out.1.weight" : "to_out.0.weight"), {features, inner});
      if (is_linear) {
        add(attention + "temperature", {shapes_.heads, 1, 1});
      } else {
        add(attention + "to_gates.weight", {shapes_.heads, features});
        add(attention + "to_gates.bias", {shapes_.heads});
      }
      add(feed + "0.gamma", {features});
      add(feed + "1.weight", {shapes_.hidden, features});
      add(feed + "1.bias", {shapes_.hidden});
      add(feed + "4.weight", {features, shapes_.hidden});
      add(feed + "4.bias", {features});
    }
    if (shapes_.norms_output) add(name + ".norm.gamma", {features});
  }

  void add_mask(std::int64_t stem) {
    for (std::size_t band = 0; band < shapes_.band_inputs.size(); ++band) {
      std::int64_t inputs = shapes_.features;
      for (std::int64_t i = 0; i <= shapes_.mask_hidden_layers; ++i) {
        const std::string name = fmt::format("mask_estimators.{}.to_freqs.{}.0.{}.", stem, band, 2 * i);
        const std::int64_t outputs =
            i < shapes_.mask_hidden_layers ? shapes_.mask_hidden : 2 * shapes_.band_inputs[band];
        add(name + "weight", {outputs, inputs});
        add(name + "bias", {outputs});
        inputs = outputs;
      }
    }
  }

 private:
  const Shapes& shapes_;
  std::vector<TensorSource>& tensors_;
};

std::vector<TensorSource> list_tensors(const Shapes& shapes) {
  std::vector<TensorSource> tensors;
  TensorList list(shapes, tensors);
  list.add_bands();
  for (std::int64_t block = 0; block < shapes.depth; ++block) {
    std::int64_t place = 0;
    if (shapes.linear_depth > 0) list.add_transformer(transformer(block, place++), shapes.linear_depth, true);
    list.add_transformer(transformer(block, place++), shapes.time_depth, false);
    list.add_transformer(transformer(block, place), shapes.frequency_depth, false);
  }
  if (shapes.norms_end) list.add("final_norm.gamma", {shapes.features});
  for (std::int64_t stem = 0; stem < shapes.stems; ++stem) list.add_mask(stem);
  return tensors;
}

/// Throws unless the bands have as many inputs as the checkpoint says.
void check_bands(const Checkpoint& checkpoint, const Shapes& shapes, const BandRanges& ranges,
                 std::int64_t channels) {
  if (ranges.bins.size() != shapes.band_inputs.size()) {
    checkpoint.fail(fmt::format("bands; expected {} as its configuration says, got {}", ranges.bins.size(),
                                shapes.band_inputs.size()));
  }
  for (std::size_t band = 0; band < ranges.bins.size(); ++band) {
    const std::int64_t expected = 2 * channels * ranges.bins[band];
    if (shapes.band_inputs[band] != expected) {
      checkpoint.fail(
          fmt::format("band_split.to_features.{}.0.gamma; expected [{}] as its configuration says, got [{}]",
                      band, expected, shapes.band_inputs[band]));
    }
  }
}

ChunkParameters read_chunks(const Checkpoint& checkpoint, const ValueTree& config,
                            const RoformerSpectrum& spectrum, std::int64_t stems) {
  ChunkParameters chunks;
  chunks.sample_rate_hz = static_cast<int>(spectrum.sample_rate_hz);
  chunks.channels = static_cast<std::size_t>(spectrum.channels);
  const char* const path = config.has("inference.chunk_size") ? "inference.chunk_size" : "audio.chunk_size";
  chunks.chunk_samples = static_cast<std::size_t>(config.integer(path, 1024, 1 << 24));
  chunks.stems = published_stems(config);
  if (static_cast<std::int64_t>(chunks.stems.size()) != stems) {
    checkpoint.fail(
        fmt::format("stems; expected {} as its configuration says, got {}", chunks.stems.size(), stems));
  }
  return chunks;
}

}  // namespace

bool is_roformer(const Checkpoint& checkpoint) {
  return checkpoint.has("band_split.to_features.0.0.gamma") &&
         checkpoint.has("mask_estimators.0.to_freqs.0.0.0.weight");
}

ImportPlan describe_roformer(std::span<const Checkpoint> checkpoints, const ValueTree& config,
                             const Family& family, FindBands find_bands) {
  const Checkpoint& checkpoint = checkpoints.front();
  if (checkpoints.size() > 1)
    checkpoints[1].fail(fmt::format("{} is one file; expected no second", family.title));
  if (!config.has("model")) {
    checkpoint.fail(
        fmt::format("{} needs its configuration; expected --config FILE.yaml with model, audio and training",
                    family.title));
  }
  const Shapes shapes = read_shapes(checkpoint);
  RoformerSpectrum spectrum;
  spectrum.channels = config.flag_or("model.stereo", false) ? 2 : 1;
  spectrum.sample_rate_hz = config.integer_or("audio.sample_rate", kSampleRateHz, 8000, 192000);
  spectrum.fft_samples = config.integer_or("model.stft_n_fft", kFftSamples, 16, 65536);
  const auto bands = static_cast<std::int64_t>(shapes.band_inputs.size());
  const BandRanges ranges = find_bands(config, spectrum, bands);
  check_bands(checkpoint, shapes, ranges, spectrum.channels);

  ImportPlan plan;
  plan.info.architecture = family.name;
  plan.info.chunks = read_chunks(checkpoint, config, spectrum, shapes.stems);
  const auto stft = [&](const char* path, std::int64_t fallback) {
    return config.integer_or(path, fallback, 1, spectrum.fft_samples);
  };
  const auto flag = [&](const char* path) { return config.flag_or(path, false) ? std::int64_t{1} : 0; };
  plan.info.sizes = {{"dim", {shapes.features}},
                     {"depth", {shapes.depth}},
                     {"linear_transformer_depth", {shapes.linear_depth}},
                     {"time_transformer_depth", {shapes.time_depth}},
                     {"freq_transformer_depth", {shapes.frequency_depth}},
                     {"heads", {shapes.heads}},
                     {"dim_head", {shapes.head_size}},
                     {"ff_inner", {shapes.hidden}},
                     {"mask_inner", {shapes.mask_hidden}},
                     {"mask_hidden_layers", {shapes.mask_hidden_layers}},
                     {"norm_output", {shapes.norms_output ? 1 : 0}},
                     {"final_norm", {shapes.norms_end ? 1 : 0}},
                     {"skip_connection", {flag("model.skip_connection")}},
                     {"zero_dc", {flag("model.zero_dc")}},
                     {"stft_n_fft", {spectrum.fft_samples}},
                     {"stft_hop_length", {stft("model.stft_hop_length", kHopSamples)}},
                     {"stft_win_length", {stft("model.stft_win_length", spectrum.fft_samples)}},
                     {"stft_normalized", {flag("model.stft_normalized")}},
                     {"band_first_bins", ranges.first_bins},
                     {"band_bins", ranges.bins}};
  plan.tensors = list_tensors(shapes);
  plan.ignorable_ends = {"rotary_embed.freqs", "freq_indices", "freqs_per_band", "num_freqs_per_band",
                         "num_bands_per_freq"};
  return plan;
}

}  // namespace svsep
