#include "network/mask/harmonic_unet.hpp"

#include "network/layers/dropout.hpp"
#include "network/mask/unet_kernels.hpp"
#include "svsep/error.hpp"

#include <ATen/Parallel.h>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <string>

namespace svsep {
namespace {

constexpr std::array kHarmonics = {0.5, 1.0, 2.0, 3.0, 4.0, 5.0};
constexpr std::size_t kLevels = 4;           ///< below the first
constexpr std::int64_t kPositionsStep = 16;  ///< 2 to the power of kLevels
constexpr double kBeyond = -3.0;  ///< what a harmonic above or below all positions is: next to nothing
constexpr std::size_t kMaxBlocks = 16;
constexpr std::int64_t kMaxPositionsTimesBins = 1 << 22;  ///< the only sizes whose memory no file has to fill
constexpr double kDropout = 0.1;                          ///< of what a block adds
constexpr std::array<std::int64_t, kLevels> kFrameScales = {
    4, 2, 1, 1};  ///< a level's frames per one of the lowest level
/// Frames of the lowest level beside the wanted ones that a level's decoder needs.
constexpr std::array<std::int64_t, kLevels> kDecoderMargins = {1, 1, 2, 3};

/// {frames, positions} of one step of the level below `level`.
std::array<std::int64_t, 2> step_below(std::size_t level) { return {level < 2 ? 2 : 1, 2}; }

torch::nn::Conv2dOptions convolution(std::int64_t inputs, std::int64_t outputs) {
  return torch::nn::Conv2dOptions(inputs, outputs, 3).padding(1);
}

torch::nn::Conv2dOptions dilated(std::int64_t channels, std::int64_t dilation) {
  return torch::nn::Conv2dOptions(channels, channels, 3).padding({dilation, 1}).dilation({dilation, 1});
}

torch::nn::Conv2dOptions pointwise(std::int64_t inputs, std::int64_t outputs) { return {inputs, outputs, 1}; }

/// Each position's place among the bins.
torch::Tensor bins_of_positions(const HarmonicUnetSizes& sizes) {
  const torch::Tensor steps =
      torch::arange(sizes.positions, torch::kDouble) - static_cast<double>(sizes.positions);
  return torch::exp2(steps / static_cast<double>(sizes.positions_per_octave)) *
         static_cast<double>(sizes.bins - 1);
}

/// [positions, bins]: triangles as wide as a bin or as a step to the next position, whichever is wider.
torch::Tensor bins_to_positions(const HarmonicUnetSizes& sizes) {
  const double step = std::exp2(1.0 / static_cast<double>(sizes.positions_per_octave)) - 1;
  const torch::Tensor centers = bins_of_positions(sizes).unsqueeze(1);
  const torch::Tensor distances = (torch::arange(sizes.bins, torch::kDouble) - centers).abs();
  const torch::Tensor weights = (1 - distances / (centers * step).clamp_min(1)).clamp_min(0);
  return (weights / weights.sum(1, true)).to(torch::kFloat);
}

/// [bins, positions]: linear between positions; beyond them, the outermost's.
torch::Tensor positions_to_bins(const HarmonicUnetSizes& sizes) {
  const torch::Tensor octaves =
      (torch::arange(sizes.bins, torch::kDouble).clamp_min(1e-3) / static_cast<double>(sizes.bins - 1))
          .log2();
  const auto positions = static_cast<double>(sizes.positions);
  const torch::Tensor at =
      (octaves * static_cast<double>(sizes.positions_per_octave) + positions).clamp(0, positions - 1);
  const torch::Tensor distances = (at.unsqueeze(1) - torch::arange(sizes.positions, torch::kDouble)).abs();
  return (1 - distances).clamp_min(0).to(torch::kFloat);
}

/// Frames of an image, counted in those of the lowest level.
struct LowestFrames {
  std::int64_t first = 0;
  std::int64_t end = 0;

