#include "network/layers/normalised_convolution.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace svsep {

torch::Tensor dense(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias) {
  if (!x.device().is_cpu() || torch::GradMode::is_enabled() || !at::hasMKLDNN()) {
    return torch::linear(x, weight, bias);
  }
  // LibTorch leaves dense layers to another library when there is but one thread, which adds in another
  // order.
  std::vector<std::int64_t> sizes = x.sizes().vec();
  const torch::Tensor rows = x.reshape({1, -1, 1, sizes.back()}).permute({0, 3, 1, 2});
  const torch::Tensor y =
      at::mkldnn_convolution(rows, weight.unsqueeze(2).unsqueeze(3), bias, {0, 0}, {1, 1}, {1, 1}, 1);
  sizes.back() = weight.size(0);
  return y.permute({0, 2, 3, 1}).reshape(sizes);
}

NormalisedConvolutionImpl::NormalisedConvolutionImpl(torch::nn::Conv2dOptions shape, bool normalised)
    : Conv2dImpl(shape.bias(!normalised)) {
  if (normalised) norm_ = register_module("norm", torch::nn::BatchNorm2d(shape.out_channels()));
}

torch::Tensor NormalisedConvolutionImpl::forward(const torch::Tensor& x) {
  const torch::Tensor y = convolve(x);
  if (unmeasured_bias_.defined()) return measure(y);
  return norm_ ? norm_(y) : y;
}

torch::Tensor NormalisedConvolutionImpl::convolve(const torch::Tensor& x) {
  if (!x.device().is_cpu()) return Conv2dImpl::forward(x);
  if (fast_.suits_image(x)) return fast_(x);
  if (torch::GradMode::is_enabled() || weight.size(2) > 1) return Conv2dImpl::forward(x);
  return dense(x.permute({0, 2, 3, 1}), weight.flatten(1), bias).permute({0, 3, 1, 2});
}

void NormalisedConvolutionImpl::prepare() {
  const auto of = [](const torch::ExpandingArray<2>& size, std::size_t axis) { return (*size)[axis]; };
  const bool has_stride = of(options.stride(), 0) != 1 || of(options.stride(), 1) != 1;
  if (norm_ || has_stride || of(options.dilation(), 1) != 1 || !WinogradConvolution::suits(weight)) return;
  fast_ = WinogradConvolution(weight, bias, of(options.dilation(), 0));
}

std::array<torch::Tensor, 2> NormalisedConvolutionImpl::folded() const {
  const torch::NoGradGuard no_gradients;
  if (!norm_) return {weight, bias};
  const torch::Tensor gain = norm_->weight / (norm_->running_var + norm_->options.eps()).sqrt();
  return {weight * gain.view({-1, 1, 1, 1}), norm_->bias - norm_->running_mean * gain};
}

void NormalisedConvolutionImpl::unfold(const torch::Tensor& folded_weight, const torch::Tensor& folded_bias) {
  const torch::NoGradGuard no_gradients;
  weight.copy_(folded_weight);
  if (norm_) {
    unmeasured_bias_ = folded_bias;
  } else {
    bias.copy_(folded_bias);
  }
}

torch::Tensor NormalisedConvolutionImpl::measure(const torch::Tensor& y) {
  const torch::NoGradGuard no_gradients;
  const auto [variance, mean] =
      torch::var_mean(y.to(torch::kFloat), std::vector<std::int64_t>{0, 2, 3}, false);
  norm_->running_mean.copy_(mean);
  norm_->running_var.copy_(variance);
  norm_->weight.copy_((variance + norm_->options.eps()).sqrt());
  norm_->bias.copy_(unmeasured_bias_ + mean);
  return y + std::exchange(unmeasured_bias_, {}).to(y.scalar_type()).view({-1, 1, 1});
}

}  // namespace svsep
