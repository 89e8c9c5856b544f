#pragma once

#include "svsep/stft.hpp"

#include <cstdint>
#include <torch/torch.h>

namespace svsep {

/// Stft on the tensors' device: [..., samples] float32 -> [..., frames, bins] complex64. The samples must
/// reach beyond half a window.
[[nodiscard]] torch::Tensor stft(const torch::Tensor& samples, const StftParameters& parameters);

/// InverseStft, for gradients to go through: [..., frames, bins] -> [..., samples], where
/// samples <= frames * hop_samples.
[[nodiscard]] torch::Tensor inverse_stft(const torch::Tensor& spectra, const StftParameters& parameters,
                                         std::int64_t samples);

}  // namespace svsep