  /// With `margin` more on either side, as far as `all` goes.
  [[nodiscard]] LowestFrames widened(std::int64_t margin, const LowestFrames& all) const {
    return {std::max(first - margin, all.first), std::min(end + margin, all.end)};
  }
};

/// The frames `wanted` of an image that holds `held` and has `scale` frames for each of the lowest level.
torch::Tensor cut(const torch::Tensor& x, const LowestFrames& held, const LowestFrames& wanted,
                  std::int64_t scale) {
  if (wanted.first == held.first && wanted.end == held.end) return x;
  return x.narrow(2, scale * (wanted.first - held.first), scale * (wanted.end - wanted.first))
      .contiguous(torch::MemoryFormat::ChannelsLast);
}

/// In place where nothing is learned.
torch::Tensor rectified(torch::Tensor x) {
  return torch::GradMode::is_enabled() ? torch::relu(x) : torch::relu_(x);
}

/// Whether the kernels can take it: [images, channels, frames, positions], channels last, not to be learned
/// from.
bool suits_kernels(const torch::Tensor& x) {
  const bool is_known = x.scalar_type() == torch::kFloat || x.scalar_type() == torch::kBFloat16;
  return is_known && x.device().is_cpu() && !torch::GradMode::is_enabled() &&
         x.is_contiguous(torch::MemoryFormat::ChannelsLast) && x.size(1) % kChannelsAtOnce == 0;
}

/// Calls work(pointer to the values of a tensor, ...) with floats or with bfloat16's bits.
template <class Work>
void with_values(const torch::Tensor& x, const Work& work) {
  if (x.scalar_type() == torch::kFloat) {
    work(x.data_ptr<float>());
  } else {
    work(static_cast<std::uint16_t*>(x.data_ptr()));
  }
}

/// relu(x + what is below it, repeated to its size); may take x's memory.
torch::Tensor joined(const torch::Tensor& x, const torch::Tensor& below) {
  const bool suits = suits_kernels(x) && suits_kernels(below) && x.scalar_type() == below.scalar_type() &&
                     x.size(3) == 2 * below.size(3);
  if (!suits) return torch::relu(torch::upsample_nearest2d(below, {x.size(2), x.size(3)}) + x);
  const std::int64_t channels = x.size(1);
  const std::int64_t row_values = x.size(3) * channels;
  const std::int64_t repeats = x.size(2) / below.size(2);
  with_values(x, [&](auto* values) {
    const auto* const small = static_cast<const decltype(values)>(below.data_ptr());
    at::parallel_for(0, x.size(0) * x.size(2), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        add_larger_and_rectify(values + row * row_values, small + row / repeats * row_values / 2, x.size(3),
                               channels);
      }
    });
  });
  return x;
}

}  // namespace

std::int64_t HarmonicUnetSizes::context_frames() const {
  constexpr std::int64_t kConvolutions = 33;  // each 3x3 one but the blocks', times the frames of its step
  constexpr std::int64_t kUnaligned = HarmonicUnetImpl::kFrameStep - 1;
  return std::accumulate(dilations.begin(), dilations.end(), std::int64_t{0}) * HarmonicUnetImpl::kFrameStep +
         kConvolutions + kUnaligned;
}

std::int64_t parameter_count(const HarmonicUnetSizes& sizes) {
  const auto& c = sizes.channels;
  const auto blocks = static_cast<std::int64_t>(sizes.dilations.size());
  const std::int64_t lowest = sizes.positions / kPositionsStep;
  const auto inputs = static_cast<std::int64_t>(kHarmonics.size()) + sizes.input_planes;
  std::int64_t count = c[0] * (9 * inputs + 1) + c[4] * lowest + blocks * c[4] * (9 * c[4] + 1) +
                       blocks / 2 * lowest * (lowest + 1) + c[0] + 1;
  for (std::size_t level = 0; level < kLevels; ++level) {
    const std::int64_t here = c.at(level);
    const std::int64_t below = c.at(level + 1);
    const std::int64_t positions = sizes.positions >> level;
    const std::int64_t units = sizes.dense_units.at(level);
    count += 2 * (units * (positions + 1) + positions * (units + 1));
    count += below * (9 * here + 1) + here * (below + 1) + here * (9 * here + 1);  // down, up, decode
    if (level > 0) count += here * (9 * here + 1);                                 // encode
  }
  return count;
}

