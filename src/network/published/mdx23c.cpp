#include "network/published/mdx23c.hpp"

#include "network/device.hpp"
#include "network/published/named_parameter.hpp"
#include "network/published/tiles.hpp"

#include <ATen/Parallel.h>

namespace svsep {
namespace {

constexpr std::int64_t kTileValues = 1 << 20;  // of an image

NormSizes without_norm(NormSizes sizes) {
  sizes.kind = NormSizes::Kind::none;
  return sizes;
}

Tiles frames_of(const torch::Tensor& image) {
  return {image, image.size(0), image.size(1) * image.size(2), kTileValues};
}

/// image [frames, bins, channels] += rows [frames, channels, bins]
void add_rows(torch::Tensor& image, const torch::Tensor& rows) {
  if (!image.is_cpu() || rows.scalar_type() != torch::kFloat) {
    image += rows.transpose(1, 2);
    return;
  }
  const std::int64_t pixels = image.size(1), channels = image.size(2);
  at::parallel_for(0, image.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t frame = begin; frame < end; ++frame) {
      add_transposed(rows.data_ptr<float>() + frame * pixels * channels, pixels, channels,
                     image.data_ptr<float>() + frame * pixels * channels);
    }
  });
}

}  // namespace

ImageConvolution::ImageConvolution(torch::nn::Module& root, const std::string& name, torch::IntArrayRef shape,
                                   bool strides, bool widens)
    : weight_(add_parameter(root, name, shape)),
      strides_(strides),
      widens_(widens),
      outputs_(shape[widens ? 1 : 0]),
      high_(shape[2]),
      wide_(shape[3]) {}

void ImageConvolution::prepare(torch::ScalarType type) {
  if (widens_) {  // each pixel becomes others of its own: no more than a product
    widening_ = Product(weight_.permute({2, 3, 1, 0}).flatten(0, 2), {}, type);
    return release_parameter(weight_);
  }
  torch::Tensor prepared = weight_.detach().to(type).contiguous(torch::MemoryFormat::ChannelsLast);
  release_parameter(weight_);
  weight_ = prepared;
}

torch::Tensor ImageConvolution::operator()(const torch::Tensor& image) const {
  return convolve(image, strides_ ? 0 : high_ / 2);
}

torch::Tensor ImageConvolution::within(const torch::Tensor& image) const { return convolve(image, 0); }

torch::Tensor ImageConvolution::convolve(const torch::Tensor& image, std::int64_t silent_frames) const {
  if (widens_) {
    const std::int64_t frames = image.size(0), bins = image.size(1);
    return widening_(image.reshape({frames * bins, image.size(2)}))
        .to(torch::kFloat)
        .view({frames, bins, high_, wide_, -1})
        .permute({0, 2, 1, 3, 4})
        .reshape({frames * high_, bins * wide_, -1});
  }
  const torch::Tensor x = image.to(weight_.scalar_type()).permute({2, 0, 1}).unsqueeze(0);
  const std::vector<std::int64_t> padding = {silent_frames, strides_ ? 0 : wide_ / 2};
  const std::vector<std::int64_t> stride = {strides_ ? high_ : 1, strides_ ? wide_ : 1};
  const torch::Tensor y = x.is_cpu() && at::hasMKLDNN()
                              ? at::mkldnn_convolution(x, weight_, {}, padding, stride, {1, 1}, 1)
                              : at::conv2d(x, weight_, {}, stride, padding);
  return y.squeeze(0).permute({1, 2, 0}).to(torch::kFloat).contiguous();
}

