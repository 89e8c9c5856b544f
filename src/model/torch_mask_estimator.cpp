#include "model/torch_mask_estimator.hpp"

#include "model/device.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

namespace svsep {
namespace {

// A CPU is fastest while a layer's activations stay near its caches; a GPU wants many windows at once.
constexpr std::size_t kWindowsPerBatchCpu = 8;
constexpr std::size_t kWindowsPerBatchCuda = 128;
constexpr std::size_t kBatchesPerCall = 8;  ///< spreads the cost of the context over more frames

}  // namespace

TorchMaskEstimator::TorchMaskEstimator(const ModelFile& file, const torch::Device& device, std::size_t stride)
    : info_(file.info()),
      device_(device),
      stride_(stride),
      windows_per_batch_(device.is_cuda() ? kWindowsPerBatchCuda : kWindowsPerBatchCpu) {
  if (stride < 1 || stride > info_.window_frames) {
    throw Error(ErrorKind::usage, "stride; expected 1 to " + std::to_string(info_.window_frames) + ", got " +
                                      std::to_string(stride));
  }
  with_torch_errors("cannot prepare the network", [&] {
    network_ = ThesisCnn(thesis_cnn_sizes(file));
    load_parameters(*network_, file);
    network_->eval();
    for (torch::Tensor& parameter :
         network_->parameters()) {  // channels last: the convolutions run faster so
      if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(torch::MemoryFormat::ChannelsLast));
    }
    network_->to(device_);
    if (info_.input_transform == InputTransform::log_level) {
      statistics_ = load_statistics(file);
      statistics_ = {statistics_.mean.to(device_), statistics_.scale.to(device_)};
    }
  });
}

std::size_t TorchMaskEstimator::context_frames() const {
  const std::size_t level_frames =
      info_.input_transform == InputTransform::log_level ? info_.level_radius_frames : 0;
  return level_frames + info_.window_frames / 2;
}

std::size_t TorchMaskEstimator::batch_frames() const {
  return kBatchesPerCall * windows_per_batch_ * stride_;
}

void TorchMaskEstimator::estimate(std::span<const float> magnitudes, std::span<float> mask) {
  const auto bins = static_cast<std::int64_t>(info_.analysis.stft.bins());
  const auto context = static_cast<std::int64_t>(context_frames());
  const auto batch = static_cast<std::int64_t>(batch_frames());
  const auto stride = static_cast<std::int64_t>(stride_);
  const auto window = static_cast<std::int64_t>(info_.window_frames);
  const std::int64_t half = window / 2;        // frames of a window before its middle one
  const std::int64_t lead = (stride - 1) / 2;  // frames of a group before the one its window is centred on
  with_torch_errors("cannot estimate masks", [&] {
    const c10::InferenceMode inference;
    // from_blob wants a pointer to non-const, yet nothing writes through it.
    torch::Tensor x =
        torch::from_blob(const_cast<float*>(magnitudes.data()), {2 * context + batch, bins}).to(device_);
    if (info_.input_transform == InputTransform::log_level) {
      const std::int64_t first = context - half;
      const torch::Tensor gains = frame_gains(x, info_.level_radius_frames);
      x = log_compress(x.narrow(0, first, batch + 2 * half), gains.narrow(0, first, batch + 2 * half),
                       info_.log_floor);
      x = standardise(x, statistics_);
    }
    // [windows, frames, bins], one window a group of `stride` frames
    const torch::Tensor windows =
        x.narrow(0, lead, x.size(0) - lead).unfold(0, window, stride).transpose(1, 2);
    const auto step = static_cast<std::int64_t>(windows_per_batch_);
    auto out = mask.begin();
    for (std::int64_t first = 0; first < batch / stride; first += step) {
      const torch::Tensor logits = network_(windows.narrow(0, first, step)).narrow(1, half - lead, stride);
      const torch::Tensor gains = logits.sigmoid().to(torch::kCPU).contiguous();
      const float* data = gains.data_ptr<float>();
      out = std::copy_n(data, gains.numel(), out);
    }
  });
}

}  // namespace svsep
