#pragma once

#include "network/published/chunk_network.hpp"
#include "network/published/cross_transformer.hpp"
#include "network/published/htdemucs_layers.hpp"
#include "svsep/model_file.hpp"

#include <cstdint>
#include <memory>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// Sizes of HT-Demucs in a model file: "channels", "growth", "depth", "fft_samples", "bottom_channels" (0:
/// none), "transformer_layers", "transformer_hidden", "heads", "residual_depth", "residuals" (1: in the
/// encoder, 2: in the decoder, 3: in both); the number "frequency_embedding" is the embedding's factor.
struct HtDemucsSizes {
  std::int64_t audio_channels = 2;
  std::int64_t stems = 4;
  std::int64_t chunk_samples = 343980;
  std::int64_t channels = 48;
  std::int64_t growth = 2;
  std::int64_t depth = 4;
  std::int64_t fft_samples = 4096;
  std::int64_t bottom_channels = 512;
  std::int64_t transformer_layers = 5;
  std::int64_t transformer_hidden = 2048;
  std::int64_t heads = 8;
  std::int64_t residual_depth = 2;
  std::int64_t residuals = 3;
  double frequency_embedding = 2.0;
};

/// HT-Demucs (Rouard, Massa and Défossez, "Hybrid transformers for music source separation", ICASSP 2023): a
/// U-Net over the frequencies of the complex spectrum and one over the samples, joined by a transformer
/// across both. It scales each chunk to a standard deviation of 1 itself. A shorter chunk is filled with
/// silence.
class HtDemucs : public ChunkNetwork {
 public:
  explicit HtDemucs(const HtDemucsSizes& sizes);

  torch::Tensor forward(const torch::Tensor& mixture) override;
  void prepare(torch::ScalarType compute_type) override;

 private:
  /// Both branches, [batch, channels, frequencies, frames] and [batch, channels, 1, samples], through the
  /// network.
  void encode_and_decode(torch::Tensor& spectrum, torch::Tensor& wave) const;
  void transform(torch::Tensor& spectrum, torch::Tensor& wave) const;
  /// [batch, channels, samples] -> complex [batch, channels, frames, bins] without the highest bin; as many
  /// frames as hops.
  [[nodiscard]] torch::Tensor spectrum_of(const torch::Tensor& mixture) const;
  /// The inverse of complex [.., frames, bins], `samples` long.
  [[nodiscard]] torch::Tensor wave_of(const torch::Tensor& spectrum, std::int64_t samples) const;

  HtDemucsSizes sizes_;
  std::vector<std::shared_ptr<DemucsEncoderLayer>> encoder_, tencoder_;
  std::vector<std::shared_ptr<DemucsDecoderLayer>> decoder_, tdecoder_;
  torch::Tensor frequency_embedding_;
  std::shared_ptr<WeightAndBias> upsampler_, upsampler_t_, downsampler_, downsampler_t_;
  std::shared_ptr<CrossTransformer> transformer_;
};

/// Throws Error(model).
[[nodiscard]] std::shared_ptr<ChunkNetwork> make_htdemucs(const ModelInfo& info);

}  // namespace svsep
