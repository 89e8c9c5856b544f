#include "network/input_transform.hpp"

#include "network/layers/small_parts.hpp"
#include "network/mask/mask_network.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace svsep {
namespace {

constexpr double kLowestLevel = 1e-7;

/// [..., n] -> [..., n + 1]: the sums of the first 0, 1, ..., n values.
torch::Tensor running_sums(const torch::Tensor& values) {
  return torch::constant_pad_nd(values.cumsum(-1), {1, 0});
}

}  // namespace

torch::Tensor frame_gains(const torch::Tensor& magnitudes, std::size_t radius) {
  const std::int64_t frames = magnitudes.size(-2);
  const torch::Tensor power = magnitudes.to(torch::kDouble).square().mean(-1);
  const torch::Tensor sums = running_sums(power);
  const torch::Tensor counts = running_sums(power.gt(0).to(torch::kDouble));
  const torch::Tensor frame = torch::arange(frames, power.options().dtype(torch::kLong));
  const auto reach = static_cast<std::int64_t>(radius);
  const torch::Tensor first = (frame - reach).clamp_min(0);
  const torch::Tensor end = (frame + reach + 1).clamp_max(frames);
  // CUDA's running sums fall by a rounding error here and there, where no power is added.
  const torch::Tensor sum = (sums.index_select(-1, end) - sums.index_select(-1, first)).clamp_min(0);
  const torch::Tensor count = counts.index_select(-1, end) - counts.index_select(-1, first);
  return (sum / count.clamp_min(1)).sqrt().clamp_min(kLowestLevel).reciprocal().to(torch::kFloat);
}

torch::Tensor log_compress(const torch::Tensor& magnitudes, const torch::Tensor& gains, double log_floor) {
  const torch::Tensor x = (magnitudes * gains.unsqueeze(-1)).add_(log_floor);
  in_small_parts(x, [](torch::Tensor& part) { part.log_(); });
  return x;
}

torch::Tensor standardise(const torch::Tensor& x, const InputStatistics& statistics) {
  return (x - statistics.mean) / statistics.scale;
}

InputStatistics load_statistics(const ModelFile& file) {
  const std::array shape = {static_cast<std::int64_t>(file.info().analysis.stft.bins())};
  const std::vector<float> mean = file.values("input.mean", shape);
  const std::vector<float> scale = file.values("input.scale", shape);
  if (const auto lowest = std::min_element(scale.begin(), scale.end()); *lowest <= 0) {
    throw Error(ErrorKind::model, "cannot use model: " + file.path().string() +
                                      ": values of input.scale; expected more than 0, got " +
                                      std::to_string(*lowest));
  }
  return {torch::tensor(mean), torch::tensor(scale)};
}

std::vector<NamedTensor> named_tensors(const InputStatistics& statistics) {
  return {named_tensor("input.mean", statistics.mean), named_tensor("input.scale", statistics.scale)};
}

}  // namespace svsep
