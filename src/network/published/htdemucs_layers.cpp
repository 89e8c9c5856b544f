#include "network/published/htdemucs_layers.hpp"

#include "network/published/tiles.hpp"

#include <ATen/Parallel.h>
#include <algorithm>

namespace svsep {
namespace {

constexpr std::int64_t kCompression = 8;  // of the channels in a residual branch
constexpr std::int64_t kResidualKernel = 3;
constexpr std::int64_t kFramesPerPart = 8 * kResidualTile;  // that a thread takes at once
constexpr std::int64_t kTileValues = 1 << 18;               // of a layer's output

std::int64_t padded(std::int64_t frames) {
  return (frames + kResidualTile - 1) / kResidualTile * kResidualTile;
}

/// One value per channel for [batch, channels, ...].
torch::Tensor per_channel(const torch::Tensor& values) { return values.view({1, -1, 1, 1}); }

/// Norm of each frequency over all its channels and frames, then a factor and a summand per channel.
torch::Tensor norm_of_frequencies(const torch::Tensor& x, const WeightAndBias& norm) {
  constexpr double kEpsilon = 1e-5;
  const auto [variance, mean] = torch::var_mean(x, {1, 3}, /*unbiased=*/false, /*keepdim=*/true);
  return (x - mean) * (variance + kEpsilon).rsqrt() * per_channel(norm.weight) + per_channel(norm.bias);
}

/// The kernel and its stride lie along the frequencies, or along the samples of the time branch.
std::vector<std::int64_t> along(const DemucsLayerSizes& sizes, std::int64_t value, std::int64_t other) {
  return sizes.over_time ? std::vector<std::int64_t>{other, value} : std::vector<std::int64_t>{value, other};
}

/// What the kernel sees on either side of the values that it replaces.
std::int64_t outside_of(const DemucsLayerSizes& sizes) { return sizes.kernel / 4; }

/// Torch's weights of the time branch are those of 1-d convolutions.
torch::Tensor two_dimensional(const torch::Tensor& weight) {
  return weight.dim() == 3 ? weight.unsqueeze(2) : weight;
}

/// Rows `first` to `end` of an image and silence where it has none.
torch::Tensor rows_of(const torch::Tensor& x, std::int64_t first, std::int64_t end) {
  const std::int64_t from = std::max<std::int64_t>(first, 0), to = std::min(end, x.size(2));
  const torch::Tensor rows = x.narrow(2, from, to - from);
  return from == first && to == end ? rows : torch::constant_pad_nd(rows, {0, 0, from - first, end - to});
}

/// An image of `shape`, whose rows from stride * first to stride * end `step(first, end)` gives.
template <typename Step>
torch::Tensor by_rows(const torch::Tensor& like, const std::vector<std::int64_t>& shape, std::int64_t stride,
                      const Step& step) {
  const Tiles tiles(like, shape[2] / stride, shape[0] * shape[1] * stride * shape[3], kTileValues);
  return tiles.joined(shape, 2, stride, step);
}

std::shared_ptr<WeightAndBias> convolution(const DemucsLayerSizes& sizes, std::int64_t first,
                                           std::int64_t second, std::int64_t kernel,
                                           std::int64_t other_kernel, std::int64_t bias) {
  return sizes.over_time
             ? std::make_shared<WeightAndBias>(std::initializer_list<std::int64_t>{first, second, kernel},
                                               bias)
             : std::make_shared<WeightAndBias>(
                   std::initializer_list<std::int64_t>{first, second, kernel, other_kernel}, bias);
}

}  // namespace

WeightAndBias::WeightAndBias(std::initializer_list<std::int64_t> weight_shape, std::int64_t bias_size)
    : weight(register_parameter("weight", unset(weight_shape), false)),
      bias(register_parameter("bias", unset({bias_size}), false)) {}

ChannelScale::ChannelScale(std::int64_t channels)
    : scale(register_parameter("scale", unset({channels}), false)) {}

DilatedResidual::DilatedResidual(std::int64_t channels, std::int64_t depth) {
  const std::int64_t hidden = channels / kCompression;
  auto list = std::make_shared<torch::nn::Module>();
  for (std::int64_t k = 0; k < depth; ++k) {
    Branch branch{
        std::int64_t{1} << k,
        std::make_shared<WeightAndBias>(
            std::initializer_list<std::int64_t>{hidden, channels, kResidualKernel}, hidden),
        std::make_shared<WeightAndBias>(std::initializer_list<std::int64_t>{hidden}, hidden),
        std::make_shared<WeightAndBias>(
            std::initializer_list<std::int64_t>{2 * channels, hidden, std::int64_t{1}}, 2 * channels),
        std::make_shared<WeightAndBias>(std::initializer_list<std::int64_t>{2 * channels}, 2 * channels),
        std::make_shared<ChannelScale>(channels)};
    auto layers = std::make_shared<torch::nn::Module>();
    layers->register_module("0", branch.narrow);  // 2 and 5 are activations
    layers->register_module("1", branch.narrow_norm);
    layers->register_module("3", branch.wide);
    layers->register_module("4", branch.wide_norm);
    layers->register_module("6", branch.scale);
    list->register_module(std::to_string(k), layers);
    branches_.push_back(std::move(branch));
  }
  register_module("layers", list);
}

torch::Tensor DilatedResidual::apply(const Branch& branch, const torch::Tensor& x) {
  const std::vector<std::int64_t> padding = {0, branch.dilation * (kResidualKernel / 2)};
  const std::vector<std::int64_t> dilation = {1, branch.dilation};
  const torch::Tensor narrow = torch::conv2d(x, two_dimensional(branch.narrow->weight), branch.narrow->bias,
                                             /*stride=*/1, padding, dilation);
  const torch::Tensor activated = torch::gelu(norm_of_frequencies(narrow, *branch.narrow_norm));
  const torch::Tensor wide =
      torch::conv2d(activated, two_dimensional(branch.wide->weight), branch.wide->bias);
  return torch::addcmul(x, torch::glu(norm_of_frequencies(wide, *branch.wide_norm), 1),
                        per_channel(branch.scale->scale));
}

ResidualWeights DilatedResidual::weights_of(const Branch& branch) {
  const auto data = [](const torch::Tensor& tensor) { return tensor.data_ptr<float>(); };
  return {.channels = branch.narrow->weight.size(1),
          .hidden = branch.narrow->weight.size(0),
          .dilation = branch.dilation,
          .narrow = data(branch.narrow->weight),
          .narrow_bias = data(branch.narrow->bias),
          .narrow_norm = data(branch.narrow_norm->weight),
          .narrow_norm_bias = data(branch.narrow_norm->bias),
          .wide = data(branch.wide->weight),
          .wide_bias = data(branch.wide->bias),
          .wide_norm = data(branch.wide_norm->weight),
          .wide_norm_bias = data(branch.wide_norm->bias),
          .scale = data(branch.scale->scale)};
}

/// Every frequency for itself, all branches while its frames are in the cache.
void DilatedResidual::apply_to_frequencies(const torch::Tensor& x) const {
  const std::int64_t frequencies = x.size(2), frames = x.size(3);
  at::parallel_for(0, x.size(0) * frequencies, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> memory;
    for (std::int64_t n = begin; n < end; ++n) {
      float* const first =
          x.data_ptr<float>() + n / frequencies * x.stride(0) + n % frequencies * x.stride(2);
      const Plane plane = {first, x.stride(1), frames};
      for (const Branch& branch : branches_) {
        const ResidualWeights weights = weights_of(branch);
        memory.resize(static_cast<std::size_t>(weights.hidden * padded(frames)));
        const Plane hidden = {memory.data(), padded(frames), frames};
        Moments moments(weights.hidden);
        narrow(weights, plane, {0, frames}, hidden, moments);
        activate(weights, hidden, {0, frames}, moments, moments);
        widen(weights, hidden, {0, frames}, moments, plane);
      }
    }
  });
}

