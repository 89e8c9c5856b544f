#include "training/losses.hpp"

#include "training/torch_stft.hpp"

namespace svsep {
namespace {

/// |x|^2 without the square root whose square it is.
torch::Tensor power(const torch::Tensor& spectra) {
  return torch::real(spectra).square() + torch::imag(spectra).square();
}

}  // namespace

torch::Tensor rms_magnitudes(const torch::Tensor& spectra) { return power(spectra).mean(1).sqrt(); }

torch::Tensor side_magnitudes(const torch::Tensor& spectra) {
  return (power(spectra).mean(1) - power(spectra.mean(1))).clamp_min(0).sqrt();
}

torch::Tensor ideal_mask(const StemSpectra& stems, Label label) {
  const torch::Tensor vocals = power(stems.vocals).mean(1);
  if (label == Label::mixture) return vocals.gt(power(stems.mixture()).mean(1)).to(torch::kFloat);
  const torch::Tensor accompaniment = power(stems.accompaniment).mean(1);
  if (label == Label::accompaniment) return vocals.gt(accompaniment).to(torch::kFloat);
  return vocals / (vocals + accompaniment).clamp_min(1e-12);
}

torch::Tensor bce_loss(const torch::Tensor& logits, const torch::Tensor& labels) {
  return torch::binary_cross_entropy_with_logits(logits, labels);
}

torch::Tensor l1_loss(const torch::Tensor& mask, const StemSpectra& stems) {
  const torch::Tensor gains = mask.unsqueeze(1);
  const torch::Tensor mixture = stems.mixture().abs();
  return (gains * mixture - stems.vocals.abs()).abs().mean() +
         ((1 - gains) * mixture - stems.accompaniment.abs()).abs().mean();
}

torch::Tensor waveform_loss(const torch::Tensor& mask, const StemSpectra& stems,
                            const StftParameters& parameters) {
  const torch::Tensor difference = mask.unsqueeze(1) * stems.mixture() - stems.vocals;
  const std::int64_t samples = (difference.size(2) - 1) * static_cast<std::int64_t>(parameters.hop_samples);
  const torch::Tensor error = inverse_stft(difference, parameters, samples);
  return 0.5 * error.abs().mean() + 0.5 * (error.square().mean({1, 2}) + 1e-6).sqrt().mean();
}

torch::Tensor reconstruction_loss(const torch::Tensor& logits, const torch::Tensor& magnitudes) {
  const torch::Tensor largest = magnitudes.amax({1, 2}, true).clamp_min(1e-7);
  return bce_loss(logits, magnitudes / largest);
}

}  // namespace svsep