HarmonicUnetSizes harmonic_unet_sizes(const ModelFile& file) {
  check_architecture(file, kHarmonicUnet);
  const auto one = [&](const char* name) { return read_size(file, name, 1).front(); };
  HarmonicUnetSizes sizes;
  sizes.bins = static_cast<std::int64_t>(file.info().analysis.stft.bins());
  sizes.input_planes = one("input_planes");
  sizes.positions = one("positions");
  sizes.positions_per_octave = one("positions_per_octave");
  const std::vector<std::int64_t> channels = read_size(file, "harmonic_channels", sizes.channels.size());
  std::copy(channels.begin(), channels.end(), sizes.channels.begin());
  const std::vector<std::int64_t> units = read_size(file, "dense_units", sizes.dense_units.size());
  std::copy(units.begin(), units.end(), sizes.dense_units.begin());
  sizes.dilations = read_size_list(file, "harmonic_dilations", kMaxBlocks);
  const bool fits = sizes.input_planes <= 2 && sizes.positions % kPositionsStep == 0 &&
                    sizes.positions_per_octave <= sizes.positions &&
                    sizes.positions * sizes.bins <= kMaxPositionsTimesBins && sizes.context_frames() <= 4096;
  if (!fits) {
    throw Error(ErrorKind::model,
                "cannot use model: " + file.path().string() +
                    ": sizes; expected 1 or 2 input_planes, 16 n positions and an octave of them or more, at "
                    "most 4194304 positions times bins, at most 4096 frames of context, got " +
                    std::to_string(sizes.input_planes) + ", " + std::to_string(sizes.positions) + ", " +
                    std::to_string(sizes.positions_per_octave) + " an octave, " +
                    std::to_string(sizes.positions * sizes.bins) + ", " +
                    std::to_string(sizes.context_frames()));
  }
  check_parameter_count(file, parameter_count(sizes));
  return sizes;
}

void state_sizes(const HarmonicUnetSizes& sizes, ModelInfo& info) {
  info.architecture = kHarmonicUnet;
  info.sizes = {{"input_planes", {sizes.input_planes}},
                {"positions", {sizes.positions}},
                {"positions_per_octave", {sizes.positions_per_octave}},
                {"harmonic_channels", {sizes.channels.begin(), sizes.channels.end()}},
                {"dense_units", {sizes.dense_units.begin(), sizes.dense_units.end()}},
                {"harmonic_dilations", sizes.dilations}};
  const auto fft_samples = static_cast<std::size_t>(2 * (sizes.bins - 1));
  info.analysis.stft = {fft_samples, fft_samples, fft_samples / 4};
  info.window_frames = 1;
  info.level_radius_frames = 129;  // three seconds on either side of the default sizes' frames
}

DenseAcrossImpl::DenseAcrossImpl(std::int64_t positions, std::int64_t units) {
  squeeze_ = register_module("squeeze", torch::nn::Linear(positions, units));
  expand_ = register_module("expand", torch::nn::Linear(units, positions));
  torch::nn::init::zeros_(expand_->weight);
  torch::nn::init::zeros_(expand_->bias);
}

torch::Tensor DenseAcrossImpl::forward(const torch::Tensor& x) {
  const torch::Tensor units = torch::relu(dense(x, squeeze_->weight, squeeze_->bias));
  return x + dense(units, expand_->weight, expand_->bias);
}

torch::Tensor DenseAcrossImpl::of_rectified(const torch::Tensor& x) {
  if (!suits_kernels(x)) return forward(torch::relu(x));
  const auto floats = [](const torch::Tensor& values) { return values.to(torch::kFloat).contiguous(); };
  const std::array weights = {floats(squeeze_->weight.t()), floats(squeeze_->bias),
                              floats(expand_->weight.t()), floats(expand_->bias)};
  const DenseAcrossWeights across = {x.size(3),
                                     squeeze_->weight.size(0),
                                     weights[0].data_ptr<float>(),
                                     weights[1].data_ptr<float>(),
                                     weights[2].data_ptr<float>(),
                                     weights[3].data_ptr<float>()};
  with_values(x, [&](auto* values) {
    at::parallel_for(0, x.size(0) * x.size(2), 1, [&](std::int64_t begin, std::int64_t end) {
      std::vector<float> scratch(
          static_cast<std::size_t>((across.positions + across.units) * kChannelsAtOnce));
      rectify_and_add_dense_across(values + begin * across.positions * x.size(1), end - begin, x.size(1),
                                   across, scratch.data());
    });
  });
  return x;
}

