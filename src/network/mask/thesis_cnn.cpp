#include "network/mask/thesis_cnn.hpp"

#include "network/layers/dropout.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace svsep {
namespace {

constexpr std::int64_t kKernelFrames = 3;
constexpr std::int64_t kKernelBins = 12;
constexpr std::int64_t kPoolBins = 12;

std::int64_t pooled(std::int64_t bins) { return (bins + kPoolBins - 1) / kPoolBins; }

std::int64_t flattened(const ThesisCnnSizes& sizes) {
  return sizes.window_frames * pooled(pooled(sizes.bins)) * sizes.convolution_channels[3];
}

std::int64_t parameter_count(const ThesisCnnSizes& sizes) {
  std::int64_t count = 0;
  std::int64_t inputs = 1;
  for (const std::int64_t channels : sizes.convolution_channels) {
    count += channels * (inputs * kKernelFrames * kKernelBins + 1);
    inputs = channels;
  }
  inputs = flattened(sizes);
  for (const std::int64_t units :
       {sizes.dense_units[0], sizes.dense_units[1], sizes.window_frames * sizes.bins}) {
    count += units * (inputs + 1);
    inputs = units;
  }
  return count;
}

template <std::size_t N>
void read_sizes(const ModelFile& file, const char* name, std::array<std::int64_t, N>& sizes) {
  std::copy_n(read_size(file, name, N).begin(), N, sizes.begin());
}

/// TensorFlow's 'same' padding for an even kernel: one more zero on the right.
torch::Tensor pad_for_convolution(const torch::Tensor& x) {
  return torch::constant_pad_nd(
      x, {(kKernelBins - 1) / 2, kKernelBins / 2, (kKernelFrames - 1) / 2, kKernelFrames / 2});
}

/// ReLU and max-pool (in the cheaper order) with TensorFlow's 'same' padding: what is odd of it comes last,
/// where ceil_mode adds it.
torch::Tensor rectify_and_pool(const torch::Tensor& x) {
  const std::int64_t padding = pooled(x.size(3)) * kPoolBins - x.size(3);
  return torch::max_pool2d(x, {1, kPoolBins}, {1, kPoolBins}, {0, padding / 2}, 1, true).relu_();
}

/// A convolution by one frame of a kernel, of [frames, channels, 1, bins]. The output, padded alike on both
/// sides, has one bin too many, the first.
torch::Tensor convolve_row(const torch::Tensor& x, const torch::Tensor& kernel, const torch::Tensor& bias) {
  const std::array<std::int64_t, 2> padding = {0, kKernelBins / 2};
  return torch::conv2d(x, kernel, bias, /*stride=*/1, padding).narrow(3, 1, x.size(3));
}

}  // namespace

ThesisCnnSizes thesis_cnn_sizes(const ModelFile& file) {
  const ModelInfo& info = file.info();
  check_architecture(file, kThesisCnn);
  ThesisCnnSizes sizes;
  sizes.window_frames = static_cast<std::int64_t>(info.window_frames);
  sizes.bins = static_cast<std::int64_t>(info.analysis.stft.bins());
  read_sizes(file, "convolution_channels", sizes.convolution_channels);
  read_sizes(file, "dense_units", sizes.dense_units);
  check_parameter_count(file, parameter_count(sizes));
  return sizes;
}

void state_sizes(const ThesisCnnSizes& sizes, ModelInfo& info) {
  const auto& channels = sizes.convolution_channels;
  const auto& units = sizes.dense_units;
  info.architecture = kThesisCnn;
  info.window_frames = static_cast<std::size_t>(sizes.window_frames);
  info.sizes = {{"convolution_channels", {channels.begin(), channels.end()}},
                {"dense_units", {units.begin(), units.end()}}};
}

ThesisCnnImpl::ThesisCnnImpl(const ThesisCnnSizes& sizes, double dropout) : sizes_(sizes), dropout_(dropout) {
  const auto convolution = [](std::int64_t inputs, std::int64_t outputs) {
    return torch::nn::Conv2d(torch::nn::Conv2dOptions(inputs, outputs, {kKernelFrames, kKernelBins}));
  };
  const auto& channels = sizes_.convolution_channels;
  conv1_ = register_module("conv1", convolution(1, channels[0]));
  conv2_ = register_module("conv2", convolution(channels[0], channels[1]));
  conv3_ = register_module("conv3", convolution(channels[1], channels[2]));
  conv4_ = register_module("conv4", convolution(channels[2], channels[3]));
  dense1_ = register_module("dense1", torch::nn::Linear(flattened(sizes_), sizes_.dense_units[0]));
  dense2_ = register_module("dense2", torch::nn::Linear(sizes_.dense_units[0], sizes_.dense_units[1]));
  dense3_ =
      register_module("dense3", torch::nn::Linear(sizes_.dense_units[1], sizes_.window_frames * sizes_.bins));
  for (auto& parameter : named_parameters()) {
    if (parameter.value().dim() > 1) {
      torch::nn::init::xavier_uniform_(parameter.value());
    } else {
      torch::nn::init::constant_(parameter.value(), 0.1);
    }
  }
}

