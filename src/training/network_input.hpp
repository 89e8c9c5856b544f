#pragma once

#include "network/input_transform.hpp"
#include "svsep/model_file.hpp"

#include <optional>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// What a network sees, on the training's device.
class NetworkInput {
 public:
  /// Without statistics nothing is standardised.
  NetworkInput(const ModelInfo& info, const std::optional<InputStatistics>& statistics,
               const torch::Device& device);

  /// [n, channels, frames, bins] complex64 -> [n, frames, bins], or [n, planes, frames, bins] for a network
  /// that sees several planes. `level_errors` [n] changes the levels that the input is divided by.
  [[nodiscard]] torch::Tensor of_spectra(const torch::Tensor& spectra,
                                         const torch::Tensor& level_errors = {}) const;
  /// The last step alone, of what is transformed but not standardised; [..., bins].
  [[nodiscard]] torch::Tensor standardised(const torch::Tensor& x) const;

 private:
  std::int64_t planes_;
  bool log_level_;
  std::size_t level_radius_frames_;
  double log_floor_;
  std::optional<InputStatistics> statistics_;
};

/// Gathers what the statistics of the input follow from.
class StatisticsMeter {
 public:
  /// x [..., bins], transformed but not standardised. Of several planes the first, whose statistics all
  /// share.
  void add(const torch::Tensor& x);
  [[nodiscard]] std::int64_t frames() const noexcept { return frames_; }
  /// Of each bin the sum, then of each the sum of squares, then the frames; those of several meters can be
  /// added.
  [[nodiscard]] std::vector<double> moments() const;

 private:
  torch::Tensor sum_, squares_;
  std::int64_t frames_ = 0;
};

/// Mean and deviation per bin, rounded as a model file holds them, from a meter's moments.
[[nodiscard]] InputStatistics statistics_of(std::vector<double> moments);

}  // namespace svsep
