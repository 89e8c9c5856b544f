#include "network/published/cross_transformer.hpp"

#include "network/published/attention_kernel.hpp"
#include "network/published/named_parameter.hpp"

#include <ATen/Parallel.h>
#include <algorithm>
#include <cmath>
#include <string>
#include <torch/version.h>

namespace svsep {
namespace {

constexpr double kEpsilon = 1e-5;
constexpr double kLongestPeriod = 10000.0;

torch::Tensor layer_norm(const torch::Tensor& x, const WeightAndBias& norm) {
  return torch::layer_norm(x, {x.size(-1)}, norm.weight, norm.bias, kEpsilon);
}

/// Over all tokens and channels of a batch item, then a factor and a summand per channel.
torch::Tensor norm_of_all(const torch::Tensor& x, const WeightAndBias& norm) {
  const auto [variance, mean] = torch::var_mean(x, {1, 2}, /*unbiased=*/false, /*keepdim=*/true);
  const torch::Tensor inverse = (variance + kEpsilon).rsqrt();
  const torch::Tensor scale = inverse * norm.weight;
  return torch::addcmul(norm.bias - mean * scale, x, scale);
}

/// Attention of queries [rows, heads * size] to keys and values, each as wide, in one row: [rows, 2 * heads *
/// size].
torch::Tensor attend_on_cpu(const torch::Tensor& queries, const torch::Tensor& keys_and_values,
                            std::int64_t heads) {
  constexpr std::int64_t kQueriesAtOnce = 96;
  const std::int64_t width = queries.size(1), size = width / heads, count = queries.size(0);
  torch::Tensor result = torch::empty_like(queries);
  const auto head_at = [&](std::int64_t head) -> AttentionHead {
    const float* const keys = keys_and_values.data_ptr<float>() + head * size;
    return {.queries = queries.data_ptr<float>() + head * size,
            .keys = keys,
            .values = keys + width,
            .result = result.data_ptr<float>() + head * size,
            .query_row = width,
            .key_row = 2 * width,
            .result_row = width,
            .query_count = count,
            .key_count = keys_and_values.size(0),
            .size = size};
  };
  std::vector<PackedHead> packed(static_cast<std::size_t>(heads));
  at::parallel_for(0, heads, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t head = begin; head < end; ++head)
      packed[static_cast<std::size_t>(head)] = pack(head_at(head));
  });
  const std::int64_t parts = (count + kQueriesAtOnce - 1) / kQueriesAtOnce;
  at::parallel_for(0, heads * parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      const std::int64_t head = n / parts, first = n % parts * kQueriesAtOnce;
      attend(head_at(head), packed[static_cast<std::size_t>(head)], first,
             std::min(count, first + kQueriesAtOnce));
    }
  });
  return result;
}

/// The same on any device.
torch::Tensor attend_anywhere(const torch::Tensor& queries, const torch::Tensor& keys_and_values,
                              std::int64_t heads) {
  const std::int64_t width = queries.size(1);
  const auto split = [&](const torch::Tensor& x) {
    return x.reshape({1, x.size(0), heads, width / heads}).transpose(1, 2);
  };
  const torch::Tensor q = split(queries), k = split(keys_and_values.narrow(1, 0, width)),
                      v = split(keys_and_values.narrow(1, width, width));
#if TORCH_VERSION_MAJOR >= 2
  const torch::Tensor result = at::scaled_dot_product_attention(q, k, v);
#else
  const torch::Tensor scores =
      torch::matmul(q, k.transpose(2, 3)) / std::sqrt(static_cast<double>(width / heads));
  const torch::Tensor result = torch::matmul(torch::softmax(scores, -1), v);
#endif
  return result.transpose(1, 2).reshape({queries.size(0), width});
}

