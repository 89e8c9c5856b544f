#include "import/family.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <string>

namespace svsep {
namespace {

constexpr std::int64_t kKernel = 8;
constexpr std::int64_t kStride = 4;
constexpr std::int64_t kCompression = 8;
constexpr double kSegmentSeconds = 7.8;  // of all that its authors published

bool recognises(const Checkpoint& checkpoint) {
  return checkpoint.has("tencoder.0.conv.weight") && checkpoint.has("freq_emb.embedding.weight") &&
         checkpoint.has("crosstransformer.layers.0.norm_out.weight");
}

/// What a checkpoint's tensors do not tell: its package says it, or else the configuration's "htdemucs" and
/// "training", or else it is what the published code takes.
class Statement {
 public:
  Statement(const Checkpoint& checkpoint, const ValueTree& config)
      : in_package_(checkpoint.package.has("kwargs")),
        tree_(in_package_ ? checkpoint.package : config),
        prefix_(in_package_ ? "kwargs." : "htdemucs.") {}

  [[nodiscard]] const ValueTree& tree() const { return tree_; }
  [[nodiscard]] std::string path(const std::string& name) const { return prefix_ + name; }

  /// Names of the stems; empty where they are not stated.
  [[nodiscard]] std::vector<std::string> stems() const {
    if (!in_package_) return tree_.has("training") ? published_stems(tree_) : std::vector<std::string>{};
    return tree_.has("kwargs.sources") ? tree_.texts("kwargs.sources") : std::vector<std::string>{};
  }

  /// A number of the song's format, which the configuration has under "training".
  [[nodiscard]] double of_song(const std::string& name, double fallback, double lowest,
                               double highest) const {
    return tree_.number_or((in_package_ ? "kwargs." : "training.") + name, fallback, lowest, highest);
  }

 private:
  bool in_package_;
  const ValueTree& tree_;
  std::string prefix_;
};

/// Variants of the network that none of the published weights are.
void refuse_variants(const Statement& stated) {
  struct Flag {
    const char* name;
    bool expected;
  };
  constexpr std::array kFlags = {Flag{"cac", true},
                                 Flag{"rewrite", true},
                                 Flag{"t_norm_in", true},
                                 Flag{"t_norm_first", true},
                                 Flag{"t_norm_out", true},
                                 Flag{"t_layer_scale", true},
                                 Flag{"t_gelu", true},
                                 Flag{"t_norm_in_group", false},
                                 Flag{"t_group_norm", false},
                                 Flag{"t_cross_first", false},
                                 Flag{"t_sparse_self_attn", false},
                                 Flag{"t_sparse_cross_attn", false}};
  const ValueTree& tree = stated.tree();
  for (const Flag& flag : kFlags) {
    const std::string path = stated.path(flag.name);
    if (tree.flag_or(path, flag.expected) != flag.expected) {
      tree.fail(path, fmt::format("not supported; expected {}", flag.expected ? "true" : "false"));
    }
  }
  struct Number {
    const char* name;
    double expected;
  };
  constexpr std::array kNumbers = {Number{"kernel_size", 8},      Number{"stride", 4},
                                   Number{"context", 1},          Number{"context_enc", 0},
                                   Number{"dconv_comp", 8},       Number{"wiener_iters", 0},
                                   Number{"t_max_period", 10000}, Number{"t_weight_pos_embed", 1}};
  for (const Number& number : kNumbers) {
    const std::string path = stated.path(number.name);
    const double value = tree.number_or(path, number.expected, -1e9, 1e9);
    if (value != number.expected) {
      tree.fail(path, fmt::format("not supported; expected {}, got {}", number.expected, value));
    }
  }
  if (const std::string embedding = tree.text_or(stated.path("t_emb"), "sin"); embedding != "sin") {
    tree.fail(stated.path("t_emb"), "not supported; expected sin, got " + embedding);
  }
}

struct Sizes {
  std::int64_t audio, channels, growth, depth, rows, bottom, layers, hidden, residual_depth, residuals, stems;

