#include "network/mask/torch_mask_estimator.hpp"

#include "core/log.hpp"
#include "network/device.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <cmath>

namespace svsep {
namespace {

constexpr std::int64_t kShortStepFrames = 128;  ///< few shapes: oneDNN compiles its kernels for each
constexpr std::int64_t kFramesPerCall = 320;  ///< at least: spreads the cost of the context over more frames

}  // namespace

TorchMaskEstimator::TorchMaskEstimator(const ModelFile& file, const torch::Device& device, std::size_t stride,
                                       torch::ScalarType type, std::size_t overlap)
    : path_(file.path()),
      info_(file.info()),
      device_(device),
      type_(info_.input_transform == InputTransform::log_level ? type : torch::kFloat) {
  with_torch_errors("cannot prepare the network", [&] {
    network_ = load_network(file, static_cast<std::int64_t>(stride), static_cast<std::int64_t>(overlap));
    network_.network->eval();
    for (torch::Tensor& parameter :
         network_.network->parameters()) {  // channels last: the convolutions run faster so
      if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(torch::MemoryFormat::ChannelsLast));
    }
    network_.network->to(device_, type_);
    network_.network->prepare();
    output_bias_ = load_output_bias(file);
    if (output_bias_.defined()) output_bias_ = output_bias_.to(device_);
    if (info_.input_transform == InputTransform::log_level) {
      statistics_ = load_statistics(file);
      statistics_ = {statistics_.mean.to(device_), statistics_.scale.to(device_)};
    }
  });
  windows_per_batch_ = device.is_cuda() ? network_.windows_per_batch_cuda : network_.windows_per_batch_cpu;
  const std::int64_t batch_frames = windows_per_batch_ * network_.windows.hop;
  windows_per_call_ = windows_per_batch_ * ((kFramesPerCall + batch_frames - 1) / batch_frames);
}

std::int64_t TorchMaskEstimator::level_frames() const {
  return info_.input_transform == InputTransform::log_level
             ? static_cast<std::int64_t>(info_.level_radius_frames)
             : 0;
}

std::size_t TorchMaskEstimator::input_planes() const {
  return static_cast<std::size_t>(network_.input_planes);
}

std::size_t TorchMaskEstimator::context_frames() const {
  const Windows& windows = network_.windows;
  return static_cast<std::size_t>(level_frames() + windows.before_kept() + windows.kept - windows.hop);
}

std::size_t TorchMaskEstimator::batch_frames() const {
  return static_cast<std::size_t>(windows_per_call_ * network_.windows.hop);
}

/// One window can be shorter; of several, some can be left out.
std::size_t TorchMaskEstimator::step_frames() const {
  const bool is_one_window = windows_per_call_ == 1 && network_.windows.hop % kShortStepFrames == 0;
  return static_cast<std::size_t>(is_one_window ? kShortStepFrames : network_.windows.hop);
}

torch::Tensor TorchMaskEstimator::network_input(std::span<const float> magnitudes,
                                                std::int64_t frames) const {
  const auto bins = static_cast<std::int64_t>(info_.analysis.stft.bins());
  // from_blob wants a pointer to non-const, yet nothing writes through it.
  torch::Tensor x =
      torch::from_blob(const_cast<float*>(magnitudes.data()), {frames, network_.input_planes, bins})
          .to(device_);
  x = network_.input_planes == 1 ? x.squeeze(1) : x.transpose(0, 1);
  if (info_.input_transform == InputTransform::log_level) {
    const std::int64_t needed = frames - 2 * level_frames();
    const torch::Tensor first_plane = x.dim() == 2 ? x : x[0];
    const torch::Tensor gains = frame_gains(first_plane, info_.level_radius_frames);
    x = log_compress(x.narrow(-2, level_frames(), needed), gains.narrow(0, level_frames(), needed),
                     info_.log_floor);
    x = standardise(x, statistics_);
  }
  return x.to(type_);
}

void TorchMaskEstimator::estimate(std::span<const float> magnitudes, std::span<float> mask) {
  const auto bins = static_cast<std::int64_t>(info_.analysis.stft.bins());
  const std::int64_t answered = static_cast<std::int64_t>(mask.size()) / bins;
  const std::int64_t frames = static_cast<std::int64_t>(2 * context_frames()) + answered;
  with_torch_errors("cannot estimate masks", [&] {
    const c10::InferenceMode inference;
    const torch::Tensor x = network_input(magnitudes, frames);
    const Windows windows = network_.windows.cut_to(answered);
    const std::int64_t windows_in_all = answered / windows.hop;
    auto out = mask.begin();
    for (std::int64_t first = 0; first < windows_in_all;) {
      throw_if_cancelled();
      const std::int64_t count = std::min(windows_per_batch_, windows_in_all - first);
      try {
        const torch::Tensor stretch =
            x.narrow(-2, first * windows.hop, (count + windows.overlap() - 2) * windows.hop + windows.frames);
        const torch::Tensor gains =
            network_.network->masks(stretch, windows, output_bias_).to(torch::kCPU).contiguous();
        const float* data = gains.data_ptr<float>();
        if (std::any_of(data, data + gains.numel(), [](float gain) { return std::isnan(gain); })) {
          throw Error(ErrorKind::model,
                      "cannot use model: " + path_.string() +
                          ": the network's output; expected gains in 0..1, got not a number");
        }
        out = std::copy_n(data, gains.numel(), out);
        first += count;
      } catch (const c10::OutOfMemoryError&) {
        if (count == 1) throw;
        windows_per_batch_ = count / 2;
        logger().warn("the device is short of memory: from now on {} windows at once instead of {}",
                      windows_per_batch_, count);
      }
    }
  });
}

}  // namespace svsep
