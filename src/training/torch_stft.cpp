#include "training/torch_stft.hpp"

namespace svsep {
namespace {

struct Sizes {
  explicit Sizes(const StftParameters& parameters)
      : fft(static_cast<std::int64_t>(parameters.fft_samples)),
        window(static_cast<std::int64_t>(parameters.window_samples)),
        hop(static_cast<std::int64_t>(parameters.hop_samples)) {}
  std::int64_t fft, window, hop;
};

torch::Tensor hann(const Sizes& sizes, const torch::Tensor& like) {
  return torch::hann_window(sizes.window, like.options().dtype(torch::kFloat));
}

/// [batch, frames, window] -> [batch, (frames - 1) * hop + window]
torch::Tensor overlap_add(const torch::Tensor& frames, const Sizes& sizes) {
  const std::int64_t hops = sizes.window / sizes.hop;
  const torch::Tensor parts = frames.view({frames.size(0), frames.size(1), hops, sizes.hop});
  torch::Tensor sum;
  for (std::int64_t hop = 0; hop < hops; ++hop) {
    const torch::Tensor part = torch::constant_pad_nd(parts.select(2, hop), {0, 0, hop, hops - 1 - hop});
    sum = hop == 0 ? part : sum + part;
  }
  return sum.flatten(1);
}

}  // namespace

// torch::istft asks the device whether the window's sum is too small, and so waits for it at each step.

torch::Tensor stft(const torch::Tensor& samples, const StftParameters& parameters) {
  const Sizes sizes(parameters);
  const torch::Tensor padded =
      torch::reflection_pad1d(samples.reshape({-1, samples.size(-1)}), {sizes.window / 2, sizes.window / 2});
  const torch::Tensor frames = padded.unfold(1, sizes.window, sizes.hop) * hann(sizes, samples);
  const std::int64_t margin = (sizes.fft - sizes.window) / 2;
  const torch::Tensor spectra =
      torch::fft::rfft(margin == 0 ? frames : torch::constant_pad_nd(frames, {margin, margin}));
  auto shape = samples.sizes().vec();
  shape.back() = spectra.size(1);
  shape.push_back(spectra.size(2));
  return spectra.view(shape);
}

torch::Tensor inverse_stft(const torch::Tensor& spectra, const StftParameters& parameters,
                           std::int64_t samples) {
  const Sizes sizes(parameters);
  const torch::Tensor window = hann(sizes, torch::real(spectra));
  const torch::Tensor frames =
      torch::fft::irfft(spectra.reshape({-1, spectra.size(-2), spectra.size(-1)}), sizes.fft)
          .narrow(2, (sizes.fft - sizes.window) / 2, sizes.window) *
      window;
  const torch::Tensor weights =
      overlap_add(window.square().expand({1, frames.size(1), sizes.window}).contiguous(), sizes);
  const torch::Tensor signal = overlap_add(frames, sizes).narrow(1, sizes.window / 2, samples) /
                               weights.narrow(1, sizes.window / 2, samples).clamp_min(1e-8);
  auto shape = spectra.sizes().vec();
  shape.pop_back();
  shape.back() = samples;
  return signal.view(shape);
}

}  // namespace svsep