  [[nodiscard]] std::int64_t innermost() const {
    std::int64_t width = channels;
    for (std::int64_t k = 1; k < depth; ++k) width *= growth;
    return width;
  }
  [[nodiscard]] std::int64_t width() const { return bottom > 0 ? bottom : innermost(); }
  bool operator==(const Sizes&) const = default;
};

Sizes sizes_of(const Checkpoint& checkpoint) {
  Sizes sizes = {};
  const std::vector<std::int64_t>& first = checkpoint.shape("encoder.0.conv.weight", 4);
  sizes.channels = first[0];
  sizes.audio = first[1] / 2;
  sizes.depth = checkpoint.list_length("encoder.");
  sizes.growth = sizes.depth > 1 ? checkpoint.shape("encoder.1.conv.weight", 4)[0] / sizes.channels : 1;
  sizes.rows = checkpoint.shape("freq_emb.embedding.weight", 2)[0];
  sizes.bottom =
      checkpoint.has("channel_upsampler.weight") ? checkpoint.shape("channel_upsampler.weight", 3)[0] : 0;
  sizes.layers = checkpoint.list_length("crosstransformer.layers.");
  sizes.hidden = checkpoint.shape("crosstransformer.layers.0.linear1.weight", 2)[0];
  const std::int64_t in_encoder = checkpoint.list_length("encoder.0.dconv.layers.");
  const std::int64_t in_decoder = checkpoint.list_length("decoder.0.dconv.layers.");
  sizes.residual_depth = std::max({in_encoder, in_decoder, std::int64_t{1}});
  sizes.residuals = (in_encoder > 0 ? 1 : 0) + (in_decoder > 0 ? 2 : 0);
  const std::string last = fmt::format("tdecoder.{}.conv_tr.weight", sizes.depth - 1);
  sizes.stems = checkpoint.shape(last, 3)[1] / std::max<std::int64_t>(1, sizes.audio);
  constexpr std::int64_t kMost = 1 << 16;  // nothing below leaves 64 bits
  const bool sane = sizes.audio >= 1 && sizes.audio <= 2 && sizes.channels >= kCompression &&
                    sizes.channels <= kMost && sizes.growth >= 1 && sizes.growth <= 8 && sizes.depth <= 6 &&
                    sizes.bottom <= kMost && sizes.hidden <= kMost && sizes.rows <= kMost &&
                    sizes.stems >= 1 && sizes.stems <= 16 && sizes.residual_depth <= 8;
  if (!sane) checkpoint.fail("sizes of the first layers: no HT-Demucs has them");
  return sizes;
}

/// The tensors of one network.
class TensorList {
 public:
  TensorList(const Sizes& sizes, std::size_t checkpoint, std::string prefix,
             std::vector<TensorSource>& tensors)
      : sizes_(sizes), checkpoint_(checkpoint), prefix_(std::move(prefix)), tensors_(tensors) {}

  void add_all() const {
    add("freq_emb.embedding.weight", {sizes_.rows, sizes_.channels});
    for (const bool over_time : {false, true}) add_branch(over_time);
    if (sizes_.bottom > 0) add_bottom();
    for (const char* const norm : {"norm_in", "norm_in_t"}) {
      add_both(std::string("crosstransformer.") + norm, {sizes_.width()}, sizes_.width());
    }
    for (std::int64_t k = 0; k < sizes_.layers; ++k) {
      add_transformer_layer(fmt::format("crosstransformer.layers.{}.", k), k % 2 == 1);
      add_transformer_layer(fmt::format("crosstransformer.layers_t.{}.", k), k % 2 == 1);
    }
  }

 private:
  void add(const std::string& name, std::vector<std::int64_t> shape) const {
    tensors_.push_back({prefix_ + name, name, std::move(shape), checkpoint_});
  }

  void add_both(const std::string& name, std::vector<std::int64_t> weight, std::int64_t bias) const {
    add(name + ".weight", std::move(weight));
    add(name + ".bias", {bias});
  }

  void add_branch(bool over_time) const {
    // Convolutions over frequencies have a second axis, over time.
    const auto kernel = [&](std::int64_t a, std::int64_t b, std::int64_t size, std::int64_t other) {
      return over_time ? std::vector{a, b, size} : std::vector{a, b, size, other};
    };
    const std::string t = over_time ? "t" : "";
    const std::int64_t parts = over_time ? sizes_.audio : 2 * sizes_.audio;
    std::int64_t inner = sizes_.channels;
    for (std::int64_t k = 0; k < sizes_.depth; ++k) {
      const std::string encoder = fmt::format("{}encoder.{}.", t, k);
      const std::string decoder = fmt::format("{}decoder.{}.", t, sizes_.depth - 1 - k);
      const std::int64_t song_side = inner / sizes_.growth;
      const std::int64_t in = k == 0 ? parts : song_side, out = k == 0 ? parts * sizes_.stems : song_side;
      add_both(encoder + "conv", kernel(inner, in, kKernel, 1), inner);
      add_both(encoder + "rewrite", kernel(2 * inner, inner, 1, 1), 2 * inner);
      add_both(decoder + "conv_tr", kernel(inner, out, kKernel, 1), out);
      add_both(decoder + "rewrite", kernel(2 * inner, inner, 3, 3), 2 * inner);
      if ((sizes_.residuals & 1) != 0) add_residual(encoder + "dconv.layers.", inner);
      if ((sizes_.residuals & 2) != 0) add_residual(decoder + "dconv.layers.", inner);
      inner *= sizes_.growth;
    }
  }

  void add_residual(const std::string& name, std::int64_t channels) const {
    const std::int64_t hidden = channels / kCompression;
    for (std::int64_t k = 0; k < sizes_.residual_depth; ++k) {
      const std::string branch = fmt::format("{}{}.", name, k);
      add_both(branch + "0", {hidden, channels, 3}, hidden);
      add_both(branch + "1", {hidden}, hidden);
      add_both(branch + "3", {2 * channels, hidden, 1}, 2 * channels);
      add_both(branch + "4", {2 * channels}, 2 * channels);
      add(branch + "6.scale", {channels});
    }
  }

