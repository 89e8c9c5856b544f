#include "network/published/channel_norm.hpp"

#include "network/published/named_parameter.hpp"

#include <ATen/Parallel.h>
#include <algorithm>
#include <functional>

namespace svsep {
namespace {

constexpr double kEpsilon = 1e-5;  // of the published code, and LibTorch's own
constexpr std::int64_t kSlicesPerPart = 8;

/// For all slices, in threads.
void for_each_slice(const torch::Tensor& image, const std::function<void(std::int64_t)>& work) {
  at::parallel_for(0, image.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t slice = begin; slice < end; ++slice) work(slice);
  });
}

struct Moments {
  torch::Tensor mean, variance;  ///< [channels], double
};

Moments moments_on_cpu(const torch::Tensor& image, std::int64_t channel_axis) {
  const std::int64_t channels = image.size(channel_axis), size = image.size(3 - channel_axis);
  // Sums are of what exceeds one value of the channel, so that a great mean costs no digits.
  const torch::Tensor pivots = image[0].select(2 - channel_axis, 0).contiguous();
  const auto options = torch::TensorOptions(torch::kDouble);
  // The parts and the order of their sums do not depend on the number of threads.
  const std::int64_t parts = (image.size(0) + kSlicesPerPart - 1) / kSlicesPerPart;
  const torch::Tensor of_parts = torch::zeros({parts, 2, channels}, options);
  at::parallel_for(0, parts, 1, [&](std::int64_t begin, std::int64_t end) {
    const auto add = channel_axis == 2 ? add_moments : add_row_moments;
    for (std::int64_t slice = begin * kSlicesPerPart; slice < std::min(end * kSlicesPerPart, image.size(0));
         ++slice) {
      double* const part = of_parts.data_ptr<double>() + slice / kSlicesPerPart * 2 * channels;
      add(image.data_ptr<float>() + slice * channels * size, channel_axis == 2 ? size : channels,
          channel_axis == 2 ? channels : size, pivots.data_ptr<float>(), part, part + channels);
    }
  });
  torch::Tensor sums = torch::zeros({2, channels}, options);
  for (std::int64_t part = 0; part < parts; ++part) sums += of_parts[part];
  sums /= static_cast<double>(image.size(0) * size);
  return {sums[0] + pivots, (sums[1] - sums[0].square()).clamp_min(0)};
}

Moments moments_of(const torch::Tensor& image, std::int64_t channel_axis) {
  if (image.is_cpu()) return moments_on_cpu(image, channel_axis);
  const std::vector<std::int64_t> axes = {0, 3 - channel_axis};
  const torch::Tensor mean = image.mean(axes, true);
  const torch::Tensor variance = (image - mean).square().mean(axes);
  return {mean.flatten().to(torch::kDouble), variance.to(torch::kDouble)};
}

/// The moments of groups of channels, for each of the channels.
Moments of_groups(const Moments& of, std::int64_t groups) {
  const std::int64_t channels = of.mean.size(0);
  const torch::Tensor means = of.mean.view({groups, -1}), mean = means.mean(1, true);
  const torch::Tensor variance = (of.variance.view({groups, -1}) + (means - mean).square()).mean(1, true);
  return {mean.expand_as(means).reshape({channels}), variance.expand_as(means).reshape({channels})};
}

}  // namespace

ChannelNorm::ChannelNorm(torch::nn::Module& root, const std::string& name, std::int64_t channels,
                         const NormSizes& sizes)
    : sizes_(sizes) {
  if (sizes.kind == NormSizes::Kind::none) return;
  weight_ = add_parameter(root, name + ".weight", {channels});
  bias_ = add_parameter(root, name + ".bias", {channels});
  if (sizes.kind != NormSizes::Kind::batch) return;
  mean_ = add_parameter(root, name + ".running_mean", {channels});
  variance_ = add_parameter(root, name + ".running_var", {channels});
}

ChannelNorm::Transform ChannelNorm::transform_of(const torch::Tensor& image,
                                                 std::int64_t channel_axis) const {
  if (sizes_.kind == NormSizes::Kind::none) {
    const torch::Tensor ones = torch::ones({image.size(channel_axis)}, image.options().dtype(torch::kFloat));
    return {ones, torch::zeros_like(ones)};
  }
  Moments moments;
  if (sizes_.kind == NormSizes::Kind::batch) {
    moments = {mean_.to(torch::kDouble), variance_.to(torch::kDouble)};
  } else {
    moments = moments_of(image, channel_axis);
    if (sizes_.kind == NormSizes::Kind::group) moments = of_groups(moments, sizes_.groups);
  }
  const torch::Tensor gains = weight_ / (moments.variance + kEpsilon).sqrt();
  return {gains.to(torch::kFloat).contiguous(),
          (bias_ - moments.mean * gains).to(torch::kFloat).contiguous()};
}

torch::Tensor ChannelNorm::activated(const torch::Tensor& x) const {
  switch (sizes_.activation) {
    case Activation::gelu:
      return torch::gelu(x);
    case Activation::relu:
      return torch::relu(x);
    case Activation::elu:
      return torch::elu(x, sizes_.elu_alpha);
  }
  return x;
}

torch::Tensor ChannelNorm::activate_image(const torch::Tensor& image, const Transform& transform) const {
  if (!image.is_cpu()) return activated(image * transform.gains + transform.offsets);
  const ChannelTransform on_cpu = {transform.gains.data_ptr<float>(), transform.offsets.data_ptr<float>(),
                                   sizes_.activation, static_cast<float>(sizes_.elu_alpha)};
  torch::Tensor result = torch::empty_like(image);
  const std::int64_t pixels = image.size(1), channels = image.size(2);
  for_each_slice(image, [&](std::int64_t slice) {
    activate(image.data_ptr<float>() + slice * pixels * channels, pixels, channels, on_cpu,
             result.data_ptr<float>() + slice * pixels * channels);
  });
  return result;
}

torch::Tensor ChannelNorm::activate_transposed_image(const torch::Tensor& image,
                                                     const Transform& transform) const {
  if (!image.is_cpu()) {
    return activated(image * transform.gains + transform.offsets).transpose(1, 2).contiguous();
  }
  const ChannelTransform on_cpu = {transform.gains.data_ptr<float>(), transform.offsets.data_ptr<float>(),
                                   sizes_.activation, static_cast<float>(sizes_.elu_alpha)};
  const std::int64_t pixels = image.size(1), channels = image.size(2);
  torch::Tensor result = torch::empty({image.size(0), channels, pixels});
  for_each_slice(image, [&](std::int64_t slice) {
    activate_transposed(image.data_ptr<float>() + slice * pixels * channels, pixels, channels, on_cpu,
                        result.data_ptr<float>() + slice * pixels * channels);
  });
  return result;
}

torch::Tensor ChannelNorm::activate_rows_image(const torch::Tensor& rows) const {
  const Transform transform = transform_of(rows, 1);
  if (!rows.is_cpu()) {
    return activated(rows * transform.gains.unsqueeze(1) + transform.offsets.unsqueeze(1));
  }
  const ChannelTransform on_cpu = {transform.gains.data_ptr<float>(), transform.offsets.data_ptr<float>(),
                                   sizes_.activation, static_cast<float>(sizes_.elu_alpha)};
  const std::int64_t channels = rows.size(1), size = rows.size(2);
  torch::Tensor result = rows;
  for_each_slice(rows, [&](std::int64_t slice) {
    float* const at = result.data_ptr<float>() + slice * channels * size;
    activate_rows(at, channels, size, on_cpu, at);
  });
  return result;
}

}  // namespace svsep
