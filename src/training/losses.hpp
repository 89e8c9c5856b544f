#pragma once

#include "svsep/training.hpp"

#include <torch/torch.h>

namespace svsep {

/// Spectra of stretches on the training's device; the mixture is the sum of both.
struct StemSpectra {
  torch::Tensor vocals;  ///< [stretches, channels, frames, bins] complex64
  torch::Tensor accompaniment;

  [[nodiscard]] torch::Tensor mixture() const { return vocals + accompaniment; }
};

/// Of spectra [n, channels, frames, bins], as in separation (MaskEstimator::input_planes): [n, frames, bins],
/// the root of the channels' mean power, and of what the power of their mean falls short of it by.
[[nodiscard]] torch::Tensor rms_magnitudes(const torch::Tensor& spectra);
[[nodiscard]] torch::Tensor side_magnitudes(const torch::Tensor& spectra);

/// [stretches, frames, bins] in 0..1, of magnitudes that are the RMS of the channels.
[[nodiscard]] torch::Tensor ideal_mask(const StemSpectra& stems, Label label);

/// Binary cross-entropy in nats, mean over the bins; `labels` in 0..1.
[[nodiscard]] torch::Tensor bce_loss(const torch::Tensor& logits, const torch::Tensor& labels);

/// Mean |m |X| - |V|| plus mean |(1 - m) |X| - |A||; mask [stretches, frames, bins].
[[nodiscard]] torch::Tensor l1_loss(const torch::Tensor& mask, const StemSpectra& stems);

/// Half the mean absolute error of the resynthesised vocals, for the mean, and half the mean over stretches
/// of sqrt(power of the error + 1e-6), for the loudest places: those are what SDR counts.
[[nodiscard]] torch::Tensor waveform_loss(const torch::Tensor& mask, const StemSpectra& stems,
                                          const StftParameters& parameters);

/// For Pretraining::autoencoder, where the network saw the vocals alone: binary cross-entropy of its output
/// and their magnitudes [stretches, frames, bins], divided by the largest of each stretch.
[[nodiscard]] torch::Tensor reconstruction_loss(const torch::Tensor& logits, const torch::Tensor& magnitudes);

}  // namespace svsep
