#pragma once

#include "svsep/model_file.hpp"

#include <cstddef>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// What InputTransform::log_level subtracts and divides by, per bin.
struct InputStatistics {
  torch::Tensor mean;   ///< [bins] float32
  torch::Tensor scale;  ///< [bins] float32: standard deviation + 1e-3
};

/// [..., frames, bins] -> [..., frames]: 1 / level, where level_t is the root of the mean power of those
/// frames u with |u - t| <= radius that are not silent (power_u = mean over the bins of magnitude^2), at
/// least 1e-7. Frames beyond the tensor count as silent.
[[nodiscard]] torch::Tensor frame_gains(const torch::Tensor& magnitudes, std::size_t radius);

/// log(magnitude * gain + log_floor); magnitudes [..., frames, bins], gains [..., frames], broadcast over
/// planes.
[[nodiscard]] torch::Tensor log_compress(const torch::Tensor& magnitudes, const torch::Tensor& gains,
                                         double log_floor);

/// (x - mean) / scale; x [..., bins].
[[nodiscard]] torch::Tensor standardise(const torch::Tensor& x, const InputStatistics& statistics);

/// The file's tensors "input.mean" and "input.scale". Throws Error(model), also where a scale is not
/// positive.
[[nodiscard]] InputStatistics load_statistics(const ModelFile& file);

/// The statistics as the tensors that a model file stores.
[[nodiscard]] std::vector<NamedTensor> named_tensors(const InputStatistics& statistics);

}  // namespace svsep