TfcTdf::TfcTdf(torch::nn::Module& root, const std::string& name, const Mdx23cSizes& sizes,
               std::int64_t inputs, std::int64_t channels, std::int64_t bins) {
  const std::int64_t hidden = bins / sizes.bottleneck;
  for (std::int64_t i = 0; i < sizes.blocks_per_scale; ++i) {
    const std::string block = name + ".blocks." + std::to_string(i) + ".";
    Block made;
    made.norm1 = ChannelNorm(root, block + "tfc1.0", inputs, sizes.norm);
    made.convolution1 = ImageConvolution(root, block + "tfc1.2.weight", {channels, inputs, 3, 3}, false);
    made.norm2 = ChannelNorm(root, block + "tdf.0", channels, sizes.norm);
    made.hidden = hidden;
    made.down_weight = add_parameter(root, block + "tdf.2.weight", {hidden, bins});
    made.norm3 = ChannelNorm(root, block + "tdf.3", channels, sizes.norm);
    made.up_weight = add_parameter(root, block + "tdf.5.weight", {bins, hidden});
    made.norm4 = ChannelNorm(root, block + "tfc2.0", channels, sizes.norm);
    made.convolution2 = ImageConvolution(root, block + "tfc2.2.weight", {channels, channels, 3, 3}, false);
    made.shortcut = ImageConvolution(root, block + "shortcut.weight", {channels, inputs, 1, 1}, false);
    blocks_.push_back(std::move(made));
    inputs = channels;
  }
}

void TfcTdf::prepare(torch::ScalarType type) {
  for (Block& block : blocks_) {
    for (ImageConvolution* convolution : {&block.convolution1, &block.convolution2, &block.shortcut}) {
      convolution->prepare(type);
    }
    block.down = Product(block.down_weight, {}, type);
    block.up = Product(block.up_weight, {}, type);
    release_parameter(block.down_weight);
    release_parameter(block.up_weight);
  }
}

torch::Tensor TfcTdf::apply(torch::Tensor image) const {
  const std::int64_t frames = image.size(0), bins = image.size(1);
  const Tiles tiles = frames_of(image);
  for (const Block& block : blocks_) {
    const std::int64_t channels = block.shortcut.outputs();
    const std::vector<std::int64_t> shape = {frames, bins, channels};
    const auto convolved = [&](const ImageConvolution& convolution, const ChannelNorm& norm,
                               const torch::Tensor& x) {
      return [&, transform = norm.transform_of(x)](std::int64_t first, std::int64_t end) {
        if (tiles.are_one()) return convolution(norm.activate_image(x, transform));
        const std::int64_t from = std::max<std::int64_t>(first - 1, 0), to = std::min(end + 1, frames);
        const torch::Tensor seen = norm.activate_image(x.narrow(0, from, to - from), transform);
        return convolution.within(
            torch::constant_pad_nd(seen, {0, 0, 0, 0, 1 - (first - from), 1 - (to - end)}));
      };
    };
    torch::Tensor x = tiles.joined(shape, 0, 1, convolved(block.convolution1, block.norm1, image));
    const ChannelNorm::Transform before_rows = block.norm2.transform_of(x);
    const auto downwards = [&](std::int64_t first, std::int64_t end) {
      const torch::Tensor rows =
          block.norm2.activate_transposed_image(x.narrow(0, first, end - first), before_rows);
      return block.down(rows.view({-1, bins})).to(torch::kFloat).view({end - first, channels, -1});
    };
    torch::Tensor hidden = tiles.joined({frames, channels, block.hidden}, 0, 1, downwards);
    hidden = block.norm3.activate_rows_image(hidden);
    tiles.each([&](std::int64_t first, std::int64_t end) {
      const torch::Tensor rows =
          block.up(hidden.narrow(0, first, end - first).flatten(0, 1)).to(torch::kFloat);
      torch::Tensor to = x.narrow(0, first, end - first);
      add_rows(to, rows.view({end - first, channels, bins}));
    });
    const auto second = convolved(block.convolution2, block.norm4, x);
    image = tiles.joined(shape, 0, 1, [&](std::int64_t first, std::int64_t end) {
      return second(first, end).add_(block.shortcut(image.narrow(0, first, end - first)));
    });
  }
  return image;
}

