#include "training/network_input.hpp"

#include "training/losses.hpp"

namespace svsep {
namespace {

// Of log magnitudes; a bin that was always empty must not explode later.
constexpr double kLowestDeviation = 0.1;

}  // namespace

NetworkInput::NetworkInput(const ModelInfo& info, const std::optional<InputStatistics>& statistics,
                           const torch::Device& device)
    : log_level_(info.input_transform == InputTransform::log_level),
      level_radius_frames_(info.level_radius_frames),
      log_floor_(info.log_floor) {
  if (statistics) statistics_ = {statistics->mean.to(device), statistics->scale.to(device)};
}

torch::Tensor NetworkInput::of_spectra(const torch::Tensor& spectra) const {
  const torch::Tensor planes = input_planes(spectra);
  if (!log_level_) return planes;
  return standardised(log_compress(planes, frame_gains(planes, level_radius_frames_), log_floor_));
}

torch::Tensor NetworkInput::standardised(const torch::Tensor& x) const {
  return statistics_ ? standardise(x, *statistics_) : x;
}

void StatisticsMeter::add(const torch::Tensor& x) {
  const torch::Tensor frames = x.reshape({-1, x.size(-1)}).to(torch::kDouble);
  const torch::Tensor sum = frames.sum(0);
  const torch::Tensor squares = frames.square().sum(0);
  sum_ = frames_ == 0 ? sum : sum_ + sum;
  squares_ = frames_ == 0 ? squares : squares_ + squares;
  frames_ += frames.size(0);
}

InputStatistics StatisticsMeter::result() const {
  const torch::Tensor mean = sum_ / frames_;
  const torch::Tensor deviation = (squares_ / frames_ - mean.square()).clamp_min(0).sqrt();
  const auto rounded = [](const torch::Tensor& x) {
    return x.to(torch::kCPU).to(torch::kHalf).to(torch::kFloat);
  };
  return {rounded(mean), rounded(deviation.clamp_min(kLowestDeviation))};
}

}  // namespace svsep