torch::Tensor ThesisCnnImpl::forward(const torch::Tensor& windows) {
  torch::Tensor x = windows.unsqueeze(1);  // one channel: [batch, 1, frames, bins]
  x = torch::relu(conv1_(pad_for_convolution(x)));
  x = rectify_and_pool(conv2_(pad_for_convolution(x)));
  return dense3_(hidden_units(x)).view({-1, sizes_.window_frames, sizes_.bins});
}

torch::Tensor ThesisCnnImpl::hidden_units(const torch::Tensor& features) {
  torch::Tensor x = torch::relu(conv3_(pad_for_convolution(features)));
  x = rectify_and_pool(conv4_(pad_for_convolution(x)));
  x = x.permute({0, 2, 3, 1}).flatten(1);  // Keras' order: [frames][bins][channels]
  if (is_training()) x = dropout(x, dropout_);
  x = torch::relu(dense1_(x));
  if (is_training()) x = dropout(x, dropout_);
  return torch::relu(dense2_(x));
}

// Windows that overlap share most of the first two convolutions: a frame has the same values in every window,
// except where zeros beyond the window's ends reach it, which are the first and last frame after one
// convolution of three frames, and two on either side after the second. What these need of shared frames is
// shared too, because a convolution is the sum of those by each frame of its kernel.
torch::Tensor ThesisCnnImpl::pooled_windows(const torch::Tensor& frames, std::int64_t hop) {
  const std::int64_t last = sizes_.window_frames - 1;
  // The frame at a position of every window; x starts with that at position `start` of the first window.
  const auto every = [&](const torch::Tensor& x, std::int64_t position, std::int64_t start) {
    const std::int64_t first = position - start;
    return x.slice(0, first, first + frames.size(0) - last, hop);
  };

  // So little work that it takes the three frames as channels rather than as a sum.
  const auto first_layer = [&](const torch::Tensor& before, const torch::Tensor& at,
                               const torch::Tensor& after) {
    const torch::Tensor x = torch::stack({before, at, after}, 2).unsqueeze(1).permute({0, 3, 1, 2});
    return torch::relu(convolve_row(x, conv1_->weight.transpose(1, 2), conv1_->bias));
  };
  const torch::Tensor outside = torch::zeros_like(every(frames, 0, 0));
  const torch::Tensor left = first_layer(outside, every(frames, 0, 0), every(frames, 1, 0));
  const torch::Tensor inner = first_layer(frames.slice(0, 0, -2), frames.slice(0, 1, -1), frames.slice(0, 2));
  const torch::Tensor right = first_layer(every(frames, last - 1, 0), every(frames, last, 0), outside);

  const auto row = [&](const torch::Tensor& x, std::int64_t kernel_frame) {
    const torch::Tensor bias = kernel_frame == 1 ? conv2_->bias : torch::Tensor();  // once in every sum
    return convolve_row(x, conv2_->weight.narrow(2, kernel_frame, 1), bias);
  };
  const torch::Tensor before = row(inner, 0);
  const torch::Tensor at = row(inner, 1);
  const torch::Tensor after = row(inner, 2);
  const torch::Tensor shared =
      rectify_and_pool((before.slice(0, 0, -2) + at.slice(0, 1, -1)).add_(after.slice(0, 2)));
  std::vector<torch::Tensor> window = {
      rectify_and_pool(row(left, 1) + every(after, 1, 1)),
      rectify_and_pool((row(left, 0) + every(at, 1, 1)).add_(every(after, 2, 1)))};
  for (std::int64_t position = 2; position <= last - 2; ++position) {
    window.push_back(every(shared, position, 2));
  }
  window.push_back(
      rectify_and_pool((row(right, 2) + every(at, last - 1, 1)).add_(every(before, last - 2, 1))));
  window.push_back(rectify_and_pool(row(right, 1) + every(before, last - 1, 1)));
  return torch::cat(window, 2);
}

torch::Tensor ThesisCnnImpl::slide(const torch::Tensor& stretch, const Windows& windows) {
  // Counted in products of one frame with one frame of the second convolution's kernel, which takes most of
  // the time. A window has three for each frame that it adds and four at its edges, or else three for all its
  // frames.
  const bool sharing_pays = kKernelFrames * windows.hop + 4 < kKernelFrames * windows.frames;
  if (windows.frames < 5 || !sharing_pays) return MaskNetwork::slide(stretch, windows);
  const torch::Tensor units = hidden_units(pooled_windows(stretch, windows.hop));
  const std::int64_t first = windows.before_kept() * sizes_.bins;
  const std::int64_t count = windows.kept * sizes_.bins;
  return torch::linear(units, dense3_->weight.narrow(0, first, count), dense3_->bias.narrow(0, first, count))
      .view({-1, windows.kept, sizes_.bins});
}

}  // namespace svsep