Mdx23c::Mdx23c(const Mdx23cSizes& sizes)
    : sizes_(sizes), last_activation_(*this, "", 1, without_norm(sizes.norm)) {
  const std::int64_t inputs = 2 * sizes.audio_channels * sizes.subbands;
  const std::vector<std::int64_t> step = {sizes.scale_frames, sizes.scale_bins};
  std::int64_t channels = sizes.channels, bins = sizes.bins / sizes.subbands;
  first_ = ImageConvolution(*this, "first_conv.weight", {channels, inputs, 1, 1}, false);
  for (std::int64_t i = 0; i < sizes.scales; ++i) {
    const std::string name = "encoder_blocks." + std::to_string(i) + ".";
    Scale scale = {TfcTdf(*this, name + "tfc_tdf", sizes, channels, channels, bins),
                   ChannelNorm(*this, name + "downscale.conv.0", channels, sizes.norm),
                   ImageConvolution(*this, name + "downscale.conv.2.weight",
                                    {channels + sizes.growth, channels, step[0], step[1]}, true)};
    encoder_.push_back(std::move(scale));
    channels += sizes.growth;
    bins /= sizes.scale_bins;
  }
  bottleneck_.emplace_back(*this, "bottleneck_block", sizes, channels, channels, bins);
  for (std::int64_t i = 0; i < sizes.scales; ++i) {
    const std::string name = "decoder_blocks." + std::to_string(i) + ".";
    const std::int64_t narrower = channels - sizes.growth;
    bins *= sizes.scale_bins;
    Scale scale = {TfcTdf(*this, name + "tfc_tdf", sizes, 2 * narrower, narrower, bins),
                   ChannelNorm(*this, name + "upscale.conv.0", channels, sizes.norm),
                   ImageConvolution(*this, name + "upscale.conv.2.weight",
                                    {channels, narrower, step[0], step[1]}, true, true)};
    decoder_.push_back(std::move(scale));
    channels = narrower;
  }
  last1_ = ImageConvolution(*this, "final_conv.0.weight", {channels, channels + inputs, 1, 1}, false);
  last2_ = ImageConvolution(*this, "final_conv.2.weight", {sizes.stems * inputs, channels, 1, 1}, false);
}

void Mdx23c::prepare(torch::ScalarType compute_type) {
  for (ImageConvolution* convolution : {&first_, &last1_, &last2_}) convolution->prepare(compute_type);
  for (TfcTdf& blocks : bottleneck_) blocks.prepare(compute_type);
  for (std::vector<Scale>* scales : {&encoder_, &decoder_}) {
    for (Scale& scale : *scales) {
      scale.blocks.prepare(compute_type);
      scale.step.prepare(compute_type);
    }
  }
}

torch::Tensor Mdx23c::estimate(const torch::Tensor& mixture) const {
  torch::Tensor x = first_(mixture);
  std::vector<torch::Tensor> outputs;
  for (const Scale& scale : encoder_) {
    x = scale.blocks.apply(std::move(x));
    outputs.push_back(x);
    x = narrowed(scale, x);
  }
  x = bottleneck_.front().apply(std::move(x));
  for (const Scale& scale : decoder_) {
    x = joined(scale, x, outputs.back());
    outputs.pop_back();
    if (x.is_cpu()) give_freed_memory_back();  // small images left holes that the next ones do not fit
    x = scale.blocks.apply(std::move(x));
  }
  // The first layer again, pixel by pixel as all of the last ones: it costs less than to keep what it gave.
  const std::vector<std::int64_t> shape = {x.size(0), x.size(1), last2_.outputs()};
  return frames_of(x).joined(shape, 0, 1, [&](std::int64_t first, std::int64_t end) {
    const torch::Tensor seen = mixture.narrow(0, first, end - first);
    const torch::Tensor scaled = x.narrow(0, first, end - first) * first_(seen);
    const torch::Tensor last = last1_(torch::cat({seen, scaled}, 2));
    return last2_(last_activation_.activate_image(last, last_activation_.transform_of(last)));
  });
}