/// One frequency of many frames: step by step, the frames shared between threads.
void DilatedResidual::apply_to_frames(const torch::Tensor& x) const {
  const std::int64_t frames = x.size(3);
  const Plane plane = {x.data_ptr<float>(), x.stride(1), frames};
  for (const Branch& branch : branches_) {
    const ResidualWeights weights = weights_of(branch);
    const torch::Tensor memory = torch::empty({weights.hidden, padded(frames)});
    const Plane hidden = {memory.data_ptr<float>(), padded(frames), frames};
    Moments total(weights.hidden);
    // The parts and the order of their sums do not depend on the number of threads.
    const auto in_parallel = [&](const auto& step) {
      const std::int64_t parts = (frames + kFramesPerPart - 1) / kFramesPerPart;
      std::vector<Moments> moments(static_cast<std::size_t>(parts), Moments(weights.hidden));
      at::parallel_for(0, parts, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t part = begin; part < end; ++part) {
          const std::int64_t first = part * kFramesPerPart;
          step(FrameRange{first, std::min(frames, first + kFramesPerPart)},
               moments[static_cast<std::size_t>(part)]);
        }
      });
      for (const Moments& of_part : moments) total.add(of_part);
    };
    in_parallel([&](FrameRange range, Moments& sum) { narrow(weights, plane, range, hidden, sum); });
    const Moments narrowed = total;
    in_parallel([&](FrameRange range, Moments& sum) { activate(weights, hidden, range, narrowed, sum); });
    const Moments activated = total;
    in_parallel(
        [&](FrameRange range, Moments& /*none*/) { widen(weights, hidden, range, activated, plane); });
  }
}

