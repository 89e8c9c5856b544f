#include "network/published/spectra.hpp"

#include <gtest/gtest.h>

namespace svsep {
namespace {

torch::Tensor hann(const SpectrumShape& shape) { return torch::hann_window(shape.fft_samples); }

double error(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).abs().max().item<double>() / b.abs().max().item<double>();
}

// The second has a hop that does not divide the window: LibTorch computes it itself.
const std::vector<SpectrumShape> kShapes = {{4096, 1024, true}, {2048, 441, false}, {512, 128, false}};

TEST(SpectraOf, AreThoseOfLibTorch) {
  torch::manual_seed(1);
  const torch::Tensor signal = torch::randn({2, 3, 30011});
  for (const SpectrumShape& shape : kShapes) {
    const torch::Tensor expected =
        at::stft(signal.flatten(0, 1), shape.fft_samples, shape.hop_samples, shape.fft_samples, hann(shape),
                 /*center=*/true, "reflect", shape.normalised, /*onesided=*/true, /*return_complex=*/true);
    const torch::Tensor spectra = spectra_of(signal, shape);
    ASSERT_EQ(spectra.sizes(), (std::vector<std::int64_t>{2, 3, expected.size(2), shape.bins()}));
    EXPECT_LT(error(spectra.flatten(0, 1).transpose(1, 2), expected), 1e-6);
  }
}

TEST(SignalOf, IsThatOfLibTorch) {
  torch::manual_seed(2);
  for (const SpectrumShape& shape : kShapes) {
    const torch::Tensor spectra = torch::view_as_complex(torch::randn({2, 3, 40, shape.bins(), 2}));
    const std::int64_t samples = 39 * shape.hop_samples - 5;
    const torch::Tensor expected = at::istft(spectra.flatten(0, 1).transpose(1, 2), shape.fft_samples,
                                             shape.hop_samples, shape.fft_samples, hann(shape),
                                             /*center=*/true, shape.normalised, /*onesided=*/true, samples);
    const torch::Tensor signal = signal_of(spectra, shape, samples);
    ASSERT_EQ(signal.sizes(), (std::vector<std::int64_t>{2, 3, samples}));
    EXPECT_LT(error(signal.flatten(0, 1), expected), 1e-5);
  }
}

}  // namespace
}  // namespace svsep