/// [1, positions, width]: first the cosines, then the sines.
torch::Tensor positions_of(std::int64_t count, std::int64_t width, const torch::Tensor& like) {
  const auto options = like.options().dtype(torch::kFloat);
  const torch::Tensor exponents = torch::arange(width / 2, options) / static_cast<double>(width / 2 - 1);
  const torch::Tensor phases =
      torch::arange(count, options).unsqueeze(1) / torch::pow(kLongestPeriod, exponents);
  return torch::cat({phases.cos(), phases.sin()}, 1).unsqueeze(0);
}

/// Sines and cosines of one axis, in turns: [positions, width].
torch::Tensor interleaved_positions(std::int64_t count, std::int64_t width, const torch::Tensor& like) {
  const auto options = like.options().dtype(torch::kFloat);
  const torch::Tensor rates =
      (torch::arange(0, width, 2, options) * (-std::log(kLongestPeriod) / static_cast<double>(width))).exp();
  const torch::Tensor phases = torch::arange(count, options).unsqueeze(1) * rates;
  return torch::stack({phases.sin(), phases.cos()}, -1).flatten(1);
}

/// [1, frames * frequencies, width]: half of the width is the frame's, half the frequency's.
torch::Tensor positions_of(std::int64_t frames, std::int64_t frequencies, std::int64_t width,
                           const torch::Tensor& like) {
  const torch::Tensor of_frame = interleaved_positions(frames, width / 2, like).unsqueeze(1);
  const torch::Tensor of_frequency = interleaved_positions(frequencies, width / 2, like).unsqueeze(0);
  const std::vector<std::int64_t> shape = {frames, frequencies, width / 2};
  return torch::cat({of_frame.expand(shape), of_frequency.expand(shape)}, -1).view({1, -1, width});
}

std::shared_ptr<WeightAndBias> norm(std::int64_t width) {
  return std::make_shared<WeightAndBias>(std::initializer_list<std::int64_t>{width}, width);
}

std::shared_ptr<WeightAndBias> linear(std::int64_t inputs, std::int64_t outputs) {
  return std::make_shared<WeightAndBias>(std::initializer_list<std::int64_t>{outputs, inputs}, outputs);
}

}  // namespace

CrossTransformerLayer::Projections::Projections(std::int64_t width)
    : in_weight(register_parameter("in_proj_weight", unset({3 * width, width}), false)),
      in_bias(register_parameter("in_proj_bias", unset({3 * width}), false)),
      out(register_module("out_proj", linear(width, width))) {}

CrossTransformerLayer::CrossTransformerLayer(const CrossTransformerSizes& sizes, bool crosses)
    : sizes_(sizes), crosses_(crosses) {
  attention_ =
      register_module(crosses ? "cross_attn" : "self_attn", std::make_shared<Projections>(sizes.width));
  linear1_ = register_module("linear1", linear(sizes.width, sizes.hidden));
  linear2_ = register_module("linear2", linear(sizes.hidden, sizes.width));
  norm_ = register_module("norm1", norm(sizes.width));
  if (crosses) other_norm_ = register_module("norm2", norm(sizes.width));
  feed_norm_ = register_module(crosses ? "norm3" : "norm2", norm(sizes.width));
  norm_out_ = register_module("norm_out", norm(sizes.width));
  gamma_1_ = register_module("gamma_1", std::make_shared<ChannelScale>(sizes.width));
  gamma_2_ = register_module("gamma_2", std::make_shared<ChannelScale>(sizes.width));
}

void CrossTransformerLayer::prepare(torch::ScalarType type) {
  const std::int64_t width = sizes_.width;
  const torch::Tensor &weight = attention_->in_weight, &bias = attention_->in_bias;
  query_ = {weight.narrow(0, 0, width), bias.narrow(0, 0, width), type};
  keys_and_values_ = {weight.narrow(0, width, 2 * width), bias.narrow(0, width, 2 * width), type};
  attended_ = {attention_->out->weight, attention_->out->bias, type};
  feed_in_ = {linear1_->weight, linear1_->bias, type};
  feed_out_ = {linear2_->weight, linear2_->bias, type};
  for (Product* product : {&query_, &keys_and_values_, &attended_, &feed_in_, &feed_out_}) product->compact();
  for (torch::Tensor* packed :
       {&attention_->in_weight, &attention_->out->weight, &linear1_->weight, &linear2_->weight}) {
    release_parameter(*packed);
  }
}

