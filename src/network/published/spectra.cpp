#include "network/published/spectra.hpp"

#include <vector>

namespace svsep {
namespace {

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
  const torch::Tensor signal =
      at::istft(spectra.reshape({-1, spectra.size(-2), spectra.size(-1)}).transpose(-2, -1),
                shape.fft_samples, shape.hop_samples, shape.fft_samples, hann(shape, spectra),
                /*center=*/true, shape.normalised, /*onesided=*/true, samples);
  return signal.view(with_last(spectra, 2, {samples}));
}

}  // namespace svsep