HarmonicUnetImpl::HarmonicUnetImpl(const HarmonicUnetSizes& sizes, bool normalised)
    : positions_per_octave_(sizes.positions_per_octave), dilations_(sizes.dilations) {
  const auto layer = [&](const std::string& name, std::size_t index,
                         const torch::nn::Conv2dOptions& options) {
    const bool learns_from_batches = normalised && options.kernel_size()->front() > 1;
    return register_module(name + std::to_string(index), NormalisedConvolution(options, learns_from_batches));
  };
  const auto& c = sizes.channels;
  const std::int64_t lowest = sizes.positions / kPositionsStep;
  to_positions_ = register_buffer("to_positions", bins_to_positions(sizes));
  to_bins_ = register_buffer("to_bins", positions_to_bins(sizes));
  height_ = register_buffer("height", torch::linspace(-1, 1, sizes.positions));
  place_ = register_parameter("place", torch::zeros({c[kLevels], 1, lowest}));
  encode_.push_back(layer(
      "encode", 0, convolution(static_cast<std::int64_t>(kHarmonics.size()) + sizes.input_planes, c[0])));
  for (std::size_t level = 0; level < kLevels; ++level) {
    const std::int64_t here = c.at(level);
    const std::int64_t below = c.at(level + 1);
    const auto step = step_below(level);
    if (level > 0) encode_.push_back(layer("encode", level, convolution(here, here)));
    down_.push_back(layer("down", level, convolution(here, below).stride({step[0], step[1]})));
    up_.push_back(layer("up", level, pointwise(below, here)));
    decode_.push_back(layer("decode", level, convolution(here, here)));
    const auto across = [&](const char* name) {
      return register_module(name + std::to_string(level),
                             DenseAcross(sizes.positions >> level, sizes.dense_units.at(level)));
    };
    encode_dense_.push_back(across("encode_dense"));
    decode_dense_.push_back(across("decode_dense"));
  }
  for (std::size_t block = 0; block < sizes.dilations.size(); ++block) {
    blocks_.push_back(layer("block", block, dilated(c[kLevels], sizes.dilations[block])));
    if (block % 2 == 0) continue;
    across_positions_.push_back(
        register_module("positions" + std::to_string(block), torch::nn::Linear(lowest, lowest)));
  }
  mask_ = register_module("mask", NormalisedConvolution(pointwise(c[0], 1), false));
}

void HarmonicUnetImpl::prepare() {
  for (const auto& child : children()) {
    if (auto* convolution = child->as<NormalisedConvolutionImpl>()) convolution->prepare();
  }
  if (!to_bins_.is_cpu() || to_bins_.scalar_type() != torch::kFloat) return;
  fast_to_positions_ = BandedDense(to_positions_);
  fast_to_bins_ = BandedDense(to_bins_);
}

std::vector<NamedTensor> HarmonicUnetImpl::stored_tensors() const {
  std::vector<NamedTensor> tensors;
  std::set<std::string> folded;
  for (const auto& child : named_children()) {
    const auto* convolution = child.value()->as<NormalisedConvolutionImpl>();
    if (convolution == nullptr) continue;
    const auto [weight, bias] = convolution->folded();
    tensors.push_back(named_tensor(child.key() + ".weight", weight));
    tensors.push_back(named_tensor(child.key() + ".bias", bias));
    folded.insert(child.key());
  }
  for (const auto& parameter : named_parameters()) {
    if (folded.contains(parameter.key().substr(0, parameter.key().find('.')))) continue;
    tensors.push_back(named_tensor(parameter.key(), parameter.value()));
  }
  return tensors;
}

void HarmonicUnetImpl::adopt(const ModelFile& file) {
  const torch::NoGradGuard no_gradients;
  const auto stored = [&](const std::string& name, const torch::Tensor& like) {
    std::vector<float> values = file.values(name, {like.sizes().data(), like.sizes().size()});
    return torch::tensor(values).view(like.sizes()).to(like.device());
  };
  std::set<std::string> convolutions;
  for (const auto& child : named_children()) {
    auto* convolution = child.value()->as<NormalisedConvolutionImpl>();
    if (convolution == nullptr) continue;
    convolutions.insert(child.key());
    const auto channels = torch::empty({convolution->weight.size(0)}, convolution->weight.options());
    convolution->unfold(stored(child.key() + ".weight", convolution->weight),
                        stored(child.key() + ".bias", channels));
  }
  for (auto& parameter : named_parameters()) {
    if (convolutions.contains(parameter.key().substr(0, parameter.key().find('.')))) continue;
    parameter.value().copy_(stored(parameter.key(), parameter.value()));
  }
}

