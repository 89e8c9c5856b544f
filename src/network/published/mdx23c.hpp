#pragma once

#include "network/published/channel_norm.hpp"
#include "network/published/chunk_network.hpp"
#include "network/published/product.hpp"
#include "svsep/model_file.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace svsep {

struct Mdx23cSizes {
  std::int64_t audio_channels = 2;
  std::int64_t stems = 1;
  std::int64_t fft_samples = 8192;
  std::int64_t hop_samples = 1024;
  std::int64_t bins = 4096;  ///< that the network sees, from 0 Hz; a multiple of the subbands
  std::int64_t subbands = 4;
  std::int64_t channels = 128;  ///< at the first scale
  std::int64_t growth = 128;    ///< channels more at each next scale
  std::int64_t scales = 5;
  std::int64_t blocks_per_scale = 2;
  std::int64_t bottleneck = 4;                    ///< bins per hidden value of the layers over frequency
  std::int64_t scale_frames = 2, scale_bins = 2;  ///< from one scale to the next
  NormSizes norm;
};

/// The sizes that a model file states. Throws Error(model) where one is missing or does not fit.
[[nodiscard]] Mdx23cSizes mdx23c_sizes(const ModelInfo& info);

/// A kernel over an image of one song, prepared. Images are [frames, bins, channels].
class ImageConvolution {
 public:
  ImageConvolution() = default;
  /// `name` is the weight's: [outputs, inputs, frames, bins], or [inputs, outputs, ...] where `widens`: then
  /// each pixel becomes frames x bins of them; else these advance by `stride`.
  ImageConvolution(torch::nn::Module& root, const std::string& name, torch::IntArrayRef shape, bool strides,
                   bool widens = false);
  void prepare(torch::ScalarType type);
  /// float32 in and out. Beyond the image is silence.
  [[nodiscard]] torch::Tensor operator()(const torch::Tensor& image) const;
  /// The frames that have all their neighbours in the image.
  [[nodiscard]] torch::Tensor within(const torch::Tensor& image) const;
  [[nodiscard]] std::int64_t outputs() const { return outputs_; }

 private:
  [[nodiscard]] torch::Tensor convolve(const torch::Tensor& image, std::int64_t silent_frames) const;

  torch::Tensor weight_;
  bool strides_ = false, widens_ = false;
  std::int64_t outputs_ = 0;
  std::int64_t high_ = 1, wide_ = 1;  ///< of the kernel
  Product widening_;
};

/// Blocks of convolutions over time and frequency (TFC) around two dense layers over frequency (TDF).
class TfcTdf {
 public:
  TfcTdf(torch::nn::Module& root, const std::string& name, const Mdx23cSizes& sizes, std::int64_t inputs,
         std::int64_t channels, std::int64_t bins);
  void prepare(torch::ScalarType type);
  [[nodiscard]] torch::Tensor apply(torch::Tensor image) const;

 private:
  struct Block {
    ChannelNorm norm1, norm2, norm3, norm4;
    ImageConvolution convolution1, convolution2, shortcut;
    torch::Tensor down_weight, up_weight;
    std::int64_t hidden = 0;  ///< values between the two layers over frequency
    Product down, up;
  };
  std::vector<Block> blocks_;
};

/// MDX23C: TFC-TDF v3 (Kim et al. 2023, arXiv:2306.09382). A U-Net over the subbands of a complex spectrum.
class Mdx23c : public ChunkNetwork {
 public:
  explicit Mdx23c(const Mdx23cSizes& sizes);

  torch::Tensor forward(const torch::Tensor& mixture) override;
  void prepare(torch::ScalarType compute_type) override;

 private:
  struct Scale {
    TfcTdf blocks;
    ChannelNorm norm;  ///< before the step to the next scale
    ImageConvolution step;
  };

  /// [frames, bins, channels] of the subbands -> the same of all stems' subbands.
  [[nodiscard]] torch::Tensor estimate(const torch::Tensor& mixture) const;
  /// What the next scale of the encoder sees.
  [[nodiscard]] torch::Tensor narrowed(const Scale& scale, const torch::Tensor& above) const;
  /// What a scale of the decoder sees: the image below, widened, and the encoder's of the same size.
  [[nodiscard]] torch::Tensor joined(const Scale& scale, const torch::Tensor& below,
                                     const torch::Tensor& skip) const;

  Mdx23cSizes sizes_;
  ImageConvolution first_, last1_, last2_;
  std::vector<Scale> encoder_, decoder_;
  std::vector<TfcTdf> bottleneck_;  ///< one
  ChannelNorm last_activation_;
};

/// For the table of families.
[[nodiscard]] std::shared_ptr<ChunkNetwork> make_mdx23c(const ModelInfo& info);

}  // namespace svsep
