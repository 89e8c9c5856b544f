#include "network/published/htdemucs.hpp"

#include "network/device.hpp"
#include "network/published/families.hpp"
#include "network/published/spectra.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <utility>

namespace svsep {
namespace {

constexpr std::int64_t kKernel = 8;
constexpr std::int64_t kStride = 4;

/// Frames that the transform has at either end beside one per hop.
constexpr std::int64_t kOuterFrames = 2;

SpectrumShape spectrum_shape(const HtDemucsSizes& sizes) {
  return {sizes.fft_samples, sizes.fft_samples / 4, /*normalised=*/true};
}

template <typename Layer>
std::vector<std::shared_ptr<Layer>> layer_list(torch::nn::Module& parent, const std::string& name,
                                               const std::vector<DemucsLayerSizes>& sizes, bool from_inside) {
  const auto modules = parent.register_module(name, std::make_shared<torch::nn::Module>());
  std::vector<std::shared_ptr<Layer>> layers;
  for (std::size_t k = 0; k < sizes.size(); ++k) {
    const DemucsLayerSizes& of_layer = from_inside ? sizes[sizes.size() - 1 - k] : sizes[k];
    if constexpr (std::is_same_v<Layer, DemucsDecoderLayer>) {
      layers.push_back(std::make_shared<Layer>(of_layer, /*last=*/k + 1 == sizes.size()));
    } else {
      layers.push_back(std::make_shared<Layer>(of_layer));
    }
    modules->register_module(std::to_string(k), layers.back());
  }
  return layers;
}

/// Of all layers, the outermost first.
std::vector<DemucsLayerSizes> layer_sizes(const HtDemucsSizes& sizes, std::int64_t song_channels,
                                          bool over_time, bool with_residuals) {
  std::vector<DemucsLayerSizes> result;
  std::int64_t outer = song_channels, inner = sizes.channels;
  for (std::int64_t k = 0; k < sizes.depth; ++k, outer = inner, inner *= sizes.growth) {
    result.push_back({.inner = inner,
                      .outer = outer,
                      .kernel = kKernel,
                      .stride = kStride,
                      .residual_depth = with_residuals ? sizes.residual_depth : 0,
                      .over_time = over_time});
  }
  return result;
}

/// Mean and standard deviation of every batch item.
std::pair<torch::Tensor, torch::Tensor> level_of(const torch::Tensor& x) {
  std::vector<std::int64_t> all;
  for (std::int64_t axis = 1; axis < x.dim(); ++axis) all.push_back(axis);
  const auto [deviation, mean] = torch::std_mean(x, all, /*unbiased=*/true, /*keepdim=*/true);
  return {mean, deviation};
}

/// The transform's ends are reflected, after silence where the signal is too short for it.
torch::Tensor reflected(const torch::Tensor& signal, std::int64_t before, std::int64_t after) {
  const std::int64_t missing = std::max(before, after) + 1 - signal.size(-1);
  if (missing <= 0) return torch::reflection_pad1d(signal, {before, after});
  const std::int64_t on_the_right = std::min(after, missing);
  const std::int64_t on_the_left = missing - on_the_right;
  return torch::reflection_pad1d(torch::constant_pad_nd(signal, {on_the_left, on_the_right}),
                                 {before - on_the_left, after - on_the_right});
}

/// A 1x1 convolution; torch's weight is that of a 1-d one.
torch::Tensor resampled_channels(const torch::Tensor& x, const WeightAndBias& layer) {
  return torch::conv2d(x, layer.weight.unsqueeze(-1), layer.bias);
}

}  // namespace

HtDemucs::HtDemucs(const HtDemucsSizes& sizes) : sizes_(sizes) {
  const bool in_encoder = (sizes.residuals & 1) != 0, in_decoder = (sizes.residuals & 2) != 0;
  const std::int64_t in = sizes.audio_channels, out = in * sizes.stems;
  encoder_ =
      layer_list<DemucsEncoderLayer>(*this, "encoder", layer_sizes(sizes, 2 * in, false, in_encoder), false);
  decoder_ =
      layer_list<DemucsDecoderLayer>(*this, "decoder", layer_sizes(sizes, 2 * out, false, in_decoder), true);
  tencoder_ =
      layer_list<DemucsEncoderLayer>(*this, "tencoder", layer_sizes(sizes, in, true, in_encoder), false);
  tdecoder_ =
      layer_list<DemucsDecoderLayer>(*this, "tdecoder", layer_sizes(sizes, out, true, in_decoder), true);

  const auto embedding = std::make_shared<torch::nn::Module>();
  frequency_embedding_ = embedding->register_parameter(
      "weight", unset({sizes.fft_samples / 2 / kStride, sizes.channels}), false);
  register_module("freq_emb", std::make_shared<torch::nn::Module>())->register_module("embedding", embedding);

  std::int64_t width = sizes.channels;
  for (std::int64_t k = 1; k < sizes.depth; ++k) width *= sizes.growth;
  if (sizes.bottom_channels > 0) {
    const auto point = [&](const char* name, std::int64_t inputs, std::int64_t outputs) {
      return register_module(
          name, std::make_shared<WeightAndBias>(
                    std::initializer_list<std::int64_t>{outputs, inputs, std::int64_t{1}}, outputs));
    };
    upsampler_ = point("channel_upsampler", width, sizes.bottom_channels);
    downsampler_ = point("channel_downsampler", sizes.bottom_channels, width);
    upsampler_t_ = point("channel_upsampler_t", width, sizes.bottom_channels);
    downsampler_t_ = point("channel_downsampler_t", sizes.bottom_channels, width);
    width = sizes.bottom_channels;
  }
  if (sizes.transformer_layers > 0) {
    transformer_ = register_module(
        "crosstransformer", std::make_shared<CrossTransformer>(CrossTransformerSizes{
                                width, sizes.transformer_hidden, sizes.heads, sizes.transformer_layers}));
  }
}

void HtDemucs::prepare(torch::ScalarType compute_type) {
  for (const auto& layer : decoder_) layer->prepare();
  for (const auto& layer : tdecoder_) layer->prepare();
  // CPUs that multiply bfloat16 without tiles of it are no faster for it.
  const bool on_cpu = frequency_embedding_.is_cpu();
  if (transformer_) transformer_->prepare(on_cpu ? torch::kFloat : compute_type);
}

torch::Tensor HtDemucs::spectrum_of(const torch::Tensor& mixture) const {
  const SpectrumShape shape = spectrum_shape(sizes_);
  const std::int64_t samples = mixture.size(-1);
  const std::int64_t frames = (samples + shape.hop_samples - 1) / shape.hop_samples;
  const std::int64_t before = shape.hop_samples / 2 * 3;
  const torch::Tensor padded = reflected(mixture, before, before + frames * shape.hop_samples - samples);
  return spectra_of(padded, shape).narrow(-2, kOuterFrames, frames).narrow(-1, 0, shape.bins() - 1);
}

torch::Tensor HtDemucs::wave_of(const torch::Tensor& spectrum, std::int64_t samples) const {
  const SpectrumShape shape = spectrum_shape(sizes_);
  const std::int64_t before = shape.hop_samples / 2 * 3;
  const std::int64_t frames = spectrum.size(-2);
  const torch::Tensor padded = torch::constant_pad_nd(spectrum, {0, 1, kOuterFrames, kOuterFrames});
  return signal_of(padded, shape, frames * shape.hop_samples + 2 * before).narrow(-1, before, samples);
}

void HtDemucs::transform(torch::Tensor& spectrum, torch::Tensor& wave) const {
  if (!transformer_) return;
  if (upsampler_) {
    spectrum = resampled_channels(spectrum, *upsampler_);
    wave = resampled_channels(wave, *upsampler_t_);
  }
  std::tie(spectrum, wave) = transformer_->forward(spectrum, wave);
  if (downsampler_) {
    spectrum = resampled_channels(spectrum, *downsampler_);
    wave = resampled_channels(wave, *downsampler_t_);
  }
}

void HtDemucs::encode_and_decode(torch::Tensor& spectrum, torch::Tensor& wave) const {
  std::vector<torch::Tensor> spectra, waves;
  std::vector<std::int64_t> frequencies, samples;
  for (std::size_t k = 0; k < encoder_.size(); ++k) {
    frequencies.push_back(spectrum.size(2));
    samples.push_back(wave.size(3));
    wave = tencoder_[k]->forward(wave);
    spectrum = encoder_[k]->forward(spectrum);
    if (k == 0) {
      spectrum += frequency_embedding_.t().view({1, sizes_.channels, -1, 1}) * sizes_.frequency_embedding;
    }
    spectra.push_back(spectrum);
    waves.push_back(wave);
  }
  transform(spectrum, wave);
  for (std::size_t k = 0; k < decoder_.size(); ++k) {
    // The memory of the images within does not fit the large ones of the two outermost layers.
    if (k + 2 == decoder_.size() && spectrum.is_cpu()) give_freed_memory_back();
    spectrum = decoder_[k]->forward(spectrum, spectra.back(), frequencies.back());
    spectra.pop_back();
    wave = tdecoder_[k]->forward(wave, waves.back(), samples.back());
    waves.pop_back();
    frequencies.pop_back();
    samples.pop_back();
  }
}

torch::Tensor HtDemucs::forward(const torch::Tensor& mixture) {
  constexpr double kSilence = 1e-5;
  const std::int64_t given = mixture.size(-1);
  const std::int64_t samples = std::max(given, sizes_.chunk_samples);
  const std::int64_t batch = mixture.size(0);
  const torch::Tensor mix = given < samples ? torch::constant_pad_nd(mixture, {0, samples - given}) : mixture;

  // Real and imaginary parts are channels; the network sees the frames as columns.
  torch::Tensor spectrum = torch::view_as_real(spectrum_of(mix)).permute({0, 1, 4, 3, 2}).flatten(1, 2);
  const auto [mean, deviation] = level_of(spectrum);
  spectrum = ((spectrum - mean) / (deviation + kSilence)).contiguous();
  const auto [wave_mean, wave_deviation] = level_of(mix);
  torch::Tensor wave = ((mix - wave_mean) / (wave_deviation + kSilence)).unsqueeze(2);

  encode_and_decode(spectrum, wave);

  spectrum = spectrum.mul_(deviation).add_(mean).unflatten(1, {sizes_.stems, sizes_.audio_channels, 2});
  wave = wave.squeeze(2).mul_(wave_deviation).add_(wave_mean).contiguous();
  wave = wave.view({batch, sizes_.stems, sizes_.audio_channels, samples});
  for (std::int64_t stem = 0; stem < sizes_.stems; ++stem) {  // one at a time needs less memory
    const torch::Tensor of_stem = spectrum.select(1, stem).permute({0, 1, 4, 3, 2}).contiguous();
    wave.select(1, stem).add_(wave_of(torch::view_as_complex(of_stem), samples));
  }
  return wave.narrow(-1, 0, given);
}

std::shared_ptr<ChunkNetwork> make_htdemucs(const ModelInfo& info) {
  const ChunkParameters& chunks = published_chunks(info);
  HtDemucsSizes sizes;
  sizes.audio_channels = static_cast<std::int64_t>(chunks.channels);
  sizes.stems = std::ssize(chunks.stems);
  sizes.chunk_samples = static_cast<std::int64_t>(chunks.chunk_samples);
  sizes.channels = published_size(info, "channels", 8, 4096);
  sizes.growth = published_size(info, "growth", 1, 8);
  sizes.depth = published_size(info, "depth", 1, 6);
  sizes.fft_samples = published_size(info, "fft_samples", 16, 65536);
  sizes.bottom_channels = published_size(info, "bottom_channels", 0, 16384);
  sizes.transformer_layers = published_size(info, "transformer_layers", 0, 64);
  sizes.transformer_hidden = published_size(info, "transformer_hidden", 1, 65536);
  sizes.heads = published_size(info, "heads", 1, 1024);
  sizes.residual_depth = published_size(info, "residual_depth", 1, 8);
  sizes.residuals = published_size(info, "residuals", 0, 3);
  sizes.frequency_embedding = info.numbers.contains("frequency_embedding")
                                  ? info.numbers.at("frequency_embedding").front()
                                  : sizes.frequency_embedding;
  std::int64_t width = sizes.channels, rows = sizes.fft_samples / 2;
  for (std::int64_t k = 1; k < sizes.depth; ++k) width *= sizes.growth, rows /= kStride;
  if (rows <= kKernel || sizes.fft_samples % (2 * rows) != 0) {
    refuse_size("fft_samples", fmt::format("enough for {} layers", sizes.depth),
                std::to_string(sizes.fft_samples));
  }
  if (sizes.bottom_channels > 0) width = sizes.bottom_channels;
  if (width % 4 != 0 || width % sizes.heads != 0) {
    refuse_size("heads", fmt::format("a divisor of {} tokens' values", width), std::to_string(sizes.heads));
  }
  return std::make_shared<HtDemucs>(sizes);
}

}  // namespace svsep
