#include "network/published/product.hpp"

#include <torch/version.h>

namespace svsep {
namespace {

/// Whether oneDNN computes the product: LibTorch 1 asks a BLAS instead, and Debian's OpenBLAS takes its
/// oldest kernels on processors that are newer than itself, which is five times as slow.
bool uses_onednn(const torch::Tensor& rows) {
#if TORCH_VERSION_MAJOR < 2
  return rows.is_cpu() && at::hasMKLDNN() && rows.size(0) > 1 && rows.size(1) > 1;
#else
  return rows.numel() < 0;
#endif
}

}  // namespace

Product::Product(const torch::Tensor& weight, const torch::Tensor& bias, torch::ScalarType type)
    : weight_(weight.detach().to(type).contiguous()),  // a tensor of its own, for the parameter is released
      type_(type) {
  if (bias.defined()) bias_ = bias.detach().to(type).contiguous();
}

void Product::compact() {
  if (type_ != torch::kFloat || !weight_.is_cpu()) return;
  const torch::Tensor half = weight_.to(torch::kHalf);
  if (half.to(torch::kFloat).equal(weight_)) weight_ = half;
}

torch::Tensor Product::operator()(const torch::Tensor& rows) const {
  const torch::Tensor x = rows.to(type_), weight = weight_.to(type_);
  if (!uses_onednn(x)) return at::linear(x, weight, bias_);
  // A convolution of one pixel: the rows are pixels of an image whose channels lie last.
  const torch::Tensor image = x.view({1, x.size(0), 1, x.size(1)}).permute({0, 3, 1, 2});
  const torch::Tensor y = at::mkldnn_convolution(image, weight.view({weight.size(0), weight.size(1), 1, 1}),
                                                 bias_, {0, 0}, {1, 1}, {1, 1}, 1);
  return y.permute({0, 2, 3, 1}).reshape({x.size(0), weight.size(0)});
}

}  // namespace svsep
