#include "network/mask/unet_tcn.hpp"

#include "network/layers/dropout.hpp"
#include "svsep/error.hpp"

#include <numeric>
#include <string>

namespace svsep {
namespace {

constexpr const char* kArchitecture = "unet-tcn";
constexpr std::int64_t kFold = 4;
constexpr std::int64_t kConvolutionsInARow = 5;  ///< 3x3 ones, from the input to the mask
constexpr std::size_t kMaxBlocks = 64;
constexpr double kDropout = 0.1;  ///< of what a block adds

/// Values of a frame between the levels and the middle.
std::int64_t flattened(const UnetTcnSizes& sizes) {
  return sizes.channels[1] * (sizes.bins - 1) / (kFold * kFold);
}

torch::nn::Conv2dOptions convolution(std::int64_t inputs, std::int64_t outputs) {
  return torch::nn::Conv2dOptions(inputs, outputs, 3).padding(1);
}

torch::nn::Conv2dOptions pointwise(std::int64_t inputs, std::int64_t outputs) { return {inputs, outputs, 1}; }

torch::nn::Conv2dOptions dilated(std::int64_t channels, std::int64_t dilation) {
  return torch::nn::Conv2dOptions(channels, channels, {3, 1})
      .padding({dilation, 0})
      .dilation({dilation, 1})
      .groups(channels);
}

// Tensors are [windows, channels, frames, positions] in channels-last memory, so that these move nothing.

/// [.., c, .., p] -> [.., kFold * c, .., p / kFold]
torch::Tensor fold(const torch::Tensor& x) {
  return x.permute({0, 2, 3, 1})
      .reshape({x.size(0), x.size(2), x.size(3) / kFold, kFold * x.size(1)})
      .permute({0, 3, 1, 2});
}

/// [.., c, .., p] -> [.., c / kFold, .., kFold * p]
torch::Tensor unfold(const torch::Tensor& x) {
  return x.permute({0, 2, 3, 1})
      .reshape({x.size(0), x.size(2), kFold * x.size(3), x.size(1) / kFold})
      .permute({0, 3, 1, 2});
}

}  // namespace

std::int64_t UnetTcnSizes::context_frames() const {
  return std::accumulate(dilations.begin(), dilations.end(), kConvolutionsInARow);
}

std::int64_t parameter_count(const UnetTcnSizes& sizes) {
  const auto [c1, c2] = sizes.channels;
  const std::int64_t hidden = sizes.hidden_units;
  const std::int64_t wide = flattened(sizes);
  const auto blocks = static_cast<std::int64_t>(sizes.dilations.size());
  const std::int64_t levels = c1 * (9 * kFold * sizes.input_planes + 1) + c2 * (9 * kFold * c1 + 1) +
                              c2 * (9 * c2 + 1) + c2 * (9 * 2 * c2 + 1) + c1 * (9 * (c2 / kFold + c1) + 1) +
                              kFold * (c1 + 1);
  return levels + hidden * (wide + 1) + wide * (hidden + 1) +
         blocks * (hidden * (3 + 1) + hidden * (hidden + 1));
}

UnetTcnSizes unet_tcn_part_sizes(const ModelFile& file) {
  UnetTcnSizes sizes;
  sizes.bins = static_cast<std::int64_t>(file.info().analysis.stft.bins());
  const bool states_planes =
      file.info().sizes.contains("input_planes");  // files of one plane may leave it out
  sizes.input_planes = states_planes ? read_size(file, "input_planes", 1).front() : 1;
  const std::vector<std::int64_t> channels = read_size(file, "channels", 2);
  sizes.channels = {channels[0], channels[1]};
  sizes.hidden_units = read_size(file, "hidden_units", 1).front();
  sizes.dilations = read_size_list(file, "dilations", kMaxBlocks);
  if (sizes.input_planes > 2) {
    throw Error(ErrorKind::model, "cannot use model: " + file.path().string() +
                                      ": size input_planes; expected 1 or 2, got " +
                                      std::to_string(sizes.input_planes));
  }
  const bool folds = (sizes.bins - 1) % (kFold * kFold) == 0 && sizes.channels[1] % kFold == 0;
  if (!folds || sizes.context_frames() > 4096) {
    throw Error(ErrorKind::model,
                "cannot use model: " + file.path().string() +
                    ": sizes; expected 16 n + 1 bins, channels in multiples of 4 and at most 4096 "
                    "frames of context, got " +
                    std::to_string(sizes.bins) + ", " + std::to_string(sizes.channels[1]) + ", " +
                    std::to_string(sizes.context_frames()));
  }
  return sizes;
}

UnetTcnSizes unet_tcn_sizes(const ModelFile& file) {
  check_architecture(file, kArchitecture);
  UnetTcnSizes sizes = unet_tcn_part_sizes(file);
  check_parameter_count(file, parameter_count(sizes));
  return sizes;
}

void state_sizes(const UnetTcnSizes& sizes, ModelInfo& info) {
  info.architecture = kArchitecture;
  info.sizes = {{"input_planes", {sizes.input_planes}},
                {"channels", {sizes.channels[0], sizes.channels[1]}},
                {"hidden_units", {sizes.hidden_units}},
                {"dilations", sizes.dilations}};
  const auto fft_samples = static_cast<std::size_t>(2 * (sizes.bins - 1));
  info.analysis.stft = {fft_samples, fft_samples, fft_samples / 4};
  info.window_frames = 1;
  info.level_radius_frames = 129;  // three seconds on either side of the default sizes' frames
}

UnetTcnImpl::UnetTcnImpl(const UnetTcnSizes& sizes, bool normalised) {
  const auto layer = [&](const std::string& name, const torch::nn::Conv2dOptions& options) {
    return register_module(name, NormalisedConvolution(options, normalised));
  };
  const auto [c1, c2] = sizes.channels;
  encode1_ = layer("encode1", convolution(kFold * sizes.input_planes, c1));
  encode2_ = layer("encode2", convolution(kFold * c1, c2));
  encode3_ = layer("encode3", convolution(c2, c2));
  enter_ = layer("enter", pointwise(flattened(sizes), sizes.hidden_units));
  for (std::size_t block = 0; block < sizes.dilations.size(); ++block) {
    const std::string name = "block" + std::to_string(block);
    depthwise_.push_back(layer(name + "_depthwise", dilated(sizes.hidden_units, sizes.dilations[block])));
    pointwise_.push_back(layer(name + "_pointwise", pointwise(sizes.hidden_units, sizes.hidden_units)));
  }
  leave_ = layer("leave", pointwise(sizes.hidden_units, flattened(sizes)));
  decode2_ = layer("decode2", convolution(2 * c2, c2));
  decode1_ = layer("decode1", convolution(c2 / kFold + c1, c1));
  mask_ = register_module("mask", NormalisedConvolution(pointwise(c1, kFold), false));
}

std::vector<NamedTensor> UnetTcnImpl::stored_tensors() const {
  std::vector<NamedTensor> tensors;
  for (const auto& child : named_children()) {
    const auto [weight, bias] = child.value()->as<NormalisedConvolutionImpl>()->folded();
    tensors.push_back(named_tensor(child.key() + ".weight", weight));
    tensors.push_back(named_tensor(child.key() + ".bias", bias));
  }
  return tensors;
}

torch::Tensor UnetTcnImpl::forward(const torch::Tensor& windows) {
  const std::int64_t bins = windows.size(-1);
  const torch::Tensor planes = windows.dim() == 3 ? windows.unsqueeze(1) : windows;
  const torch::Tensor input = planes.narrow(3, 0, bins - 1);
  const torch::Tensor level1 = torch::relu(encode1_(fold(input)));
  const torch::Tensor level2 = torch::relu(encode3_(torch::relu(encode2_(fold(level1)))));
  // All positions and channels of a frame side by side: [windows, positions x channels, frames, 1].
  torch::Tensor x = enter_(level2.permute({0, 2, 3, 1}).flatten(2).unsqueeze(2).permute({0, 3, 1, 2}));
  for (std::size_t block = 0; block < depthwise_.size(); ++block) {
    const torch::Tensor added = pointwise_[block](torch::relu(depthwise_[block](x)));
    x = x + (is_training() ? dropout(added, kDropout) : added);
  }
  x = leave_(torch::relu(x)).permute({0, 2, 3, 1});
  x = x.reshape({x.size(0), x.size(1), level2.size(3), level2.size(1)}).permute({0, 3, 1, 2});
  x = torch::relu(decode2_(torch::cat({x, level2}, 1)));
  x = torch::relu(decode1_(torch::cat({unfold(x), level1}, 1)));
  const torch::Tensor logits = unfold(mask_(x)).squeeze(1);
  return torch::cat({logits, logits.narrow(2, bins - 2, 1)}, 2);
}

}  // namespace svsep
