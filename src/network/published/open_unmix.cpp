#include "network/published/open_unmix.hpp"

#include "network/device.hpp"
#include "network/published/families.hpp"
#include "network/published/wiener.hpp"

#include <string>

namespace svsep {
namespace {

constexpr double kBatchNormEpsilon = 1e-5;

/// The factor and the summand of a batch norm at inference.
struct Affine {
  torch::Tensor scale, shift;
};

void register_batch_norm(torch::nn::Module& module, const std::string& name, std::int64_t features) {
  auto norm = std::make_shared<torch::nn::Module>();
  for (const char* const part : {"weight", "bias", "running_mean", "running_var"}) {
    norm->register_parameter(part, unset({features}), false);
  }
  module.register_module(name, norm);
}

void register_linear(torch::nn::Module& module, const std::string& name, std::int64_t rows,
                     std::int64_t columns) {
  auto linear = std::make_shared<torch::nn::Module>();
  linear->register_parameter("weight", unset({rows, columns}), false);
  module.register_module(name, linear);
}

}  // namespace

OpenUnmixTarget::OpenUnmixTarget(const OpenUnmixSizes& sizes) : sizes_(sizes) {
  const std::int64_t hidden = sizes.hidden_units;
  const std::int64_t bins = sizes.spectrum.bins();
  for (const char* const name : {"input_mean", "input_scale"}) {
    register_parameter(name, unset({sizes.input_bins}), false);
  }
  for (const char* const name : {"output_mean", "output_scale"})
    register_parameter(name, unset({bins}), false);
  register_linear(*this, "fc1", hidden, sizes.channels * sizes.input_bins);
  register_batch_norm(*this, "bn1", hidden);
  lstm = register_module("lstm", std::make_shared<Lstm>(LstmSizes{hidden, hidden / 2, sizes.layers}));
  register_linear(*this, "fc2", hidden, 2 * hidden);
  register_batch_norm(*this, "bn2", hidden);
  register_linear(*this, "fc3", sizes.channels * bins, hidden);
  register_batch_norm(*this, "bn3", sizes.channels * bins);
}

void OpenUnmixTarget::prepare() {
  const auto tensors = named_parameters();
  const auto batch_norm = [&](const std::string& name) -> Affine {
    const torch::Tensor scale =
        tensors[name + ".weight"] / (tensors[name + ".running_var"] + kBatchNormEpsilon).sqrt();
    return {scale, tensors[name + ".bias"] - tensors[name + ".running_mean"] * scale};
  };
  const auto per_channel = [&](const char* name) { return tensors[name].repeat({sizes_.channels}); };

  const Affine first = batch_norm("bn1");
  input_weight = tensors["fc1.weight"] * per_channel("input_scale") * first.scale.unsqueeze(1);
  input_bias = first.shift + input_weight.mv(per_channel("input_mean"));
  const Affine second = batch_norm("bn2");
  to_hidden = Product(tensors["fc2.weight"] * second.scale.unsqueeze(1), second.shift, torch::kFloat);
  const Affine third = batch_norm("bn3");
  const torch::Tensor output_scale = per_channel("output_scale");
  to_output = Product(tensors["fc3.weight"] * (third.scale * output_scale).unsqueeze(1),
                      third.shift * output_scale + per_channel("output_mean"), torch::kFloat);
  lstm->prepare();
  release_parameters(*this);
}

OpenUnmix::OpenUnmix(const OpenUnmixSizes& sizes, std::size_t targets) : sizes_(sizes) {
  for (std::size_t k = 0; k < targets; ++k) {
    targets_.push_back(register_module(std::to_string(k), std::make_shared<OpenUnmixTarget>(sizes)));
  }
}

void OpenUnmix::prepare(torch::ScalarType /*compute_type*/) {
  std::vector<torch::Tensor> weights, biases;
  for (const auto& target : targets_) {
    target->prepare();
    weights.push_back(std::move(target->input_weight));
    biases.push_back(std::move(target->input_bias));
  }
  input_ = Product(torch::cat(weights), torch::cat(biases), torch::kFloat);
}

std::vector<torch::Tensor> OpenUnmix::magnitudes(const torch::Tensor& spectra) const {
  const std::int64_t batch = spectra.size(0);
  const std::int64_t frames = spectra.size(2);
  const torch::Tensor mixture = spectra.abs().transpose(1, 2);  // [batch, frames, channels, bins]
  const std::int64_t rows = batch * frames;
  const torch::Tensor seen =
      mixture.narrow(-1, 0, sizes_.input_bins).reshape({rows, sizes_.channels * sizes_.input_bins});
  const std::vector<torch::Tensor> inputs =
      input_(seen).tanh_().view({batch, frames, -1}).chunk(std::ssize(targets_), -1);
  std::vector<std::shared_ptr<Lstm>> lstms;
  for (const auto& target : targets_) lstms.push_back(target->lstm);
  const std::vector<torch::Tensor> context = Lstm::run(lstms, inputs);

  const torch::Tensor flat = mixture.reshape({rows, -1});
  std::vector<torch::Tensor> result;
  for (std::size_t k = 0; k < targets_.size(); ++k) {
    const OpenUnmixTarget& target = *targets_[k];
    torch::Tensor hidden = target.to_hidden(torch::cat({inputs[k], context[k]}, -1).flatten(0, 1)).relu_();
    result.push_back(target.to_output(hidden).relu_().mul_(flat).view({batch, frames, sizes_.channels, -1}));
  }
  return result;
}

torch::Tensor OpenUnmix::forward(const torch::Tensor& mixture) {
  const std::int64_t targets = std::ssize(targets_), samples = mixture.size(-1);
  const torch::Tensor spectra = spectra_of(mixture, sizes_.spectrum);
  const std::vector<torch::Tensor> all = magnitudes(spectra);
  if (mixture.is_cpu()) give_freed_memory_back();  // the estimates do not fit where the layers' values were
  torch::Tensor stems = torch::empty({mixture.size(0), targets, sizes_.channels, samples}, mixture.options());
  for (std::int64_t item = 0; item < mixture.size(0); ++item) {
    std::vector<torch::Tensor> of_item;
    for (const torch::Tensor& magnitude : all) of_item.push_back(magnitude[item]);
    stems[item].copy_(signal_of(estimate(spectra[item], of_item), sizes_.spectrum, samples));
  }
  return stems;
}

torch::Tensor OpenUnmix::estimate(const torch::Tensor& spectra, std::vector<torch::Tensor> magnitudes) const {
  if (magnitudes.size() == 1) return with_phases(spectra, magnitudes);
  for (torch::Tensor& magnitude : magnitudes) magnitude = magnitude.cpu();
  return wiener_filter(spectra.cpu(), magnitudes, sizes_.wiener_frames).to(spectra.device());
}

std::shared_ptr<ChunkNetwork> make_open_unmix(const ModelInfo& info) {
  const ChunkParameters& chunks = published_chunks(info);
  OpenUnmixSizes sizes;
  sizes.channels = static_cast<std::int64_t>(chunks.channels);
  sizes.spectrum.fft_samples = published_size(info, "fft_samples", 2, 65536);
  sizes.spectrum.hop_samples = published_size(info, "hop_samples", 1, sizes.spectrum.fft_samples / 2);
  sizes.input_bins = published_size(info, "input_bins", 1, sizes.spectrum.bins());
  sizes.hidden_units = published_size(info, "hidden_units", 2, 16384);
  sizes.layers = published_size(info, "layers", 1, 16);
  sizes.wiener_frames = published_size(info, "wiener_frames", 1, 1048576);
  if (sizes.hidden_units % 2 != 0) {
    refuse_size("hidden_units", "an even number", std::to_string(sizes.hidden_units));
  }
  return std::make_shared<OpenUnmix>(sizes, chunks.stems.size());
}

}  // namespace svsep
