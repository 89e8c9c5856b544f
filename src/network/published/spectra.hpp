#pragma once

#include <cstdint>
#include <torch/torch.h>

namespace svsep {

/// The short-time Fourier transform that published networks share: periodic Hann window as long as the FFT,
/// frames centred on multiples of the hop, reflected ends.
struct SpectrumShape {
  std::int64_t fft_samples = 4096;
  std::int64_t hop_samples = 1024;
  bool normalised = false;  ///< divided by the square root of fft_samples

  [[nodiscard]] std::int64_t bins() const { return fft_samples / 2 + 1; }
};

/// [..., samples], more than half an FFT -> complex [..., frames, bins], contiguous; frames = samples / hop
/// + 1.
[[nodiscard]] torch::Tensor spectra_of(const torch::Tensor& signal, const SpectrumShape& shape);

/// Complex [..., frames, bins] -> [..., samples].
[[nodiscard]] torch::Tensor signal_of(const torch::Tensor& spectra, const SpectrumShape& shape,
                                      std::int64_t samples);

}  // namespace svsep
