#include "network/mask/mask_network.hpp"

#include "network/layers/small_parts.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace svsep {
namespace {

constexpr const char* kOutputBias = "output.bias";

[[noreturn]] void refuse(const ModelFile& file, const std::string& what, const std::string& expected,
                         const std::string& got) {
  throw Error(ErrorKind::model, "cannot use model: " + file.path().string() + ": " + what + "; expected " +
                                    expected + ", got " + got);
}

}  // namespace

torch::Tensor windows_of(const torch::Tensor& stretch, const Windows& windows) {
  const torch::Tensor x = stretch.unfold(-2, windows.frames, windows.hop).transpose(-2, -1);
  return stretch.dim() == 3 ? x.transpose(0, 1) : x;
}

torch::Tensor MaskNetwork::slide(const torch::Tensor& stretch, const Windows& windows) {
  return forward(windows_of(stretch, windows)).narrow(1, windows.before_kept(), windows.kept);
}

torch::Tensor MaskNetwork::masks(const torch::Tensor& stretch, const Windows& windows,
                                 const torch::Tensor& output_bias) {
  torch::Tensor of_windows = slide(stretch, windows).to(torch::kFloat).contiguous();
  if (output_bias.defined()) of_windows += output_bias;
  in_small_parts(of_windows.flatten(0, 1), [](torch::Tensor& part) { part.sigmoid_(); });
  const std::int64_t overlap = windows.overlap();
  const std::int64_t count = of_windows.size(0) - overlap + 1;
  torch::Tensor sum;
  // `part` counts the hops from a window's beginning: the earlier that was, the later the part of it.
  for (std::int64_t part = 0; part < overlap; ++part) {
    const torch::Tensor masks =
        of_windows.narrow(0, overlap - 1 - part, count).narrow(1, part * windows.hop, windows.hop);
    sum = part == 0 ? masks : sum + masks;
  }
  return (overlap == 1 ? sum : sum / static_cast<double>(overlap)).flatten(0, 1);
}

std::vector<NamedTensor> MaskNetwork::stored_tensors() const { return named_tensors(*this); }

void MaskNetwork::adopt(const ModelFile& file) { load_parameters(*this, file); }

void check_architecture(const ModelFile& file, const std::string& expected) {
  if (file.info().architecture != expected) {
    refuse(file, "architecture", expected, file.info().architecture);
  }
}

std::vector<std::int64_t> read_size(const ModelFile& file, const std::string& name, std::size_t count) {
  const auto found = file.info().sizes.find(name);
  const std::size_t values = found == file.info().sizes.end() ? 0 : found->second.size();
  if (values != count) {
    refuse(file, "size " + name, std::to_string(count) + " values", std::to_string(values));
  }
  return found->second;
}

std::vector<std::int64_t> read_size_list(const ModelFile& file, const std::string& name, std::size_t most) {
  const auto found = file.info().sizes.find(name);
  const std::size_t values = found == file.info().sizes.end() ? 0 : found->second.size();
  return read_size(file, name, std::clamp<std::size_t>(values, 1, most));
}

void check_parameter_count(const ModelFile& file, std::int64_t expected) {
  if (file.parameter_count() != expected) {
    refuse(file, "parameters of the stated sizes", std::to_string(expected),
           std::to_string(file.parameter_count()));
  }
}

NamedTensor named_tensor(const std::string& name, const torch::Tensor& tensor) {
  const torch::Tensor values = tensor.detach().to(torch::kCPU, torch::kFloat).contiguous();
  const float* data = values.data_ptr<float>();
  return {name, values.sizes().vec(), {data, data + values.numel()}};
}

std::vector<NamedTensor> named_tensors(const torch::nn::Module& module) {
  std::vector<NamedTensor> tensors;
  for (const auto& parameter : module.named_parameters()) {
    tensors.push_back(named_tensor(parameter.key(), parameter.value()));
  }
  return tensors;
}

torch::Tensor load_output_bias(const ModelFile& file) {
  const std::vector<std::string> names = file.tensor_names();
  if (std::find(names.begin(), names.end(), kOutputBias) == names.end()) return {};
  const std::array shape = {static_cast<std::int64_t>(file.info().analysis.stft.bins())};
  return torch::tensor(file.values(kOutputBias, shape));
}

void load_parameters(torch::nn::Module& module, const ModelFile& file) {
  const torch::NoGradGuard no_gradients;
  for (auto& parameter : module.named_parameters()) {
    const torch::IntArrayRef shape = parameter.value().sizes();
    std::vector<float> values = file.values(parameter.key(), std::span(shape.data(), shape.size()));
    parameter.value().copy_(torch::from_blob(values.data(), shape));
  }
}

}  // namespace svsep
