#pragma once

#include <torch/torch.h>

namespace svsep {

/// The product with a weight matrix and the sum with a bias, prepared: y = x W^T + b.
class Product {
 public:
  Product() = default;
  /// `weight` [outputs, inputs]; `bias` [outputs], or undefined. Computes in `type`.
  Product(const torch::Tensor& weight, const torch::Tensor& bias, torch::ScalarType type);

  /// Keeps weights that are float32, on a CPU, in float16, where that changes none of them (a model file's
  /// often are float16): half of the memory for one conversion per call, which a product of many rows hides.
  void compact();

  /// [rows, inputs], contiguous, of any type -> [rows, outputs] of the type that it computes in.
  [[nodiscard]] torch::Tensor operator()(const torch::Tensor& rows) const;

 private:
  torch::Tensor weight_, bias_;
  torch::ScalarType type_ = torch::kFloat;
};

}  // namespace svsep
