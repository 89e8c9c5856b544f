#include "training/model_writer.hpp"

#include "svsep/model_file.hpp"

#include <spdlog/fmt/fmt.h>

namespace svsep {
namespace {

std::string label_of(const TrainingOptions& options) {
  if (options.loss != Loss::bce) return options.loss == Loss::l1 ? "l1" : "waveform";
  return options.label == Label::accompaniment ? "accompaniment"
         : options.label == Label::mixture     ? "mixture"
                                               : "ratio";
}

}  // namespace

Weights weights_of(const MaskNetwork& network, std::string training) {
  Weights weights{{}, std::move(training)};
  for (const torch::Tensor& tensor : state_of(network)) {
    weights.state.push_back(tensor.detach().to(torch::kCPU, tensor.scalar_type(), false, /*copy=*/true));
  }
  return weights;
}

ModelWriter::ModelWriter(std::filesystem::path path, const TrainingOptions& options,
                         const TrainableNetwork& plan, std::string data,
                         std::optional<InputStatistics> statistics)
    : path_(std::move(path)),
      options_(options),
      plan_(plan),
      data_(std::move(data)),
      statistics_(std::move(statistics)) {}

void ModelWriter::write(const Weights& weights, const Thresholds& thresholds) const {
  ModelInfo info = plan_.info;
  info.label = label_of(options_);
  info.thresholds = thresholds;
  info.training = weights.training;
  info.data = data_;
  info.licence = "unstated: see the licence of the data";
  std::vector<NamedTensor> tensors = network_of(weights)->stored_tensors();
  if (statistics_) {
    for (NamedTensor& tensor : named_tensors(*statistics_)) tensors.push_back(std::move(tensor));
  }
  write_model_file(path_, info, tensors, TensorType::float16);
}

std::shared_ptr<MaskNetwork> ModelWriter::network_of(const Weights& weights) const {
  const torch::NoGradGuard no_gradients;
  std::shared_ptr<MaskNetwork> network = plan_.make();
  const std::vector<torch::Tensor> to = state_of(*network);
  for (std::size_t i = 0; i < to.size(); ++i) to[i].copy_(weights.state[i]);
  network->eval();
  return network;
}

std::string ModelWriter::summary(std::int64_t steps, const std::string& state) const {
  return fmt::format("{} loss, AdamW {}, batches of {}, {} steps, seed {}; {}",
                     options_.loss == Loss::bce ? "binary cross-entropy" : label_of(options_),
                     options_.learning_rate, options_.batch_size, steps, options_.seed, state);
}

}  // namespace svsep
