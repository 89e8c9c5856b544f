#include "network/published/roformer_transformer.hpp"

#include "network/published/named_parameter.hpp"
#include "network/published/roformer_attention.hpp"
#include "network/published/roformer_kernels.hpp"

#include <ATen/Parallel.h>
#include <algorithm>
#include <cmath>

namespace svsep {
namespace {

constexpr std::int64_t kRowsAtOnce = 1024;   // of a thread
constexpr double kRotationBase = 10000;      // Su et al. 2021
constexpr double kLinearAttentionScale = 8;  // of the published code

/// A weight matrix behind a norm whose gains it takes over.
torch::Tensor with_gains(const torch::Tensor& weight, const torch::Tensor& gamma) { return weight * gamma; }

}  // namespace

Rotation make_rotation(std::int64_t positions, std::int64_t head_size, const torch::Device& device) {
  const torch::Tensor exponents =
      torch::arange(0, head_size, 2).to(torch::kFloat) / static_cast<double>(head_size);
  const torch::Tensor frequencies = 1.0 / torch::pow(kRotationBase, exponents);
  const torch::Tensor angles =
      torch::arange(positions).to(torch::kFloat).unsqueeze(1) * frequencies.unsqueeze(0);
  return {angles.cos().to(device), angles.sin().to(device)};
}

torch::Tensor normalised_rows(const torch::Tensor& x) {
  const std::int64_t size = x.size(-1);
  if (!x.is_cpu()) {
    const torch::Tensor factors = std::sqrt(static_cast<double>(size)) / x.norm(2, -1, true).clamp_min(1e-12);
    return (x * factors).reshape({-1, size});
  }
  const torch::Tensor sequences = x.dim() == 3 ? x : x.reshape({1, -1, size});
  torch::Tensor result = torch::empty({sequences.size(0) * sequences.size(1), size});
  for (std::int64_t sequence = 0; sequence < sequences.size(0); ++sequence) {
    normalise_rows(sequences.data_ptr<float>() + sequence * sequences.stride(0), sequences.stride(1),
                   sequences.size(1), size, result.data_ptr<float>() + sequence * sequences.size(1) * size);
  }
  return result;
}

RoformerTransformer::RoformerTransformer(torch::nn::Module& root, const std::string& name,
                                         const TransformerSizes& sizes)
    : sizes_(sizes) {
  const std::int64_t inner = sizes.heads * sizes.head_size;
  for (std::int64_t i = 0; i < sizes.depth; ++i) {
    const std::string attention = name + ".layers." + std::to_string(i) + ".0.";
    const std::string feed = name + ".layers." + std::to_string(i) + ".1.net.";
    Layer layer;
    layer.attention_gamma = add_parameter(root, attention + "norm.gamma", {sizes.features});
    if (sizes.is_linear) {
      layer.temperature = add_parameter(root, attention + "temperature", {sizes.heads, 1, 1});
      layer.qkv = add_parameter(root, attention + "to_qkv.0.weight", {3 * inner, sizes.features});
      layer.out = add_parameter(root, attention + "to_out.1.weight", {sizes.features, inner});
    } else {
      layer.qkv = add_parameter(root, attention + "to_qkv.weight", {3 * inner, sizes.features});
      layer.gates = add_parameter(root, attention + "to_gates.weight", {sizes.heads, sizes.features});
      layer.gates_bias = add_parameter(root, attention + "to_gates.bias", {sizes.heads});
      layer.out = add_parameter(root, attention + "to_out.0.weight", {sizes.features, inner});
    }
    layer.feed_gamma = add_parameter(root, feed + "0.gamma", {sizes.features});
    layer.up = add_parameter(root, feed + "1.weight", {sizes.hidden, sizes.features});
    layer.up_bias = add_parameter(root, feed + "1.bias", {sizes.hidden});
    layer.down = add_parameter(root, feed + "4.weight", {sizes.features, sizes.hidden});
    layer.down_bias = add_parameter(root, feed + "4.bias", {sizes.features});
    layers_.push_back(std::move(layer));
  }
  if (sizes.norms_output) norm_gamma_ = add_parameter(root, name + ".norm.gamma", {sizes.features});
}

void RoformerTransformer::prepare(torch::ScalarType type) {
  for (Layer& layer : layers_) {
    torch::Tensor weight = layer.qkv, bias;
    if (!sizes_.is_linear) {
      weight = torch::cat({layer.qkv, layer.gates});
      bias = torch::cat({layer.gates_bias.new_zeros({layer.qkv.size(0)}), layer.gates_bias});
    }
    layer.into_attention = Product(with_gains(weight, layer.attention_gamma), bias, type);
    layer.out_of_attention = Product(layer.out, {}, type);
    layer.into_feed = Product(with_gains(layer.up, layer.feed_gamma), layer.up_bias, type);
    layer.out_of_feed = Product(layer.down, layer.down_bias, type);
    for (torch::Tensor* packed : {&layer.qkv, &layer.gates, &layer.out, &layer.up, &layer.down}) {
      if (packed->defined()) release_parameter(*packed);
    }
  }
}

void RoformerTransformer::apply(const torch::Tensor& x, const Rotation& rotation) const {
  if (!x.is_cpu() || sizes_.is_linear) return process(x, rotation);
  const std::int64_t at_once = std::max<std::int64_t>(1, kRowsAtOnce / x.size(1));
  const std::int64_t blocks = (x.size(0) + at_once - 1) / at_once;
  at::parallel_for(0, blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    const c10::InferenceMode inference;
    for (std::int64_t first = begin * at_once; first < std::min(end * at_once, x.size(0)); first += at_once) {
      process(x.narrow(0, first, std::min(at_once, x.size(0) - first)), rotation);
    }
  });
}

