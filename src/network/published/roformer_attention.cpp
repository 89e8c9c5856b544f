#include "network/published/roformer_attention.hpp"

#include "network/published/roformer_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <torch/version.h>

namespace svsep {
namespace {

constexpr std::int64_t kScoresAtOnce = std::int64_t{1} << 28;  // of attention without a fused kernel

torch::Tensor attend_on_cpu(const torch::Tensor& projected, const Rotation& rotation, std::int64_t heads) {
  const torch::Tensor rows = projected.to(torch::kFloat).contiguous();
  const std::int64_t sequences = rows.size(0), positions = rows.size(1), width = rows.size(2);
  const std::int64_t head_size = 2 * rotation.cosines.size(1);
  AttentionInput input;
  input.row_stride = width;
  input.positions = positions;
  input.heads = heads;
  input.head_size = head_size;
  input.cosines = rotation.cosines.data_ptr<float>();
  input.sines = rotation.sines.data_ptr<float>();
  const torch::Tensor scratch = torch::empty({static_cast<std::int64_t>(attention_scratch(input))});
  torch::Tensor result = torch::empty({sequences * positions, heads * head_size});
  for (std::int64_t sequence = 0; sequence < sequences; ++sequence) {
    input.rows = rows.data_ptr<float>() + sequence * positions * width;
    attend_sequence(input, scratch.data_ptr<float>(),
                    result.data_ptr<float>() + sequence * positions * heads * head_size);
  }
  return result;
}

/// [sequences, positions, heads, head_size] turned by its positions.
torch::Tensor rotated(const torch::Tensor& x, const Rotation& rotation) {
  const torch::Tensor pairs = x.to(torch::kFloat).unflatten(-1, {x.size(-1) / 2, 2});
  const torch::Tensor first = pairs.select(-1, 0), second = pairs.select(-1, 1);
  const torch::Tensor cosines = rotation.cosines.unsqueeze(1), sines = rotation.sines.unsqueeze(1);
  return torch::stack({first * cosines - second * sines, second * cosines + first * sines}, -1)
      .flatten(-2)
      .to(x.scalar_type());
}

/// softmax(q k^T / sqrt(head_size)) v of [sequences, heads, positions, head_size].
torch::Tensor attention(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v) {
#if TORCH_VERSION_MAJOR >= 2
  return at::scaled_dot_product_attention(q, k, v);
#else
  const double scale = 1 / std::sqrt(static_cast<double>(q.size(3)));
  const std::int64_t scores = q.size(1) * q.size(2) * q.size(2);
  const std::int64_t at_once = std::max<std::int64_t>(1, kScoresAtOnce / scores);
  torch::Tensor result = torch::empty_like(q);
  for (std::int64_t first = 0; first < q.size(0); first += at_once) {
    const std::int64_t count = std::min(at_once, q.size(0) - first);
    const torch::Tensor weights = torch::softmax(
        torch::matmul(q.narrow(0, first, count) * scale, k.narrow(0, first, count).transpose(2, 3)), -1,
        torch::kFloat);
    result.narrow(0, first, count)
        .copy_(torch::matmul(weights.to(v.scalar_type()), v.narrow(0, first, count)));
  }
  return result;
#endif
}

}  // namespace

torch::Tensor attend_with_rotation(const torch::Tensor& projected, const Rotation& rotation,
                                   std::int64_t heads) {
  if (projected.is_cpu()) return attend_on_cpu(projected, rotation, heads);
  const std::int64_t sequences = projected.size(0), positions = projected.size(1);
  const std::int64_t head_size = 2 * rotation.cosines.size(1);
  const torch::Tensor qkv =
      projected.narrow(2, 0, 3 * heads * head_size).reshape({sequences, positions, 3, heads, head_size});
  const torch::Tensor q = rotated(qkv.select(2, 0), rotation), k = rotated(qkv.select(2, 1), rotation);
  const torch::Tensor gates = projected.narrow(2, 3 * heads * head_size, heads).sigmoid().unsqueeze(-1);
  const torch::Tensor result =
      attention(q.transpose(1, 2), k.transpose(1, 2), qkv.select(2, 2).transpose(1, 2)).transpose(1, 2);
  return (result * gates).reshape({sequences * positions, heads * head_size});
}

}  // namespace svsep
