#include "network/published/roformer.hpp"

#include "network/published/named_parameter.hpp"

namespace svsep {
namespace {

/// A block's transformer over time stands first in the published list of its modules, or second after one
/// with linear attention.
std::string transformer_name(std::int64_t block, std::int64_t place) {
  return "layers." + std::to_string(block) + "." + std::to_string(place);
}

TransformerSizes with_depth(TransformerSizes sizes, std::int64_t depth, bool is_linear = false) {
  sizes.depth = depth;
  sizes.is_linear = is_linear;
  return sizes;
}

}  // namespace

Roformer::Roformer(const RoformerSizes& sizes)
    : sizes_(sizes), band_split_(*this, sizes.bands, 2 * sizes.channels, sizes.transformer.features) {
  for (std::int64_t i = 0; i < sizes.depth; ++i) {
    std::int64_t place = 0;
    std::vector<RoformerTransformer> linear;
    if (sizes.linear_depth > 0) {
      linear.emplace_back(*this, transformer_name(i, place++),
                          with_depth(sizes.transformer, sizes.linear_depth, true));
    }
    RoformerTransformer time(*this, transformer_name(i, place++),
                             with_depth(sizes.transformer, sizes.time_depth));
    RoformerTransformer frequency(*this, transformer_name(i, place),
                                  with_depth(sizes.transformer, sizes.frequency_depth));
    blocks_.push_back({std::move(linear), std::move(time), std::move(frequency)});
  }
  if (sizes.norms_end) final_gamma_ = add_parameter(*this, "final_norm.gamma", {sizes.transformer.features});
  for (std::int64_t stem = 0; stem < sizes.stems; ++stem) {
    heads_.emplace_back(*this, "mask_estimators." + std::to_string(stem), sizes.bands, 2 * sizes.channels,
                        sizes.mask);
  }
}

void Roformer::prepare(torch::ScalarType compute_type) {
  band_split_.prepare(compute_type);
  for (Block& block : blocks_) {
    for (RoformerTransformer& linear : block.linear) linear.prepare(compute_type);
    block.time.prepare(compute_type);
    block.frequency.prepare(compute_type);
  }
  for (MaskEstimatorHead& head : heads_) head.prepare(compute_type);
}

torch::Tensor Roformer::features(const torch::Tensor& spectrum) const {
  const std::int64_t batch = spectrum.size(0), frames = spectrum.size(1);
  torch::Tensor x = band_split_.apply(spectrum.flatten(0, 1));  // [batch * frames, bands, features]
  const std::int64_t bands = x.size(1), size = x.size(2);
  const Rotation over_time = make_rotation(frames, sizes_.transformer.head_size, x.device());
  const Rotation over_bands = make_rotation(bands, sizes_.transformer.head_size, x.device());
  torch::Tensor sum_of_outputs;
  for (const Block& block : blocks_) {
    for (const RoformerTransformer& linear : block.linear)
      linear.apply(x.view({batch, frames * bands, size}), {});
    if (sum_of_outputs.defined()) x.add_(sum_of_outputs);
    for (std::int64_t song = 0; song < batch; ++song) {
      block.time.apply(x.narrow(0, song * frames, frames).transpose(0, 1), over_time);
    }
    block.frequency.apply(x, over_bands);
    if (sizes_.skips) sum_of_outputs = sum_of_outputs.defined() ? sum_of_outputs + x : x.clone();
  }
  return final_gamma_.defined() ? (normalised_rows(x) * final_gamma_).view(x.sizes()) : x;
}

torch::Tensor Roformer::forward(const torch::Tensor& mixture) {
  const RoformerStft& stft = sizes_.stft;
  const std::int64_t batch = mixture.size(0), channels = mixture.size(1), samples = mixture.size(2);
  const torch::Tensor window = torch::hann_window(stft.window_samples, mixture.options());
  const torch::Tensor transformed =
      torch::stft(mixture.reshape({batch * channels, samples}), stft.fft_samples, stft.hop_samples,
                  stft.window_samples, window, true, "reflect", stft.normalises, true, true);
  const std::int64_t bins = transformed.size(1), frames = transformed.size(2);
  const torch::Tensor spectrum = torch::view_as_real(transformed.view({batch, channels, bins, frames}))
                                     .permute({0, 3, 2, 1, 4})
                                     .contiguous();  // [batch, frames, bins, channels, real and imaginary]
  const torch::Tensor x = features(spectrum.flatten(3));
  std::vector<torch::Tensor> stems;
  for (std::size_t i = 0; i < heads_.size(); ++i) {
    if (!used_.empty() && !used_[i]) {
      stems.push_back(torch::zeros_like(mixture));
      continue;
    }
    const torch::Tensor mask = torch::view_as_complex(heads_[i].apply(x).view(spectrum.sizes()));
    torch::Tensor masked = (torch::view_as_complex(spectrum) * mask).permute({0, 3, 2, 1});
    if (sizes_.mutes_dc) masked.select(2, 0).zero_();
    const torch::Tensor stem =
        torch::istft(masked.reshape({batch * channels, bins, frames}), stft.fft_samples, stft.hop_samples,
                     stft.window_samples, window, true, stft.normalises, true, samples);
    stems.push_back(stem.view({batch, channels, samples}));
  }
  return torch::stack(stems, 1);
}

}  // namespace svsep
