#include "import/family.hpp"

#include <fmt/format.h>
#include <string>

namespace svsep {
namespace {

constexpr std::int64_t kMaxFftSamples = 65536;
constexpr std::int64_t kMaxScales = 10;
constexpr std::int64_t kMaxBlocks = 32;

// As the network numbers them.
constexpr std::int64_t kNoNorm = 0;
constexpr std::int64_t kBatchNorm = 1;
constexpr std::int64_t kInstanceNorm = 2;
constexpr std::int64_t kGroupNorm = 3;
constexpr std::int64_t kRelu = 1;  // 0: GELU
constexpr std::int64_t kElu = 2;

bool recognises(const Checkpoint& checkpoint) {
  return checkpoint.has("first_conv.weight") && checkpoint.has("bottleneck_block.blocks.0.tfc1.2.weight");
}

struct Sizes {
  std::int64_t fft_samples, hop_samples, bins, audio_channels;
  std::int64_t subbands, channels, growth, scales, blocks, bottleneck, scale_frames, scale_bins;
  std::int64_t norm, groups, act;
  double elu_alpha;
};

/// The number after a name: 8 for "GroupNorm8".
std::int64_t number_after(const ValueTree& config, const std::string& path, const std::string& text,
                          std::size_t name_length) {
  std::int64_t number = 0;
  for (const char digit : text.substr(name_length)) {
    if (digit < '0' || digit > '9' || number > 1000)
      config.fail(path, "expected a whole number, got " + text);
    number = 10 * number + (digit - '0');
  }
  return number;
}

void read_norm(const ValueTree& config, Sizes& sizes) {
  const std::string norm = config.text_or("model.norm", "none");
  if (norm == "BatchNorm") {
    sizes.norm = kBatchNorm;
  } else if (norm == "InstanceNorm") {
    sizes.norm = kInstanceNorm;
  } else if (norm.starts_with("GroupNorm")) {
    sizes.norm = kGroupNorm;
    sizes.groups = number_after(config, "model.norm", norm, 9);
  }
}

void read_activation(const ValueTree& config, Sizes& sizes) {
  const std::string act = config.text("model.act");
  if (act == "relu") {
    sizes.act = kRelu;
  } else if (act.starts_with("elu")) {
    sizes.act = kElu;
    sizes.elu_alpha = static_cast<double>(number_after(config, "model.act", act, 3));
  } else if (act != "gelu") {
    config.fail("model.act", "expected gelu, relu or elu with a number, got " + act);
  }
}

Sizes read_sizes(const Checkpoint& checkpoint, const ValueTree& config) {
  Sizes sizes = {};
  sizes.fft_samples = config.integer("audio.n_fft", 16, kMaxFftSamples);
  sizes.hop_samples = config.integer("audio.hop_length", 1, kMaxFftSamples);
  sizes.bins = config.integer("audio.dim_f", 1, kMaxFftSamples);
  sizes.audio_channels = config.integer_or("audio.num_channels", 2, 1, 2);
  sizes.channels = checkpoint.shape("first_conv.weight", 4)[0];
  sizes.subbands = checkpoint.shape("first_conv.weight", 4)[1] / (2 * sizes.audio_channels);
  sizes.scales = checkpoint.list_length("encoder_blocks.");
  sizes.blocks = checkpoint.list_length("bottleneck_block.blocks.");
  if (sizes.scales < 1 || sizes.scales > kMaxScales || sizes.blocks < 1 || sizes.blocks > kMaxBlocks) {
    checkpoint.fail(fmt::format("scales and blocks; expected 1 to {} and 1 to {}, got {} and {}", kMaxScales,
                                kMaxBlocks, sizes.scales, sizes.blocks));
  }
  const auto& step = checkpoint.shape("encoder_blocks.0.downscale.conv.2.weight", 4);
  sizes.growth = step[0] - step[1];
  sizes.scale_frames = step[2];
  sizes.scale_bins = step[3];
  const auto& dense = checkpoint.shape("bottleneck_block.blocks.0.tdf.2.weight", 2);
  sizes.bottleneck = dense[1] / dense[0];
  if (sizes.subbands < 1 || sizes.growth < 0 || sizes.bottleneck < 1) {
    checkpoint.fail(
        fmt::format("subbands, growth and bottleneck; expected at least 1, 0 and 1, got {}, {} and {}",
                    sizes.subbands, sizes.growth, sizes.bottleneck));
  }
  read_norm(config, sizes);
  read_activation(config, sizes);
  return sizes;
}

/// Lists the tensors that the network has.
class TensorList {
 public:
  TensorList(const Sizes& sizes, std::vector<TensorSource>& tensors) : sizes_(sizes), tensors_(tensors) {}

  void add(const std::string& name, std::vector<std::int64_t> shape) {
    tensors_.push_back({name, name, std::move(shape)});
  }

  void add_norm(const std::string& name, std::int64_t channels) {
    if (sizes_.norm == kNoNorm) return;
    add(name + ".weight", {channels});
    add(name + ".bias", {channels});
    if (sizes_.norm != kBatchNorm) return;
    add(name + ".running_mean", {channels});
    add(name + ".running_var", {channels});
  }