torch::Tensor CrossTransformerLayer::attend(const torch::Tensor& queries_of,
                                            const torch::Tensor& keys_of) const {
  const torch::Tensor q = query_(queries_of.flatten(0, 1));
  const torch::Tensor kv = keys_and_values_(keys_of.flatten(0, 1));
  std::vector<torch::Tensor> of_items;
  for (std::int64_t item = 0; item < queries_of.size(0); ++item) {
    const torch::Tensor queries = q.narrow(0, item * queries_of.size(1), queries_of.size(1));
    const torch::Tensor keys = kv.narrow(0, item * keys_of.size(1), keys_of.size(1));
    const bool by_kernel = q.is_cpu() && q.scalar_type() == torch::kFloat;
    of_items.push_back((by_kernel ? attend_on_cpu : attend_anywhere)(queries, keys, sizes_.heads));
  }
  return attended_(torch::cat(of_items)).to(torch::kFloat).view_as(queries_of);
}

torch::Tensor CrossTransformerLayer::forward(const torch::Tensor& tokens, const torch::Tensor& other) const {
  const torch::Tensor queries_of = layer_norm(tokens, *norm_);
  torch::Tensor x = torch::addcmul(
      tokens, attend(queries_of, crosses_ ? layer_norm(other, *other_norm_) : queries_of), gamma_1_->scale);
  torch::Tensor hidden = feed_in_(layer_norm(x, *feed_norm_).flatten(0, 1));
  at::gelu_(hidden);
  x.addcmul_(feed_out_(hidden).to(torch::kFloat).view_as(x), gamma_2_->scale);
  return norm_of_all(x, *norm_out_);
}

CrossTransformer::CrossTransformer(const CrossTransformerSizes& sizes) : sizes_(sizes) {
  norm_in_ = register_module("norm_in", norm(sizes.width));
  norm_in_t_ = register_module("norm_in_t", norm(sizes.width));
  const auto list = [&](const char* name, std::vector<std::shared_ptr<CrossTransformerLayer>>& layers) {
    const auto modules = register_module(name, std::make_shared<torch::nn::Module>());
    for (std::int64_t k = 0; k < sizes.layers; ++k) {
      layers.push_back(modules->register_module(std::to_string(k),
                                                std::make_shared<CrossTransformerLayer>(sizes, k % 2 == 1)));
    }
  };
  list("layers", layers_);
  list("layers_t", layers_t_);
}

void CrossTransformer::prepare(torch::ScalarType type) {
  for (const auto& layer : layers_) layer->prepare(type);
  for (const auto& layer : layers_t_) layer->prepare(type);
}

std::pair<torch::Tensor, torch::Tensor> CrossTransformer::forward(const torch::Tensor& spectrum,
                                                                  const torch::Tensor& wave) const {
  const std::int64_t frequencies = spectrum.size(2), frames = spectrum.size(3);
  torch::Tensor x = layer_norm(spectrum.permute({0, 3, 2, 1}).flatten(1, 2), *norm_in_) +
                    positions_of(frames, frequencies, sizes_.width, spectrum);
  torch::Tensor xt = layer_norm(wave.squeeze(2).transpose(1, 2), *norm_in_t_) +
                     positions_of(wave.size(-1), sizes_.width, wave);
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    const torch::Tensor next = layers_[k]->forward(x, xt);
    xt = layers_t_[k]->forward(xt, x);
    x = next;
  }
  return {x.view({x.size(0), frames, frequencies, sizes_.width}).permute({0, 3, 2, 1}).contiguous(),
          xt.transpose(1, 2).contiguous().unsqueeze(2)};
}

}  // namespace svsep
