#include "network/published/families.hpp"
#include "network/published/mdx23c.hpp"

namespace svsep {
namespace {

constexpr std::int64_t kMaxFftSamples = 65536;
constexpr std::int64_t kMaxChannels = 4096;
constexpr std::int64_t kMaxScales = 10;
constexpr std::int64_t kMaxBlocks = 32;

NormSizes read_norm(const ModelInfo& info) {
  NormSizes norm;
  norm.kind = static_cast<NormSizes::Kind>(bounded_size(info, "norm", 0, 3));
  norm.activation = static_cast<Activation>(bounded_size(info, "act", 0, 2));
  if (norm.kind == NormSizes::Kind::group) {
    norm.groups = bounded_size(info, "norm_groups", 1, kMaxChannels);
    for (const char* const name : {"num_channels", "growth"}) {
      if (published_size(info, name) % norm.groups != 0) {
        refuse_size(name, "a multiple of " + std::to_string(norm.groups),
                    std::to_string(published_size(info, name)));
      }
    }
  }
  const auto alpha = info.numbers.find("elu_alpha");
  if (alpha != info.numbers.end() && !alpha->second.empty()) norm.elu_alpha = alpha->second.front();
  return norm;
}

}  // namespace

Mdx23cSizes mdx23c_sizes(const ModelInfo& info) {
  if (!info.chunks) refuse_size("chunk_samples", "a value", "none");
  Mdx23cSizes sizes;
  sizes.audio_channels = static_cast<std::int64_t>(info.chunks->channels);
  sizes.stems = static_cast<std::int64_t>(info.chunks->stems.size());
  sizes.fft_samples = bounded_size(info, "n_fft", 16, kMaxFftSamples);
  sizes.hop_samples = bounded_size(info, "hop_length", 1, sizes.fft_samples);
  sizes.bins = bounded_size(info, "dim_f", 1, sizes.fft_samples / 2 + 1);
  sizes.subbands = bounded_size(info, "num_subbands", 1, sizes.bins);
  sizes.channels = bounded_size(info, "num_channels", 1, kMaxChannels);
  sizes.growth = bounded_size(info, "growth", 0, kMaxChannels);
  sizes.scales = bounded_size(info, "num_scales", 1, kMaxScales);
  sizes.blocks_per_scale = bounded_size(info, "num_blocks_per_scale", 1, kMaxBlocks);
  sizes.bottleneck = bounded_size(info, "bottleneck_factor", 1, sizes.bins);
  sizes.scale_frames = bounded_size(info, "scale_frames", 1, 8);
  sizes.scale_bins = bounded_size(info, "scale_bins", 1, 8);
  sizes.norm = read_norm(info);
  const auto samples = static_cast<std::int64_t>(info.chunks->chunk_samples);
  if (samples <= sizes.fft_samples / 2) {
    refuse_size("n_fft", "less than two chunks", std::to_string(sizes.fft_samples));
  }
  std::int64_t frame_factor = 1, bin_factor = sizes.subbands;
  for (std::int64_t i = 0; i < sizes.scales; ++i) {
    frame_factor *= sizes.scale_frames;
    bin_factor *= sizes.scale_bins;
  }
  const std::int64_t frames = samples / sizes.hop_samples + 1;
  if (frames % frame_factor != 0) {
    refuse_size("hop_length", "chunks of a multiple of " + std::to_string(frame_factor) + " frames",
                std::to_string(frames));
  }
  if (sizes.bins % bin_factor != 0 || sizes.bins / bin_factor < sizes.bottleneck) {
    refuse_size("dim_f",
                "a multiple of " + std::to_string(bin_factor) + ", and at least " +
                    std::to_string(bin_factor * sizes.bottleneck),
                std::to_string(sizes.bins));
  }
  return sizes;
}

std::shared_ptr<ChunkNetwork> make_mdx23c(const ModelInfo& info) {
  return std::make_shared<Mdx23c>(mdx23c_sizes(info));
}

}  // namespace svsep
