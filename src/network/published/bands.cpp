#include "network/published/bands.hpp"

#include "network/published/named_parameter.hpp"
#include "network/published/roformer_transformer.hpp"

#include <ATen/Parallel.h>
#include <algorithm>
#include <functional>

namespace svsep {
namespace {

constexpr std::size_t kPartsAtOnce = 16;  // of a mask

/// Work for every part, in threads where it is a CPU's.
void for_each_part(std::size_t parts, const torch::Tensor& like,
                   const std::function<void(std::size_t)>& work) {
  if (!like.is_cpu()) {
    for (std::size_t part = 0; part < parts; ++part) work(part);
    return;
  }
  at::parallel_for(0, static_cast<std::int64_t>(parts), 1, [&](std::int64_t begin, std::int64_t end) {
    const c10::InferenceMode inference;
    for (std::int64_t part = begin; part < end; ++part) work(static_cast<std::size_t>(part));
  });
}

}  // namespace

BandSplit::BandSplit(torch::nn::Module& root, const std::vector<Band>& bands, std::int64_t values,
                     std::int64_t features)
    : features_(features) {
  for (const Band& band : bands) {
    const std::string name = "band_split.to_features." + std::to_string(parts_.size());
    const std::int64_t inputs = band.bins * values;
    parts_.push_back({band,
                      add_parameter(root, name + ".0.gamma", {inputs}),
                      add_parameter(root, name + ".1.weight", {features, inputs}),
                      add_parameter(root, name + ".1.bias", {features}),
                      {}});
  }
}

void BandSplit::prepare(torch::ScalarType type) {
  for (Part& part : parts_) {
    part.product = Product(part.weight * part.gamma, part.bias, type);
    release_parameter(part.weight);
  }
}

torch::Tensor BandSplit::apply(const torch::Tensor& spectrum) const {
  const auto bands = static_cast<std::int64_t>(parts_.size());
  torch::Tensor result = torch::empty({spectrum.size(0), bands, features_}, spectrum.options());
  for_each_part(parts_.size(), spectrum, [&](std::size_t index) {
    const Part& part = parts_[index];
    const torch::Tensor x = spectrum.narrow(1, part.band.first_bin, part.band.bins).flatten(1);
    result.select(1, static_cast<std::int64_t>(index)).copy_(part.product(normalised_rows(x)));
  });
  return result;
}

MaskEstimatorHead::MaskEstimatorHead(torch::nn::Module& root, const std::string& name,
                                     const std::vector<Band>& bands, std::int64_t values,
                                     const MaskHeadSizes& sizes)
    : values_(values) {
  std::int64_t bins = 0;
  for (const Band& band : bands) bins = std::max(bins, band.first_bin + band.bins);
  bands_per_bin_ = torch::zeros({bins, 1});
  for (const Band& band : bands) {
    bands_per_bin_.narrow(0, band.first_bin, band.bins).add_(1);
    const std::string part_name = name + ".to_freqs." + std::to_string(parts_.size()) + ".0.";
    Part part{band, {}};
    std::int64_t inputs = sizes.features;
    for (std::int64_t i = 0; i <= sizes.hidden_layers; ++i) {
      const std::int64_t outputs = i < sizes.hidden_layers ? sizes.hidden : 2 * band.bins * values;
      const std::string layer_name = part_name + std::to_string(2 * i);
      part.layers.push_back({add_parameter(root, layer_name + ".weight", {outputs, inputs}),
                             add_parameter(root, layer_name + ".bias", {outputs}),
                             {}});
      inputs = outputs;
    }
    parts_.push_back(std::move(part));
  }
}

void MaskEstimatorHead::prepare(torch::ScalarType type) {
  for (Part& part : parts_) {
    for (Layer& layer : part.layers) {
      layer.product = Product(layer.weight, layer.bias, type);
      layer.product.compact();
      bands_per_bin_ = bands_per_bin_.to(layer.weight.device());
      release_parameter(layer.weight);
    }
  }
}

torch::Tensor MaskEstimatorHead::estimate(const Part& part, const torch::Tensor& features) {
  torch::Tensor x = features.contiguous();
  for (const Layer& layer : part.layers) {
    x = layer.product(x);
    if (&layer != &part.layers.back()) x.tanh_();
  }
  return torch::glu(x, -1).to(torch::kFloat);
}

torch::Tensor MaskEstimatorHead::apply(const torch::Tensor& features) const {
  const std::int64_t frames = features.size(0);
  torch::Tensor mask = torch::zeros({frames, bands_per_bin_.size(0), values_}, features.options());
  // Bands overlap, so their sum has an order. Some at a time, since all together need much memory.
  for (std::size_t first = 0; first < parts_.size(); first += kPartsAtOnce) {
    std::vector<torch::Tensor> estimates(std::min(kPartsAtOnce, parts_.size() - first));
    for_each_part(estimates.size(), features, [&](std::size_t part) {
      estimates[part] =
          estimate(parts_[first + part], features.select(1, static_cast<std::int64_t>(first + part)));
    });
    for (std::size_t part = 0; part < estimates.size(); ++part) {
      const Band& band = parts_[first + part].band;
      mask.narrow(1, band.first_bin, band.bins).add_(estimates[part].view({frames, band.bins, values_}));
    }
  }
  return mask.div_(bands_per_bin_);
}

}  // namespace svsep
