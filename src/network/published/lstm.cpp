#include "network/published/lstm.hpp"

#include "network/published/chunk_network.hpp"
#include "network/published/recurrence.hpp"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <string>

namespace svsep {
namespace {

/// [4 * hidden, hidden] -> blocks of rows, within a block column by column.
torch::Tensor packed(const torch::Tensor& weight) {
  const std::int64_t rows = recurrence_rows(weight.size(1));
  return torch::constant_pad_nd(weight, {0, 0, 0, rows - weight.size(0)})
      .view({rows / kRecurrenceBlock, kRecurrenceBlock, weight.size(1)})
      .transpose(1, 2)
      .contiguous();
}

}  // namespace

Lstm::Lstm(const LstmSizes& sizes) : sizes_(sizes) {
  const std::int64_t rows = 4 * sizes.hidden;
  for (std::int64_t layer = 0; layer < sizes.layers; ++layer) {
    const std::int64_t input = layer == 0 ? sizes.input : 2 * sizes.hidden;
    for (const char* const direction : {"", "_reverse"}) {
      const std::string end = fmt::format("_l{}{}", layer, direction);
      register_parameter("weight_ih" + end, unset({rows, input}), false);
      register_parameter("weight_hh" + end, unset({rows, sizes.hidden}), false);
      register_parameter("bias_ih" + end, unset({rows}), false);
      register_parameter("bias_hh" + end, unset({rows}), false);
    }
  }
}

torch::Tensor Lstm::named(const std::string& name, std::int64_t layer, bool reverse) const {
  return named_parameters(false)[fmt::format("{}_l{}{}", name, layer, reverse ? "_reverse" : "")];
}

void Lstm::prepare() {
  if (!parameters(false).front().is_cpu()) {
    cuda_ = torch::nn::LSTM(torch::nn::LSTMOptions(sizes_.input, sizes_.hidden)
                                .num_layers(sizes_.layers)
                                .bidirectional(true)
                                .batch_first(true));
    const auto own = named_parameters(false);
    for (auto& parameter : cuda_->named_parameters()) parameter.value().set_data(own[parameter.key()]);
    cuda_->flatten_parameters();
    return;
  }
  for (std::int64_t layer = 0; layer < sizes_.layers; ++layer) {
    const auto both = [&](const std::string& name) {
      return torch::cat({named(name, layer, false), named(name, layer, true)});
    };
    layers_.push_back({Product(both("weight_ih"), both("bias_ih") + both("bias_hh"), torch::kFloat),
                       {packed(named("weight_hh", layer, false)), packed(named("weight_hh", layer, true))}});
  }
}

std::vector<torch::Tensor> Lstm::run(std::span<const std::shared_ptr<Lstm>> networks,
                                     std::vector<torch::Tensor> inputs) {
  if (!inputs.front().is_cpu()) {
    for (std::size_t n = 0; n < networks.size(); ++n) {
      inputs[n] = std::get<0>(networks[n]->cuda_->forward(inputs[n]));
    }
    return inputs;
  }
  const LstmSizes& sizes = networks.front()->sizes_;
  const std::int64_t items = inputs.front().size(0);
  const std::int64_t frames = inputs.front().size(1);
  for (std::int64_t layer = 0; layer < sizes.layers; ++layer) {
    std::vector<torch::Tensor> gates;
    std::vector<Recurrence> chains;
    for (std::size_t n = 0; n < networks.size(); ++n) {
      const Layer& weights = networks[n]->layers_[static_cast<std::size_t>(layer)];
      gates.push_back(weights.input(inputs[n].reshape({items * frames, -1})));
      inputs[n] = torch::empty({items, frames, 2 * sizes.hidden});
      for (const bool reverse : {false, true}) {
        const std::int64_t part = reverse ? 1 : 0;
        chains.push_back({gates.back().data_ptr<float>() + part * 4 * sizes.hidden,
                          weights.recurrent_weight[static_cast<std::size_t>(part)].data_ptr<float>(),
                          inputs[n].data_ptr<float>() + part * sizes.hidden, sizes.hidden, frames, reverse});
      }
    }
    at::parallel_for(0, static_cast<std::int64_t>(chains.size()), 1,
                     [&](std::int64_t begin, std::int64_t end) {
                       for (std::int64_t c = begin; c < end; ++c)
                         svsep::run(chains[static_cast<std::size_t>(c)], items);
                     });
  }
  return inputs;
}

}  // namespace svsep