torch::Tensor DilatedResidual::forward(const torch::Tensor& x) const {
  torch::Tensor y = x.contiguous();
  if (!y.is_cpu() || y.scalar_type() != torch::kFloat) {
    for (const Branch& branch : branches_) y = apply(branch, y);
  } else if (y.size(2) > 1) {
    apply_to_frequencies(y);
  } else {
    for (std::int64_t item = 0; item < y.size(0); ++item) apply_to_frames(y.narrow(0, item, 1));
  }
  return y;
}

DemucsEncoderLayer::DemucsEncoderLayer(const DemucsLayerSizes& sizes) : sizes_(sizes) {
  conv_ = register_module("conv", convolution(sizes, sizes.inner, sizes.outer, sizes.kernel, 1, sizes.inner));
  rewrite_ =
      register_module("rewrite", convolution(sizes, 2 * sizes.inner, sizes.inner, 1, 1, 2 * sizes.inner));
  if (sizes.residual_depth > 0) {
    dconv_ = register_module("dconv", std::make_shared<DilatedResidual>(sizes.inner, sizes.residual_depth));
  }
}

torch::Tensor DemucsEncoderLayer::forward(const torch::Tensor& x) const {
  const std::int64_t stride = sizes_.stride, outside = outside_of(sizes_);
  if (sizes_.over_time) {
    const std::int64_t rest = x.size(-1) % stride;
    return encode(rest == 0 ? x : torch::constant_pad_nd(x, {0, stride - rest}), {0, outside});
  }
  const std::int64_t rows = (x.size(2) + 2 * outside - sizes_.kernel) / stride + 1;
  return by_rows(x, {x.size(0), sizes_.inner, rows, x.size(3)}, 1, [&](std::int64_t first, std::int64_t end) {
    const std::int64_t from = first * stride - outside;
    return encode(rows_of(x, from, from + (end - first - 1) * stride + sizes_.kernel), {0, 0});
  });
}

torch::Tensor DemucsEncoderLayer::encode(const torch::Tensor& x,
                                         const std::vector<std::int64_t>& padding) const {
  torch::Tensor y =
      torch::conv2d(x, two_dimensional(conv_->weight), conv_->bias, along(sizes_, sizes_.stride, 1), padding);
  at::gelu_(y);
  if (dconv_) y = dconv_->forward(y);
  return torch::glu(torch::conv2d(y, two_dimensional(rewrite_->weight), rewrite_->bias), 1);
}