  void add_bottom() const {
    const std::int64_t inner = sizes_.innermost();
    for (const char* const branch : {"", "_t"}) {
      add_both(std::string("channel_upsampler") + branch, {sizes_.bottom, inner, 1}, sizes_.bottom);
      add_both(std::string("channel_downsampler") + branch, {inner, sizes_.bottom, 1}, inner);
    }
  }

  void add_transformer_layer(const std::string& layer, bool crosses) const {
    const std::int64_t width = sizes_.width();
    const std::string attention = layer + (crosses ? "cross_attn." : "self_attn.");
    add(attention + "in_proj_weight", {3 * width, width});
    add(attention + "in_proj_bias", {3 * width});
    add_both(attention + "out_proj", {width, width}, width);
    add_both(layer + "linear1", {sizes_.hidden, width}, sizes_.hidden);
    add_both(layer + "linear2", {width, sizes_.hidden}, width);
    for (const char* const norm : {"norm1", "norm2", "norm_out"}) add_both(layer + norm, {width}, width);
    if (crosses) add_both(layer + "norm3", {width}, width);
    for (const char* const scale : {"gamma_1.scale", "gamma_2.scale"}) add(layer + scale, {width});
  }

  const Sizes& sizes_;
  std::size_t checkpoint_;
  std::string prefix_;
  std::vector<TensorSource>& tensors_;
};

std::vector<std::string> stems_of(const Checkpoint& checkpoint, const Statement& stated, std::int64_t count) {
  std::vector<std::string> stems = stated.stems();
  if (stems.empty()) {  // the order of the weights that its authors published
    if (count == 4) stems = {"drums", "bass", "other", "vocals"};
    if (count == 6) stems = {"drums", "bass", "other", "vocals", "guitar", "piano"};
  }
  if (std::ssize(stems) != count) {
    checkpoint.fail(fmt::format(
        "stems; expected {} names in the configuration's training.instruments, got {}", count, stems.size()));
  }
  return stems;
}

/// A bag gives every network the same say, except where there are as many of them as stems: as published,
/// each was then trained for one stem, in the order of the stems.
std::vector<std::vector<double>> weights_of(std::size_t networks, std::size_t stems) {
  std::vector<std::vector<double>> weights(networks,
                                           std::vector<double>(stems, networks == stems ? 0.0 : 1.0));
  for (std::size_t k = 0; k < networks && networks == stems; ++k) weights[k][k] = 1.0;
  return weights;
}

ImportPlan describe(std::span<const Checkpoint> checkpoints, const ValueTree& config) {
  const Checkpoint& first = checkpoints.front();
  const Sizes sizes = sizes_of(first);
  const Statement stated(first, config);
  ImportPlan plan;
  for (std::size_t k = 0; k < checkpoints.size(); ++k) {
    if (sizes_of(checkpoints[k]) != sizes) checkpoints[k].fail("other sizes than " + first.path.string());
    refuse_variants(Statement(checkpoints[k], config));
    const std::string prefix = checkpoints.size() > 1 ? fmt::format("{}.", k) : "";
    TensorList(sizes, k, prefix, plan.tensors).add_all();
  }
  ChunkParameters chunks;
  chunks.sample_rate_hz = static_cast<int>(stated.of_song("samplerate", 44100, 8000, 192000));
  chunks.channels = static_cast<std::size_t>(sizes.audio);
  chunks.stems = stems_of(first, stated, sizes.stems);
  const double segment_s = stated.of_song("segment", kSegmentSeconds, 0.05, 60.0);
  chunks.chunk_samples = static_cast<std::size_t>(segment_s * chunks.sample_rate_hz + 1e-6);
  if (checkpoints.size() > 1) chunks.weights = weights_of(checkpoints.size(), chunks.stems.size());
  plan.info.architecture = "htdemucs";
  plan.info.chunks = chunks;
  const ValueTree& tree = stated.tree();
  plan.info.numbers["frequency_embedding"] = {tree.number_or(stated.path("freq_emb"), 0.2, 1e-6, 1e6) *
                                              tree.number_or(stated.path("emb_scale"), 10.0, 1e-6, 1e6)};
  plan.info.sizes = {{"channels", {sizes.channels}},
                     {"growth", {sizes.growth}},
                     {"depth", {sizes.depth}},
                     {"fft_samples", {2 * kStride * sizes.rows}},
                     {"bottom_channels", {sizes.bottom}},
                     {"transformer_layers", {sizes.layers}},
                     {"transformer_hidden", {sizes.hidden}},
                     {"heads", {tree.integer_or(stated.path("t_heads"), 8, 1, 1024)}},
                     {"residual_depth", {sizes.residual_depth}},
                     {"residuals", {sizes.residuals}}};
  return plan;
}

}  // namespace

const Family kHtDemucsFamily = {"htdemucs", "HT-Demucs", recognises, describe};

}  // namespace svsep
