#include "network/layers/banded_dense.hpp"

#include <ATen/Parallel.h>

namespace svsep {

BandedDense::BandedDense(const torch::Tensor& weight) {
  const torch::Tensor rows = weight.contiguous();
  const std::int64_t inputs = rows.size(1);
  for (std::int64_t output = 0; output < rows.size(0); ++output) {
    const float* const row = rows.data_ptr<float>() + output * inputs;
    Band band = {0, inputs};
    while (band.count > 0 && row[band.first + band.count - 1] == 0) --band.count;
    while (band.count > 0 && row[band.first] == 0) ++band.first, --band.count;
    bands_.push_back(band);
    weights_.insert(weights_.end(), row + band.first, row + band.first + band.count);
  }
}

bool BandedDense::suits(const torch::Tensor& x) const {
  return !bands_.empty() && !torch::GradMode::is_enabled() && x.is_cpu() && x.scalar_type() == torch::kFloat;
}

torch::Tensor BandedDense::operator()(const torch::Tensor& x) const {
  constexpr std::int64_t kRowsAtOnce = 16;
  const torch::Tensor from = x.contiguous();
  std::vector<std::int64_t> shape = x.sizes().vec();
  const std::int64_t inputs = shape.back(), outputs = std::ssize(bands_);
  shape.back() = outputs;
  torch::Tensor result = torch::empty(shape, x.options());
  at::parallel_for(0, from.numel() / inputs, kRowsAtOnce, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const float* const values = from.data_ptr<float>() + row * inputs;
      float* to = result.data_ptr<float>() + row * outputs;
      const float* weight = weights_.data();
      for (const Band& band : bands_) {
        float sum = 0;
        for (std::int64_t k = 0; k < band.count; ++k) sum += weight[k] * values[band.first + k];
        *to++ = sum;
        weight += band.count;
      }
    }
  });
  return result;
}

}  // namespace svsep
