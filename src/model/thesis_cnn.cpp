#include "model/thesis_cnn.hpp"

#include <algorithm>

namespace svsep {
namespace {

constexpr const char* kArchitecture = "thesis-cnn";
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

/// Max-pool with TensorFlow's 'same' padding. Zeros never win after a ReLU.
torch::Tensor pool(const torch::Tensor& x) {
  const std::int64_t padding = pooled(x.size(3)) * kPoolBins - x.size(3);
  return torch::max_pool2d(torch::constant_pad_nd(x, {padding / 2, padding - padding / 2}), {1, kPoolBins});
}

}  // namespace

ThesisCnnSizes thesis_cnn_sizes(const ModelFile& file) {
  const ModelInfo& info = file.info();
  check_architecture(file, kArchitecture);
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
  info.architecture = kArchitecture;
  info.window_frames = static_cast<std::size_t>(sizes.window_frames);
  info.sizes = {{"convolution_channels", {channels.begin(), channels.end()}},
                {"dense_units", {units.begin(), units.end()}}};
}

ThesisCnnImpl::ThesisCnnImpl(const ThesisCnnSizes& sizes, double dropout) : sizes_(sizes) {
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
  dropout_ = register_module("dropout", torch::nn::Dropout(dropout));
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
  x = pool(torch::relu(conv2_(pad_for_convolution(x))));
  x = torch::relu(conv3_(pad_for_convolution(x)));
  x = pool(torch::relu(conv4_(pad_for_convolution(x))));
  x = dropout_(x.permute({0, 2, 3, 1}).flatten(1));  // Keras' order: [frames][bins][channels]
  x = dropout_(torch::relu(dense1_(x)));
  x = torch::relu(dense2_(x));
  return dense3_(x).view({-1, sizes_.window_frames, sizes_.bins});
}

}  // namespace svsep
