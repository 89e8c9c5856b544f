#include "training/network_input.hpp"

#include "training/losses.hpp"

namespace svsep {
namespace {

// Of log magnitudes; a bin that was always empty must not explode later.
constexpr double kMinDeviation = 0.1;

}  // namespace

NetworkInput::NetworkInput(const ModelInfo& info, const std::optional<InputStatistics>& statistics,
                           const torch::Device& device)
    : planes_(info.sizes.contains("input_planes") ? info.sizes.at("input_planes").front() : 1),
      log_level_(info.input_transform == InputTransform::log_level),
      level_radius_frames_(info.level_radius_frames),
      log_floor_(info.log_floor) {
  if (statistics) statistics_ = {statistics->mean.to(device), statistics->scale.to(device)};
}

torch::Tensor NetworkInput::of_spectra(const torch::Tensor& spectra,
                                       const torch::Tensor& level_errors) const {
  const torch::Tensor magnitudes = rms_magnitudes(spectra);
  const torch::Tensor planes =
      planes_ == 1 ? magnitudes : torch::stack({magnitudes, side_magnitudes(spectra)}, 1);
  if (!log_level_) return planes;
  torch::Tensor gains = frame_gains(magnitudes, level_radius_frames_);
  if (level_errors.defined()) gains = gains * level_errors.unsqueeze(1);
  return standardised(log_compress(planes, planes_ == 1 ? gains : gains.unsqueeze(1), log_floor_));
}

torch::Tensor NetworkInput::standardised(const torch::Tensor& x) const {
  return statistics_ ? standardise(x, *statistics_) : x;
}

void StatisticsMeter::add(const torch::Tensor& x) {
  const torch::Tensor first_plane = x.dim() == 4 ? x.select(1, 0) : x;
  const torch::Tensor frames = first_plane.reshape({-1, x.size(-1)}).to(torch::kDouble);
  const torch::Tensor sum = frames.sum(0);
  const torch::Tensor squares = frames.square().sum(0);
  sum_ = frames_ == 0 ? sum : sum_ + sum;
  squares_ = frames_ == 0 ? squares : squares_ + squares;
  frames_ += frames.size(0);
}

std::vector<double> StatisticsMeter::moments() const {
  const torch::Tensor frames = torch::full_like(sum_.narrow(0, 0, 1), static_cast<double>(frames_));
  const torch::Tensor all = torch::cat({sum_, squares_, frames}).to(torch::kCPU);
  const double* const values = all.data_ptr<double>();
  return {values, values + all.numel()};
}

InputStatistics statistics_of(std::vector<double> moments) {
  const double frames = moments.back();
  const torch::Tensor sums =
      torch::from_blob(moments.data(), {2, std::ssize(moments) / 2}, torch::kDouble) / frames;
  const torch::Tensor deviation = (sums[1] - sums[0].square()).clamp_min(0).sqrt();
  const auto rounded = [](const torch::Tensor& x) { return x.to(torch::kHalf).to(torch::kFloat); };
  return {rounded(sums[0]), rounded(deviation.clamp_min(kMinDeviation))};
}

}  // namespace svsep
