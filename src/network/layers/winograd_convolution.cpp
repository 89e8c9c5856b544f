#include "network/layers/winograd_convolution.hpp"

#include <ATen/Parallel.h>
#include <algorithm>

namespace svsep {

WinogradConvolution::WinogradConvolution(const torch::Tensor& weight, const torch::Tensor& bias,
                                         std::int64_t dilation)
    : packed_(static_cast<std::size_t>(weight.numel() / 3 * kWinogradValues)) {
  shape_.inputs = weight.size(1);
  shape_.outputs = weight.size(0);
  shape_.dilation = dilation;
  const torch::Tensor plain = weight.detach().contiguous(), offsets = bias.detach().contiguous();
  winograd_pack(plain.data_ptr<float>(), shape_.inputs, shape_.outputs, packed_.data());
  bias_.assign(offsets.data_ptr<float>(), offsets.data_ptr<float>() + offsets.numel());
}

bool WinogradConvolution::suits(const torch::Tensor& weight) {
  return winograd_is_fast() && weight.device().is_cpu() && weight.scalar_type() == torch::kFloat &&
         weight.size(2) == 3 && weight.size(3) == 3 && weight.size(0) % kWinogradChannels == 0 &&
         weight.size(1) % kWinogradChannels == 0;
}

bool WinogradConvolution::suits_image(const torch::Tensor& x) const {
  return !packed_.empty() && !torch::GradMode::is_enabled() && x.scalar_type() == torch::kFloat &&
         x.is_contiguous(torch::MemoryFormat::ChannelsLast) && x.size(3) % kWinogradPositions == 0;
}

torch::Tensor WinogradConvolution::operator()(const torch::Tensor& x) const {
  WinogradShape shape = shape_;
  shape.frames = x.size(2);
  shape.positions = x.size(3);
  torch::Tensor result = torch::empty({x.size(0), shape.outputs, shape.frames, shape.positions}, x.options(),
                                      torch::MemoryFormat::ChannelsLast);
  const std::int64_t at_once = winograd_frames_at_once(shape);
  const std::int64_t blocks = (shape.frames + at_once - 1) / at_once;
  const std::int64_t pixels = shape.frames * shape.positions;
  at::parallel_for(0, x.size(0) * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> scratch(static_cast<std::size_t>(winograd_scratch(shape, at_once)));
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t image = block / blocks, first = block % blocks * at_once;
      winograd_convolve(x.data_ptr<float>() + image * pixels * shape.inputs, shape, packed_.data(),
                        bias_.data(), first, std::min(shape.frames, first + at_once), scratch.data(),
                        result.data_ptr<float>() + image * pixels * shape.outputs);
    }
  });
  return result;
}

}  // namespace svsep