torch::Tensor Mdx23c::narrowed(const Scale& scale, const torch::Tensor& above) const {
  const ChannelNorm::Transform transform = scale.norm.transform_of(above);
  const std::int64_t step = sizes_.scale_frames, frames = above.size(0) / step;
  const std::vector<std::int64_t> shape = {frames, above.size(1) / sizes_.scale_bins, scale.step.outputs()};
  const Tiles tiles(above, frames, step * above.size(1) * above.size(2), kTileValues);
  return tiles.joined(shape, 0, 1, [&](std::int64_t first, std::int64_t end) {
    const torch::Tensor seen = above.narrow(0, step * first, step * (end - first));
    return scale.step(scale.norm.activate_image(seen, transform));
  });
}

torch::Tensor Mdx23c::joined(const Scale& scale, const torch::Tensor& below,
                             const torch::Tensor& skip) const {
  const ChannelNorm::Transform transform = scale.norm.transform_of(below);
  const std::int64_t step = sizes_.scale_frames, channels = skip.size(2);
  torch::Tensor both = torch::empty({skip.size(0), skip.size(1), 2 * channels}, skip.options());
  const Tiles tiles(below, below.size(0), step * skip.size(1) * channels, kTileValues);
  tiles.each([&](std::int64_t first, std::int64_t end) {
    const torch::Tensor wide = both.narrow(0, step * first, step * (end - first));
    wide.narrow(2, 0, channels)
        .copy_(scale.step(scale.norm.activate_image(below.narrow(0, first, end - first), transform)));
    wide.narrow(2, channels, channels).copy_(skip.narrow(0, step * first, step * (end - first)));
  });
  return both;
}

torch::Tensor Mdx23c::forward(const torch::Tensor& mixture) {
  const std::int64_t batch = mixture.size(0), channels = mixture.size(1), samples = mixture.size(2);
  const torch::Tensor window = torch::hann_window(sizes_.fft_samples, mixture.options());
  const torch::Tensor spectrum = torch::view_as_real(
      torch::stft(mixture.reshape({batch * channels, samples}), sizes_.fft_samples, sizes_.hop_samples,
                  sizes_.fft_samples, window, true, "reflect", false, true, true));
  const std::int64_t all_bins = spectrum.size(1), frames = spectrum.size(2);
  const std::int64_t subband_bins = sizes_.bins / sizes_.subbands;
  std::vector<torch::Tensor> songs;
  for (std::int64_t song = 0; song < batch; ++song) {
    // A subband of a channel's real or imaginary part is a channel of the network's image.
    const torch::Tensor image = spectrum.narrow(0, song * channels, channels)
                                    .narrow(1, 0, sizes_.bins)
                                    .view({channels, sizes_.subbands, subband_bins, frames, 2})
                                    .permute({3, 2, 0, 4, 1})
                                    .reshape({frames, subband_bins, channels * 2 * sizes_.subbands});
    const torch::Tensor estimate_of_stems =
        estimate(image)
            .view({frames, subband_bins, sizes_.stems * channels, 2, sizes_.subbands})
            .permute({2, 4, 1, 0, 3})
            .reshape({sizes_.stems * channels, sizes_.bins, frames, 2});
    songs.push_back(estimate_of_stems);
  }
  torch::Tensor stems = torch::cat(songs);
  stems = torch::constant_pad_nd(stems, {0, 0, 0, 0, 0, all_bins - sizes_.bins});
  return torch::istft(torch::view_as_complex(stems), sizes_.fft_samples, sizes_.hop_samples,
                      sizes_.fft_samples, window, true, false, true, samples)
      .view({batch, sizes_.stems, channels, samples});
}

}  // namespace svsep
