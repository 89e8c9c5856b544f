#include "network/published/families.hpp"
#include "network/published/roformer.hpp"

#include <algorithm>

namespace svsep {
namespace {

constexpr std::int64_t kMaxDepth = 64;
constexpr std::int64_t kMaxFeatures = 4096;
constexpr std::int64_t kMaxHidden = 32768;
constexpr std::int64_t kMaxFftSamples = 65536;

std::vector<Band> read_bands(const ModelInfo& info, std::int64_t bins) {
  const std::vector<std::int64_t>& firsts = published_sizes(info, "band_first_bins");
  const std::vector<std::int64_t>& counts = published_sizes(info, "band_bins");
  if (firsts.size() != counts.size()) {
    refuse_size("band_bins", std::to_string(firsts.size()) + " values", std::to_string(counts.size()));
  }
  std::vector<Band> bands;
  std::int64_t covered = 0;
  for (std::size_t i = 0; i < firsts.size(); ++i) {
    const Band band{firsts[i], counts[i]};
    if (band.first_bin > covered || band.bins < 1 || band.first_bin + band.bins > bins) {
      refuse_size("band_bins", "bands that cover " + std::to_string(bins) + " bins",
                  std::to_string(band.bins) + " from bin " + std::to_string(band.first_bin) + " on");
    }
    covered = std::max(covered, band.first_bin + band.bins);
    bands.push_back(band);
  }
  if (covered != bins) refuse_size("band_bins", std::to_string(bins) + " in all", std::to_string(covered));
  return bands;
}

RoformerStft read_stft(const ModelInfo& info) {
  RoformerStft stft;
  stft.fft_samples = bounded_size(info, "stft_n_fft", 16, kMaxFftSamples);
  stft.window_samples = bounded_size(info, "stft_win_length", 1, stft.fft_samples);
  stft.hop_samples = bounded_size(info, "stft_hop_length", 1, stft.window_samples);
  stft.normalises = bounded_size(info, "stft_normalized", 0, 1) == 1;
  return stft;
}

}  // namespace

RoformerSizes roformer_sizes(const ModelInfo& info) {
  if (!info.chunks) refuse_size("chunk_samples", "a value", "none");
  RoformerSizes sizes;
  sizes.channels = static_cast<std::int64_t>(info.chunks->channels);
  sizes.stems = static_cast<std::int64_t>(info.chunks->stems.size());
  sizes.depth = bounded_size(info, "depth", 1, kMaxDepth);
  sizes.linear_depth = bounded_size(info, "linear_transformer_depth", 0, kMaxDepth);
  sizes.time_depth = bounded_size(info, "time_transformer_depth", 1, kMaxDepth);
  sizes.frequency_depth = bounded_size(info, "freq_transformer_depth", 1, kMaxDepth);
  TransformerSizes& transformer = sizes.transformer;
  transformer.features = bounded_size(info, "dim", 1, kMaxFeatures);
  transformer.heads = bounded_size(info, "heads", 1, kMaxFeatures);
  transformer.head_size = bounded_size(info, "dim_head", 2, kMaxFeatures);
  if (transformer.head_size % 2 != 0) {
    refuse_size("dim_head", "an even number", std::to_string(transformer.head_size));
  }
  transformer.hidden = bounded_size(info, "ff_inner", 1, kMaxHidden);
  transformer.norms_output = bounded_size(info, "norm_output", 0, 1) == 1;
  sizes.norms_end = bounded_size(info, "final_norm", 0, 1) == 1;
  sizes.skips = bounded_size(info, "skip_connection", 0, 1) == 1;
  sizes.mutes_dc = bounded_size(info, "zero_dc", 0, 1) == 1;
  sizes.mask.features = transformer.features;
  sizes.mask.hidden = bounded_size(info, "mask_inner", 1, kMaxHidden);
  sizes.mask.hidden_layers = bounded_size(info, "mask_hidden_layers", 0, kMaxDepth);
  sizes.stft = read_stft(info);
  sizes.bands = read_bands(info, sizes.stft.fft_samples / 2 + 1);
  if (info.chunks->chunk_samples <= static_cast<std::size_t>(sizes.stft.fft_samples / 2)) {
    refuse_size("stft_n_fft", "less than two chunks", std::to_string(sizes.stft.fft_samples));
  }
  return sizes;
}

std::shared_ptr<ChunkNetwork> make_roformer(const ModelInfo& info) {
  return std::make_shared<Roformer>(roformer_sizes(info));
}

}  // namespace svsep
