#pragma once

#include "network/input_transform.hpp"
#include "network/mask/networks.hpp"
#include "svsep/mask_estimator.hpp"
#include "svsep/model_file.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <torch/torch.h>

namespace svsep {

/// The masks of a network from a model file. A mask does not depend on where in a batch its frame falls.
/// Where a CUDA device has too little memory for a batch, the batch is halved.
class TorchMaskEstimator : public MaskEstimator {
 public:
  /// `stride` and `overlap`: see load_network. `type` is what the network computes in where its input is
  /// standardised; on raw magnitudes, and before and after the network, that is float32. Throws Error: model
  /// (not one this version knows), usage (the stride, the overlap).
  TorchMaskEstimator(const ModelFile& file, const torch::Device& device, std::size_t stride,
                     torch::ScalarType type = torch::kFloat, std::size_t overlap = 1);

  [[nodiscard]] AnalysisParameters analysis() const override { return info_.analysis; }
  [[nodiscard]] Thresholds thresholds() const override { return info_.thresholds; }
  [[nodiscard]] std::size_t input_planes() const override;
  [[nodiscard]] std::size_t context_frames() const override;
  [[nodiscard]] std::size_t batch_frames() const override;
  [[nodiscard]] std::size_t step_frames() const override;
  /// Throws Error(model) also where the weights make the network answer with NaN.
  void estimate(std::span<const float> magnitudes, std::span<float> mask) override;

 private:
  [[nodiscard]] std::int64_t level_frames() const;
  /// [frames, bins] or [planes, frames, bins], without the frames that only the level is taken over.
  [[nodiscard]] torch::Tensor network_input(std::span<const float> magnitudes, std::int64_t frames) const;

  std::filesystem::path path_;  ///< for errors
  ModelInfo info_;
  torch::Device device_;
  torch::ScalarType type_;
  WindowedNetwork network_;
  std::int64_t windows_per_batch_;
  std::int64_t windows_per_call_;
  InputStatistics statistics_;
  torch::Tensor output_bias_;  ///< undefined where the file has none
};

}  // namespace svsep
