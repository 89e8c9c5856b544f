#include "network/published/wiener.hpp"

#include "network/published/wiener_block.hpp"

#include <ATen/Parallel.h>
#include <algorithm>
#include <vector>

namespace svsep {
namespace {

constexpr double kMostLevel = 10.0;  // of the mixture, above which it is scaled down

}  // namespace

torch::Tensor with_phases(const torch::Tensor& mixture, const std::vector<torch::Tensor>& magnitudes) {
  const torch::Tensor level = mixture.abs();
  // A silent bin of the mixture is silent in every target.
  const torch::Tensor phases = mixture / level.clamp_min(1e-30);
  std::vector<torch::Tensor> estimates;
  for (const torch::Tensor& magnitude : magnitudes) estimates.push_back(magnitude.transpose(0, 1) * phases);
  return torch::stack(estimates);
}

torch::Tensor wiener_filter(const torch::Tensor& mixture, const std::vector<torch::Tensor>& magnitudes,
                            std::int64_t window_frames) {
  const std::int64_t channels = mixture.size(0);
  const std::int64_t frames = mixture.size(1);
  const std::int64_t bins = mixture.size(2);
  const torch::Tensor mix = torch::view_as_real(mixture).contiguous();
  // A second channel that is silent makes a song of one channel a case of two.
  const torch::Tensor silence = channels == 1 ? torch::zeros_like(mix) : torch::Tensor();
  torch::Tensor estimates = torch::empty({std::ssize(magnitudes), channels, frames, bins, 2});
  for (std::int64_t start = 0; start < frames; start += window_frames) {
    const std::int64_t count = std::min(window_frames, frames - start);
    const double peak = mixture.narrow(1, start, count).abs().max().item<double>();
    const auto run = [&](std::int64_t first_bin, std::int64_t end_bin) {
      for (std::int64_t bin = first_bin * kWienerBins; bin < std::min(bins, end_bin * kWienerBins);
           bin += kWienerBins) {
        WienerBlock block;
        const auto at = [&](const torch::Tensor& complex, std::int64_t channel) {
          return complex.data_ptr<float>() + 2 * ((channel * frames + start) * bins + bin);
        };
        block.mixture[0] = at(mix, 0);
        block.mixture[1] = channels == 1 ? at(silence, 0) : at(mix, 1);
        for (std::int64_t target = 0; target < std::ssize(magnitudes); ++target) {
          const torch::Tensor& magnitude = magnitudes[static_cast<std::size_t>(target)];
          block.magnitudes.push_back(magnitude.data_ptr<float>() + start * channels * bins + bin);
          block.estimates.push_back(at(estimates, target * channels));
        }
        block.channels = channels;
        block.frames = count;
        block.all_frames = frames;
        block.row = bins;
        block.bins = std::min(kWienerBins, bins - bin);
        block.scale = std::max(1.0, peak / kMostLevel);
        filter(block);
      }
    };
    at::parallel_for(0, (bins + kWienerBins - 1) / kWienerBins, 1, run);
  }
  return torch::view_as_complex(estimates);
}

}  // namespace svsep
