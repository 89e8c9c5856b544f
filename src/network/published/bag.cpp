#include "network/published/bag.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace svsep {
namespace {

bool counts(const std::vector<double>& weights) {
  return std::any_of(weights.begin(), weights.end(), [](double weight) { return weight > 0.0; });
}

}  // namespace

Bag::Bag(std::vector<std::shared_ptr<ChunkNetwork>> networks, std::vector<std::vector<double>> weights)
    : networks_(std::move(networks)), weights_(std::move(weights)) {
  for (std::size_t k = 0; k < networks_.size(); ++k) register_module(std::to_string(k), networks_[k]);
  for (std::size_t stem = 0; stem < weights_.front().size(); ++stem) {
    double sum = 0.0;
    for (const std::vector<double>& weight : weights_) sum += weight.at(stem);
    for (std::vector<double>& weight : weights_) weight[stem] = sum > 0.0 ? weight[stem] / sum : 0.0;
  }
}

void Bag::keep_stems(const std::vector<bool>& used) {
  for (std::vector<double>& weights : weights_) {
    for (std::size_t stem = 0; stem < weights.size(); ++stem) weights[stem] *= used.at(stem) ? 1.0 : 0.0;
  }
  for (const auto& network : networks_) network->keep_stems(used);
}

void Bag::prepare(torch::ScalarType compute_type) {
  for (std::size_t k = 0; k < networks_.size(); ++k) {
    counts(weights_[k]) ? networks_[k]->prepare(compute_type) : release_parameters(*networks_[k]);
  }
}

torch::Tensor Bag::forward(const torch::Tensor& mixture) {
  torch::Tensor sum;
  for (std::size_t k = 0; k < networks_.size(); ++k) {
    if (!counts(weights_[k])) continue;
    const torch::Tensor weights = torch::tensor(weights_[k], mixture.options()).view({1, -1, 1, 1});
    const torch::Tensor part = networks_[k]->forward(mixture).mul_(weights);
    sum = sum.defined() ? sum.add_(part) : part;
  }
  return sum;
}

}  // namespace svsep
