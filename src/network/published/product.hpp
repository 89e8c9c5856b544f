#pragma once

#include <torch/torch.h>

namespace svsep {

/// The product with a weight matrix and the sum with a bias, prepared: y = x W^T + b.
class Product {
 public:
  Product() = default;
  /// `weight` [outputs, inputs]; `bias` [outputs], or undefined. Computes in `type`.
  Product(const torch::Tensor& weight, const torch::Tensor& bias, torch::ScalarType type);

  /// [rows, inputs], contiguous, of any type -> [rows, outputs] of the type that it computes in.
  [[nodiscard]] torch::Tensor operator()(const torch::Tensor& rows) const;

 private:
  torch::Tensor weight_, bias_;
};

}  // namespace svsep
