#pragma once

#include "network/layers/banded_dense.hpp"
#include "network/layers/normalised_convolution.hpp"
#include "network/mask/mask_network.hpp"

#include <array>
#include <cstdint>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// Its name in model files and for --arch.
inline constexpr const char* kHarmonicUnet = "harmonic-unet";

/// Sizes of the network; tests use tiny ones.
struct HarmonicUnetSizes {
  std::int64_t bins = 1025;
  std::int64_t input_planes = 2;           ///< see MaskEstimator
  std::int64_t positions = 384;            ///< 16 n
  std::int64_t positions_per_octave = 53;  ///< 53 steps meet the third and the fifth harmonic within 3 cents
  std::array<std::int64_t, 5> channels = {16, 48, 80, 112, 160};
  /// Of the dense layers across the positions of each level but the lowest.
  std::array<std::int64_t, 4> dense_units = {48, 24, 16, 16};
  std::vector<std::int64_t> dilations = {1, 2, 4, 8, 1, 2};

  /// Frames on either side of a frame that its mask may depend on, a multiple of kFrameStep.
  [[nodiscard]] std::int64_t context_frames() const;
};

/// The sizes that a model file states. Throws Error(model) where it is another architecture, lacks a size,
/// has positions that do not halve four times, or does not hold as many parameters as they ask for.
[[nodiscard]] HarmonicUnetSizes harmonic_unet_sizes(const ModelFile& file);

[[nodiscard]] std::int64_t parameter_count(const HarmonicUnetSizes& sizes);

/// Writes what a model file states of such a network into `info`: its sizes, its STFT, the radius of its
/// level.
void state_sizes(const HarmonicUnetSizes& sizes, ModelInfo& info);

/// x + expand(relu(squeeze(x))) across the last dimension, shared by all channels. It begins as x.
class DenseAcrossImpl : public torch::nn::Module {
 public:
  DenseAcrossImpl(std::int64_t positions, std::int64_t units);
  torch::Tensor forward(const torch::Tensor& x);
  /// forward(relu(x)). Where nothing is learned, x may become it.
  torch::Tensor of_rectified(const torch::Tensor& x);

 private:
  torch::nn::Linear squeeze_{nullptr}, expand_{nullptr};
};
TORCH_MODULE(DenseAcross);

/// Our own network for voices of any pitch: a U-Net over logarithmic frequency, where a voice that sings
/// higher, or of a smaller throat, is the same picture further up. Each position sees its own harmonics (the
/// idea of the harmonic constant-Q transform: Bittner et al., Deep salience representations for F0
/// estimation, ISMIR 2017). Two levels halve time and position, two more only position; below, dilated
/// convolutions see seconds around a frame. Every second of those is followed by a dense layer across
/// positions that all channels share. On the other levels, two dense layers with few units between them are
/// added to what each side of the U has made (the TDF of Choi et al., Investigating U-Nets with various
/// intermediate blocks for spectrogram-based singing voice separation, ISMIR 2020).
///
/// All 3x3 convolutions have batch normalisation in training, which a model file folds into them.
class HarmonicUnetImpl : public MaskNetwork {
 public:
  /// Windows begin on multiples of this, so that the halvings of time fall on the same frames of a song
  /// wherever a window begins.
  static constexpr std::int64_t kFrameStep = 4;

  /// `normalised`: with batch normalisation, to be trained; without, as a model file holds it.
  explicit HarmonicUnetImpl(const HarmonicUnetSizes& sizes = {}, bool normalised = false);

  torch::Tensor forward(const torch::Tensor& windows) override;
  torch::Tensor slide(const torch::Tensor& stretch, const Windows& windows) override;

  void prepare() override;

  /// With the batch normalisation folded into the convolutions.
  [[nodiscard]] std::vector<NamedTensor> stored_tensors() const override;

  void adopt(const ModelFile& file) override;

 private:
  /// The logits of `count` frames from `first` on: [windows, count, bins]. Each layer computes the frames
  /// that these depend on.
  [[nodiscard]] torch::Tensor logits(const torch::Tensor& windows, std::int64_t first, std::int64_t count);
  /// [windows, planes, frames, positions] -> a plane for each harmonic, the other planes, the height.
  [[nodiscard]] torch::Tensor with_harmonics(const torch::Tensor& x) const;

  std::int64_t positions_per_octave_;
  std::vector<std::int64_t> dilations_;
  torch::Tensor to_positions_;  ///< [positions, bins]
  torch::Tensor to_bins_;       ///< [bins, positions]
  BandedDense fast_to_positions_, fast_to_bins_;
  torch::Tensor height_;  ///< [positions]: -1 .. 1
  torch::Tensor place_;   ///< [channels, 1, positions / 16], learned: added at the lowest level
  std::vector<NormalisedConvolution> encode_, down_, blocks_, up_, decode_;
  std::vector<DenseAcross> encode_dense_, decode_dense_;  ///< one per level
  std::vector<torch::nn::Linear> across_positions_;
  NormalisedConvolution mask_{nullptr};
};
TORCH_MODULE(HarmonicUnet);

}  // namespace svsep
