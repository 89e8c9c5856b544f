#pragma once

#include "network/published/bands.hpp"
#include "network/published/chunk_network.hpp"
#include "network/published/roformer_transformer.hpp"
#include "svsep/model_file.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace svsep {

/// The short-time Fourier transform of a RoFormer.
struct RoformerStft {
  std::int64_t fft_samples = 2048;
  std::int64_t window_samples = 2048;  ///< Hann
  std::int64_t hop_samples = 512;
  bool normalises = false;  ///< divides by sqrt(fft_samples)
};

struct RoformerSizes {
  std::int64_t channels = 2;
  std::int64_t stems = 1;
  std::int64_t depth = 0;            ///< blocks of transformers
  std::int64_t linear_depth = 0;     ///< layers of each block's transformer with linear attention, before the
                                     ///< others; 0: none
  std::int64_t time_depth = 1;       ///< layers of each block's transformer over time
  std::int64_t frequency_depth = 1;  ///< layers of each block's transformer over bands
  TransformerSizes transformer;      ///< of all of them, but for depth and is_linear
  bool norms_end = false;            ///< a norm after the last block
  bool skips = false;                ///< each block sees the sum of what all blocks before it gave
  bool mutes_dc = false;             ///< the stems have nothing at 0 Hz
  std::vector<Band> bands;           ///< that cover every bin
  MaskHeadSizes mask;
  RoformerStft stft;
};

/// The sizes that a model file states. Throws Error(model) where one is missing or does not fit.
[[nodiscard]] RoformerSizes roformer_sizes(const ModelInfo& info);

/// BS-RoFormer (Lu et al. 2023, arXiv:2309.02612) and Mel-Band RoFormer (Wang et al. 2023, arXiv:2310.01809),
/// which differ in their bands only: each band of the mixture's spectrum becomes features, transformers
/// relate them over time and over bands by turns, and a head per band and stem gives a complex mask.
class Roformer : public ChunkNetwork {
 public:
  explicit Roformer(const RoformerSizes& sizes);

  torch::Tensor forward(const torch::Tensor& mixture) override;
  void prepare(torch::ScalarType compute_type) override;
  void keep_stems(const std::vector<bool>& used) override { used_ = used; }

 private:
  struct Block {
    std::vector<RoformerTransformer> linear;  ///< none or one
    RoformerTransformer time, frequency;
  };

  [[nodiscard]] torch::Tensor features(const torch::Tensor& spectrum) const;

  RoformerSizes sizes_;
  BandSplit band_split_;
  std::vector<Block> blocks_;
  torch::Tensor final_gamma_;
  std::vector<MaskEstimatorHead> heads_;
  std::vector<bool> used_;  ///< stems whose masks are estimated; empty: all
};

/// For the table of families: "bs-roformer" and "mel-band-roformer".
[[nodiscard]] std::shared_ptr<ChunkNetwork> make_roformer(const ModelInfo& info);

}  // namespace svsep
