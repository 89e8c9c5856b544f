#pragma once

#include "model/input_transform.hpp"
#include "model/thesis_cnn.hpp"
#include "svsep/model/model_file.hpp"
#include "svsep/separation/mask_estimator.hpp"

#include <cstddef>
#include <span>
#include <torch/torch.h>

namespace svsep {

/// The masks of a network from a model file. Every stride-th window is evaluated, and its `stride` middle
/// frames are kept; a mask does not depend on where in a batch its frame falls.
class TorchMaskEstimator : public MaskEstimator {
 public:
  /// `stride` is 1..window_frames. Throws Error: model (not one this version knows), usage (the stride).
  TorchMaskEstimator(const ModelFile& file, const torch::Device& device, std::size_t stride);

  [[nodiscard]] AnalysisParameters analysis() const override { return info_.analysis; }
  [[nodiscard]] std::size_t context_frames() const override;
  [[nodiscard]] std::size_t batch_frames() const override;
  void estimate(std::span<const float> magnitudes, std::span<float> mask) override;

 private:
  ModelInfo info_;
  torch::Device device_;
  std::size_t stride_;
  std::size_t windows_per_batch_;
  ThesisCnn network_{nullptr};
  InputStatistics statistics_;
};

}  // namespace svsep
