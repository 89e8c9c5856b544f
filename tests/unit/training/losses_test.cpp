#include "training/losses.hpp"

#include "fake_data.hpp"
#include "training/torch_stft.hpp"

#include <complex>
#include <gtest/gtest.h>
#include <vector>

namespace svsep {
namespace {

constexpr StftParameters kSmall = {64, 64, 16};

TEST(TorchStft, AgreesWithStft) {
  for (const StftParameters& parameters : {StftParameters{}, kSmall, StftParameters{128, 32, 8}}) {
    const torch::Tensor samples = test::noise(1, 5000, 1)[0];
    std::vector<std::complex<float>> expected;
    Stft reference(parameters,
                   [&](Spectrum frame) { expected.insert(expected.end(), frame.begin(), frame.end()); });
    reference.push({samples.data_ptr<float>(), 5000});
    reference.finish();
    const torch::Tensor spectra = stft(samples, parameters);
    ASSERT_EQ(spectra.numel(), static_cast<std::int64_t>(expected.size()));
    const auto* values = static_cast<const std::complex<float>*>(spectra.contiguous().data_ptr());
    double largest = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      largest = std::max(largest, static_cast<double>(std::abs(expected[i] - values[i])));
    }
    EXPECT_LT(largest, 1e-4);
  }
}

TEST(TorchStft, IsUndoneByItsInverse) {
  for (const StftParameters& parameters : {StftParameters{}, kSmall}) {
    const torch::Tensor samples = test::noise(2, 6000, 1);
    const torch::Tensor again = inverse_stft(stft(samples, parameters), parameters, 6000);
    EXPECT_TRUE(again.allclose(samples, 0, 1e-5));
  }
}

/// Spectra of one stretch of two channels.
StemSpectra stems() {
  return {stft(test::noise(2, 800, 1).transpose(0, 1), kSmall),
          stft(test::noise(2, 800, 2).transpose(0, 1), kSmall)};
}

TEST(IdealMask, ComparesTheMagnitudesOverTheChannels) {
  const StemSpectra both = stems();
  const torch::Tensor v = both.vocals.abs().square().mean(1);
  const torch::Tensor a = both.accompaniment.abs().square().mean(1);
  const torch::Tensor x = both.mixture().abs().square().mean(1);
  EXPECT_TRUE(ideal_mask(both, Label::accompaniment).gt(0.5).equal(v.gt(a)));
  EXPECT_TRUE(ideal_mask(both, Label::mixture).gt(0.5).equal(v.gt(x)));
  EXPECT_TRUE(ideal_mask(both, Label::ratio).allclose(v / (v + a)));
  const StemSpectra silent = {torch::zeros_like(both.vocals), torch::zeros_like(both.vocals)};
  EXPECT_EQ(ideal_mask(silent, Label::ratio).abs().max().item<float>(), 0.0F);
}

TEST(L1Loss, IsTheErrorOfBothStems) {
  const StemSpectra both = stems();
  const torch::Tensor ones = torch::ones({1, both.vocals.size(2), test::kBins});
  const torch::Tensor expected =
      (both.mixture().abs() - both.vocals.abs()).abs().mean() + both.accompaniment.abs().mean();
  EXPECT_NEAR(l1_loss(ones, both).item<double>(), expected.item<double>(), 1e-5);
  const StemSpectra alone = {both.vocals, torch::zeros_like(both.vocals)};
  EXPECT_NEAR(l1_loss(ones, alone).item<double>(), 0.0, 1e-6);
}

TEST(WaveformLoss, IsTheErrorOfTheResynthesisedVocals) {
  const StemSpectra both = stems();
  const torch::Tensor ones = torch::ones({1, both.vocals.size(2), test::kBins});
  const torch::Tensor error = test::noise(2, 800, 2);  // what is left is the accompaniment
  const double expected =
      0.5 * error.abs().mean().item<double>() + 0.5 * error.square().mean().sqrt().item<double>();
  EXPECT_NEAR(waveform_loss(ones, both, kSmall).item<double>(), expected, 1e-4);
  const StemSpectra alone = {both.vocals, torch::zeros_like(both.vocals)};
  EXPECT_NEAR(waveform_loss(ones, alone, kSmall).item<double>(), 0.5e-3, 1e-6);
}

TEST(WaveformLoss, HasTheGradientThatItsDifferencesHave) {
  const StemSpectra both = stems();
  torch::Tensor mask = torch::full({1, both.vocals.size(2), test::kBins}, 0.5).set_requires_grad(true);
  waveform_loss(mask, both, kSmall).backward();
  const torch::NoGradGuard no_gradients;
  const torch::Tensor steepest = 0.01 * mask.grad() / mask.grad().abs().max();
  const double difference =
      (waveform_loss(mask + steepest, both, kSmall) - waveform_loss(mask - steepest, both, kSmall))
          .item<double>();
  EXPECT_NEAR(2 * (mask.grad() * steepest).sum().item<double>() / difference, 1.0, 0.02);
}

}  // namespace
}  // namespace svsep