DemucsDecoderLayer::DemucsDecoderLayer(const DemucsLayerSizes& sizes, bool last)
    : sizes_(sizes), last_(last) {
  const std::int64_t width = 1 + 2 * sizes.context;
  conv_tr_ =
      register_module("conv_tr", convolution(sizes, sizes.inner, sizes.outer, sizes.kernel, 1, sizes.outer));
  rewrite_ = register_module("rewrite",
                             convolution(sizes, 2 * sizes.inner, sizes.inner, width, width, 2 * sizes.inner));
  if (sizes.residual_depth > 0) {
    dconv_ = register_module("dconv", std::make_shared<DilatedResidual>(sizes.inner, sizes.residual_depth));
  }
}

void DemucsDecoderLayer::prepare() {
  // Output stride * m + p is the sum of x[m] * w[p] and x[m - 1] * w[stride + p]: a convolution whose kernel
  // sees two neighbours and which gives `stride` values for each, in the order [channel, p].
  const torch::Tensor weight = two_dimensional(conv_tr_->weight).flatten(2);  // [inner, outer, kernel]
  const torch::Tensor taps = weight.view({sizes_.inner, sizes_.outer, 2, sizes_.stride}).flip(2);
  const std::vector<std::int64_t> window = along(sizes_, 2, 1);
  spread_weight_ =
      taps.permute({1, 3, 0, 2}).reshape({sizes_.outer * sizes_.stride, sizes_.inner, window[0], window[1]});
  spread_bias_ = conv_tr_->bias.repeat_interleave(sizes_.stride);
}

torch::Tensor DemucsDecoderLayer::forward(const torch::Tensor& x, const torch::Tensor& skip,
                                          std::int64_t length) const {
  const std::int64_t context = sizes_.context, outside = outside_of(sizes_);
  if (sizes_.over_time) {
    return spread(gate(x + skip, {0, context}), {0, 1}).narrow(3, outside, length);
  }
  const torch::Tensor y = by_rows(x, x.sizes().vec(), 1, [&](std::int64_t first, std::int64_t end) {
    const std::int64_t from = first - context, to = end + context;
    return gate(rows_of(x, from, to) + rows_of(skip, from, to), {0, context});
  });
  const std::vector<std::int64_t> shape = {x.size(0), sizes_.outer, (x.size(2) + 1) * sizes_.stride,
                                           x.size(3)};
  return by_rows(y, shape, sizes_.stride,
                 [&](std::int64_t first, std::int64_t end) {
                   return spread(rows_of(y, first - 1, end), {0, 0});
                 })
      .narrow(2, outside, length);
}

torch::Tensor DemucsDecoderLayer::gate(const torch::Tensor& x,
                                       const std::vector<std::int64_t>& padding) const {
  torch::Tensor y =
      torch::glu(torch::conv2d(x, two_dimensional(rewrite_->weight), rewrite_->bias, 1, padding), 1);
  return dconv_ ? dconv_->forward(y) : y;
}

torch::Tensor DemucsDecoderLayer::spread(const torch::Tensor& y,
                                         const std::vector<std::int64_t>& padding) const {
  const torch::Tensor parts = torch::conv2d(y, spread_weight_, spread_bias_, 1, padding);
  const std::int64_t rows = parts.size(2), columns = parts.size(3);
  const torch::Tensor split = parts.view({y.size(0), sizes_.outer, sizes_.stride, rows, columns});
  torch::Tensor z = sizes_.over_time
                        ? split.permute({0, 1, 3, 4, 2}).reshape({y.size(0), sizes_.outer, rows, -1})
                        : split.permute({0, 1, 3, 2, 4}).reshape({y.size(0), sizes_.outer, -1, columns});
  if (!last_) at::gelu_(z);
  return z;
}

}  // namespace svsep