void RoformerTransformer::process(torch::Tensor x, const Rotation& rotation) const {
  for (const Layer& layer : layers_) {
    const torch::Tensor attended = sizes_.is_linear ? attend_linearly(layer, x) : attend(layer, x, rotation);
    x.add_(layer.out_of_attention(attended).view(x.sizes()));
    torch::Tensor hidden = layer.into_feed(normalised_rows(x));
    hidden = torch::gelu(hidden);
    x.add_(layer.out_of_feed(hidden).view(x.sizes()));
  }
  if (sizes_.norms_output) x.copy_((normalised_rows(x) * norm_gamma_).view(x.sizes()));
}

torch::Tensor RoformerTransformer::attend(const Layer& layer, const torch::Tensor& x,
                                          const Rotation& rotation) const {
  const torch::Tensor projected = layer.into_attention(normalised_rows(x));
  return attend_with_rotation(projected.view({x.size(0), x.size(1), -1}), rotation, sizes_.heads);
}

torch::Tensor RoformerTransformer::attend_linearly(const Layer& layer, const torch::Tensor& x) const {
  const torch::Tensor qkv = layer.into_attention(normalised_rows(x))
                                .to(torch::kFloat)
                                .view({x.size(0), x.size(1), 3, sizes_.heads, sizes_.head_size});
  const torch::Tensor q = qkv.select(2, 0).permute({0, 2, 3, 1});  // [sequences, heads, head_size, positions]
  const torch::Tensor k = qkv.select(2, 1).permute({0, 2, 3, 1});
  const torch::Tensor v = qkv.select(2, 2).permute({0, 2, 1, 3});  // [sequences, heads, positions, head_size]
  const torch::Tensor norms =
      q.norm(2, -1, true).clamp_min(1e-12) * k.norm(2, -1, true).clamp_min(1e-12).transpose(2, 3);
  const torch::Tensor scores =
      torch::matmul(q, k.transpose(2, 3)) / norms * (layer.temperature.exp() * kLinearAttentionScale);
  const torch::Tensor mixed = torch::matmul(v, torch::softmax(scores, -1).transpose(2, 3));
  return mixed.transpose(1, 2).reshape({x.size(0) * x.size(1), sizes_.heads * sizes_.head_size});
}

}  // namespace svsep
