#pragma once

#include "network/published/chunk_network.hpp"
#include "network/published/lstm.hpp"
#include "network/published/product.hpp"
#include "network/published/spectra.hpp"
#include "svsep/model_file.hpp"

#include <cstdint>
#include <memory>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// Sizes of Open-Unmix in a model file: "fft_samples", "hop_samples", "input_bins", "hidden_units", "layers",
/// "wiener_frames".
struct OpenUnmixSizes {
  SpectrumShape spectrum;
  std::int64_t channels = 2;
  std::int64_t input_bins = 1487;  ///< the lowest bins, which the network sees
  std::int64_t hidden_units = 512;
  std::int64_t layers = 3;
  std::int64_t wiener_frames = 300;  ///< that one spatial covariance is taken over
};

/// The network of one target: the mixture's magnitudes to the target's.
class OpenUnmixTarget : public torch::nn::Module {
 public:
  explicit OpenUnmixTarget(const OpenUnmixSizes& sizes);

  /// Folds the batch norms and scales into the linear layers, once the weights are filled.
  void prepare();

  torch::Tensor input_weight, input_bias;  ///< fc1: [hidden, channels * input_bins], [hidden]
  Product to_hidden;                       ///< fc2: 2 * hidden -> hidden
  Product to_output;                       ///< fc3: hidden -> channels * bins
  std::shared_ptr<Lstm> lstm;

 private:
  OpenUnmixSizes sizes_;
};

/// Open-Unmix (Stöter et al., "Open-Unmix: a reference implementation for music source separation", JOSS
/// 2019): a network per target and, for several targets, the Wiener filter over all of them. Target k's
/// tensors come after "k.".
class OpenUnmix : public ChunkNetwork {
 public:
  OpenUnmix(const OpenUnmixSizes& sizes, std::size_t targets);

  torch::Tensor forward(const torch::Tensor& mixture) override;
  void prepare(torch::ScalarType compute_type) override;

 private:
  /// Complex [batch, channels, frames, bins] -> the targets' magnitudes [batch, frames, channels, bins].
  [[nodiscard]] std::vector<torch::Tensor> magnitudes(const torch::Tensor& spectra) const;
  /// Complex [channels, frames, bins] and the targets' magnitudes -> [targets, channels, frames, bins].
  [[nodiscard]] torch::Tensor estimate(const torch::Tensor& spectra,
                                       std::vector<torch::Tensor> magnitudes) const;

  OpenUnmixSizes sizes_;
  std::vector<std::shared_ptr<OpenUnmixTarget>> targets_;
  Product input_;  ///< fc1 of all targets
};

/// Throws Error(model).
[[nodiscard]] std::shared_ptr<ChunkNetwork> make_open_unmix(const ModelInfo& info);

}  // namespace svsep