  void add_blocks(const std::string& name, std::int64_t inputs, std::int64_t channels, std::int64_t bins) {
    for (std::int64_t i = 0; i < sizes_.blocks; ++i) {
      const std::string block = fmt::format("{}.blocks.{}.", name, i);
      add_norm(block + "tfc1.0", inputs);
      add(block + "tfc1.2.weight", {channels, inputs, 3, 3});
      add_norm(block + "tdf.0", channels);
      add(block + "tdf.2.weight", {bins / sizes_.bottleneck, bins});
      add_norm(block + "tdf.3", channels);
      add(block + "tdf.5.weight", {bins, bins / sizes_.bottleneck});
      add_norm(block + "tfc2.0", channels);
      add(block + "tfc2.2.weight", {channels, channels, 3, 3});
      add(block + "shortcut.weight", {channels, inputs, 1, 1});
      inputs = channels;
    }
  }

 private:
  const Sizes& sizes_;
  std::vector<TensorSource>& tensors_;
};

std::vector<TensorSource> list_tensors(const Sizes& sizes, std::int64_t stems) {
  std::vector<TensorSource> tensors;
  TensorList list(sizes, tensors);
  const std::int64_t inputs = 2 * sizes.audio_channels * sizes.subbands;
  std::int64_t channels = sizes.channels, bins = sizes.bins / sizes.subbands;
  list.add("first_conv.weight", {channels, inputs, 1, 1});
  for (std::int64_t i = 0; i < sizes.scales; ++i) {
    const std::string name = fmt::format("encoder_blocks.{}.", i);
    list.add_blocks(name + "tfc_tdf", channels, channels, bins);
    list.add_norm(name + "downscale.conv.0", channels);
    list.add(name + "downscale.conv.2.weight",
             {channels + sizes.growth, channels, sizes.scale_frames, sizes.scale_bins});
    channels += sizes.growth;
    bins /= sizes.scale_bins;
  }
  list.add_blocks("bottleneck_block", channels, channels, bins);
  for (std::int64_t i = 0; i < sizes.scales; ++i) {
    const std::string name = fmt::format("decoder_blocks.{}.", i);
    list.add_norm(name + "upscale.conv.0", channels);
    list.add(name + "upscale.conv.2.weight",
             {channels, channels - sizes.growth, sizes.scale_frames, sizes.scale_bins});
    channels -= sizes.growth;
    bins *= sizes.scale_bins;
    list.add_blocks(name + "tfc_tdf", 2 * channels, channels, bins);
  }
  list.add("final_conv.0.weight", {channels, channels + inputs, 1, 1});
  list.add("final_conv.2.weight", {stems * inputs, channels, 1, 1});
  return tensors;
}

ImportPlan describe(std::span<const Checkpoint> checkpoints, const ValueTree& config) {
  const Checkpoint& checkpoint = checkpoints.front();
  if (checkpoints.size() > 1) checkpoints[1].fail("MDX23C is one file; expected no second");
  if (!config.has("model") || !config.has("audio")) {
    checkpoint.fail(
        "MDX23C needs its configuration; expected --config FILE.yaml with model, audio and training");
  }
  const Sizes sizes = read_sizes(checkpoint, config);
  ImportPlan plan;
  plan.info.architecture = kMdx23cFamily.name;
  ChunkParameters chunks;
  chunks.sample_rate_hz = static_cast<int>(config.integer_or("audio.sample_rate", 44100, 8000, 192000));
  chunks.channels = static_cast<std::size_t>(sizes.audio_channels);
  const char* const path = config.has("inference.chunk_size") ? "inference.chunk_size" : "audio.chunk_size";
  chunks.chunk_samples = static_cast<std::size_t>(config.integer(path, 1024, 1 << 24));
  chunks.stems = published_stems(config);
  plan.tensors = list_tensors(sizes, static_cast<std::int64_t>(chunks.stems.size()));
  plan.info.chunks = std::move(chunks);
  plan.info.sizes = {{"n_fft", {sizes.fft_samples}},
                     {"hop_length", {sizes.hop_samples}},
                     {"dim_f", {sizes.bins}},
                     {"num_subbands", {sizes.subbands}},
                     {"num_channels", {sizes.channels}},
                     {"growth", {sizes.growth}},
                     {"num_scales", {sizes.scales}},
                     {"num_blocks_per_scale", {sizes.blocks}},
                     {"bottleneck_factor", {sizes.bottleneck}},
                     {"scale_frames", {sizes.scale_frames}},
                     {"scale_bins", {sizes.scale_bins}},
                     {"norm", {sizes.norm}},
                     {"act", {sizes.act}}};
  if (sizes.norm == kGroupNorm) plan.info.sizes["norm_groups"] = {sizes.groups};
  if (sizes.act == kElu) plan.info.numbers["elu_alpha"] = {sizes.elu_alpha};
  plan.ignorable_ends = {"num_batches_tracked", "stft.window"};
  return plan;
}

}  // namespace

const Family kMdx23cFamily = {"mdx23c", "MDX23C", recognises, describe};

}  // namespace svsep