torch::Tensor HarmonicUnetImpl::with_harmonics(const torch::Tensor& x) const {
  const torch::Tensor magnitudes = x.narrow(1, 0, 1);
  std::vector<torch::Tensor> planes;
  for (const double harmonic : kHarmonics) {
    const auto up = static_cast<std::int64_t>(
        std::lround(std::log2(harmonic) * static_cast<double>(positions_per_octave_)));
    planes.push_back(torch::constant_pad_nd(magnitudes, {-up, up}, kBeyond));  // below 0, padding cuts off
  }
  if (x.size(1) > 1) planes.push_back(x.narrow(1, 1, x.size(1) - 1));
  planes.push_back(height_.to(x.scalar_type()).expand_as(magnitudes));
  return torch::cat(planes, 1).contiguous(torch::MemoryFormat::ChannelsLast);
}

torch::Tensor HarmonicUnetImpl::forward(const torch::Tensor& windows) {
  return logits(windows, 0, windows.size(-2));
}

torch::Tensor HarmonicUnetImpl::slide(const torch::Tensor& stretch, const Windows& windows) {
  return logits(windows_of(stretch, windows), windows.before_kept(), windows.kept);
}

torch::Tensor HarmonicUnetImpl::logits(const torch::Tensor& windows, std::int64_t first, std::int64_t count) {
  const torch::Tensor planes = windows.dim() == 3 ? windows.unsqueeze(1) : windows;
  const std::int64_t frames = planes.size(2);
  const std::int64_t missing = (kFrameStep - frames % kFrameStep) % kFrameStep;
  const LowestFrames all = {0, (frames + missing) / kFrameStep};
  const LowestFrames wanted = {first / kFrameStep, (first + count + kFrameStep - 1) / kFrameStep};
  LowestFrames held = all;
  const torch::Tensor padded = torch::constant_pad_nd(planes, {0, 0, 0, missing});
  const torch::Tensor seen =
      fast_to_positions_.suits(padded) ? fast_to_positions_(padded) : dense(padded, to_positions_);
  std::vector<torch::Tensor> levels;
  torch::Tensor x = with_harmonics(seen);
  for (std::size_t level = 0; level < kLevels; ++level) {
    levels.push_back(encode_dense_[level]->of_rectified(encode_[level](x)));
    x = rectified(down_[level](levels.back()));
  }
  x = x + place_;
  const auto keep = [&](std::int64_t margin) {
    const LowestFrames kept = wanted.widened(margin, all);
    x = cut(x, held, kept, x.size(2) / (held.end - held.first));
    held = kept;
  };
  std::int64_t margin = std::accumulate(dilations_.begin(), dilations_.end(), kDecoderMargins.back());
  for (std::size_t block = 0; block < blocks_.size(); ++block) {
    keep(margin);
    margin -= dilations_[block];
    torch::Tensor added = rectified(blocks_[block](x));
    // Whole channels of a frame: their positions are too alike to miss one another.
    if (is_training()) added = added * dropout(torch::ones_like(added.narrow(3, 0, 1)), kDropout);
    x = x + added;
    if (block % 2 == 0) continue;
    const auto& across = across_positions_[block / 2];
    x = x + torch::relu(dense(x, across->weight, across->bias));
  }
  for (std::size_t level = kLevels; level-- > 0;) {
    keep(kDecoderMargins.at(level));
    const torch::Tensor skipped = cut(levels[level], all, held, kFrameScales.at(level));
    levels[level].reset();
    x = decode_dense_[level]->of_rectified(decode_[level](joined(skipped, up_[level](x))));
  }
  const torch::Tensor masked = mask_(x).squeeze(1).narrow(1, first - kFrameStep * held.first, count);
  return fast_to_bins_.suits(masked) ? fast_to_bins_(masked) : dense(masked, to_bins_);
}

}  // namespace svsep
