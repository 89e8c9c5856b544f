#pragma once

#include <cstdint>
#include <torch/torch.h>

namespace svsep {

/// The multichannel Wiener filter of Open-Unmix (Stöter et al. 2019; Uhlich et al. 2017): one step of
/// expectation maximisation from the targets' magnitudes with the mixture's phases. Each target has a
/// variance per frame and bin and a spatial covariance per bin, which is taken over `window_frames` frames at
/// a time.
///
/// `mixture`: complex [channels, frames, bins], 1 or 2 channels. `magnitudes`: [targets][frames, channels,
/// bins].
/// -> complex [targets, channels, frames, bins]. On the CPU, in double precision where differences cancel.
[[nodiscard]] torch::Tensor wiener_filter(const torch::Tensor& mixture,
                                          const std::vector<torch::Tensor>& magnitudes,
                                          std::int64_t window_frames);

/// The targets' magnitudes with the mixture's phases; shapes as above, any device.
[[nodiscard]] torch::Tensor with_phases(const torch::Tensor& mixture,
                                        const std::vector<torch::Tensor>& magnitudes);

}  // namespace svsep
