#include "network/published/spectra.hpp"

#include "svsep/stft.hpp"

#include <ATen/Parallel.h>
#include <algorithm>
#include <cmath>
#include <complex>
#include <vector>

namespace svsep {
namespace {

/// Whether Stft computes it: LibTorch 1 has neither a fast transform nor more than one thread for it.
bool has_stft(const torch::Tensor& tensor, const SpectrumShape& shape) {
  return tensor.is_cpu() && shape.fft_samples % shape.hop_samples == 0 && shape.hop_samples % 2 == 0 &&
         2 * shape.hop_samples <= shape.fft_samples;
}

StftParameters parameters_of(const SpectrumShape& shape) {
  const auto fft = static_cast<std::size_t>(shape.fft_samples);
  return {
      .fft_samples = fft, .window_samples = fft, .hop_samples = static_cast<std::size_t>(shape.hop_samples)};
}

float root_of_size(const SpectrumShape& shape) {
  return shape.normalised ? std::sqrt(static_cast<float>(shape.fft_samples)) : 1.0F;
}

/// [rows, samples] -> [rows, frames, bins].
torch::Tensor spectra_on_cpu(const torch::Tensor& rows, const SpectrumShape& shape) {
  const StftParameters parameters = parameters_of(shape);
  const auto samples = static_cast<std::size_t>(rows.size(1));
  const auto frames = static_cast<std::int64_t>(parameters.frames(samples));
  torch::Tensor result = torch::empty({rows.size(0), frames, shape.bins()}, torch::kComplexFloat);
  const float factor = 1.0F / root_of_size(shape);
  at::parallel_for(0, rows.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      auto* to = static_cast<std::complex<float>*>(result.data_ptr()) + row * frames * shape.bins();
      Stft stft(parameters, [&](Spectrum frame) {
        to = std::transform(frame.begin(), frame.end(), to, [&](auto bin) { return factor * bin; });
      });
      stft.push({rows.data_ptr<float>() + row * rows.size(1), samples});
      stft.finish();
    }
  });
  return result;
}

/// [rows, frames, bins] -> [rows, samples].
torch::Tensor signals_on_cpu(const torch::Tensor& rows, const SpectrumShape& shape, std::int64_t samples) {
  const auto bins = static_cast<std::size_t>(shape.bins());
  torch::Tensor result = torch::empty({rows.size(0), samples});
  const float factor = root_of_size(shape);
  at::parallel_for(0, rows.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      float* to = result.data_ptr<float>() + row * samples;
      InverseStft inverse(parameters_of(shape), [&](Samples ready) {
        to = std::transform(ready.begin(), ready.end(), to, [&](float sample) { return factor * sample; });
      });
      const auto* from = static_cast<const std::complex<float>*>(rows.data_ptr()) +
                         row * rows.size(1) * static_cast<std::ptrdiff_t>(bins);
      for (std::int64_t frame = 0; frame < rows.size(1); ++frame, from += bins) inverse.push({from, bins});
      inverse.finish(static_cast<std::size_t>(samples));
    }
  });
  return result;
}

torch::Tensor hann(const SpectrumShape& shape, const torch::Tensor& like) {
  return torch::hann_window(shape.fft_samples, like.options().dtype(torch::kFloat));
}

std::vector<std::int64_t> with_last(const torch::Tensor& tensor, std::int64_t dropped,
                                    std::initializer_list<std::int64_t> last) {
  std::vector<std::int64_t> sizes = tensor.sizes().vec();
  sizes.resize(sizes.size() - static_cast<std::size_t>(dropped));
  sizes.insert(sizes.end(), last);
  return sizes;
}

}  // namespace

torch::Tensor spectra_of(const torch::Tensor& signal, const SpectrumShape& shape) {
  if (has_stft(signal, shape)) {
    const torch::Tensor rows = spectra_on_cpu(signal.reshape({-1, signal.size(-1)}).contiguous(), shape);
    return rows.view(with_last(signal, 1, {rows.size(-2), rows.size(-1)}));
  }
  // LibTorch computes frame by frame and gives a transposed view, which is turned back.
  const torch::Tensor spectra =
      at::stft(signal.reshape({-1, signal.size(-1)}), shape.fft_samples, shape.hop_samples, shape.fft_samples,
               hann(shape, signal), /*center=*/true, "reflect", shape.normalised, /*onesided=*/true,
               /*return_complex=*/true)
          .transpose(-2, -1)
          .contiguous();
  return spectra.view(with_last(signal, 1, {spectra.size(-2), spectra.size(-1)}));
}

torch::Tensor signal_of(const torch::Tensor& spectra, const SpectrumShape& shape, std::int64_t samples) {
  if (has_stft(spectra, shape)) {
    const torch::Tensor rows = spectra.reshape({-1, spectra.size(-2), spectra.size(-1)}).contiguous();
    return signals_on_cpu(rows, shape, samples).view(with_last(spectra, 2, {samples}));
  }
  const torch::Tensor signal =
      at::istft(spectra.reshape({-1, spectra.size(-2), spectra.size(-1)}).transpose(-2, -1),
                shape.fft_samples, shape.hop_samples, shape.fft_samples, hann(shape, spectra),
                /*center=*/true, shape.normalised, /*onesided=*/true, samples);
  return signal.view(with_last(spectra, 2, {samples}));
}

}  // namespace svsep
