#pragma once

#include "network/mask/networks.hpp"
#include "svsep/model_file.hpp"
#include "training/network_input.hpp"
#include "training/process_group.hpp"
#include "training/trainer.hpp"
#include "training/training_data.hpp"

#include <optional>

namespace svsep {

/// What a run is made of; all must outlive it.
struct RunParts {
  const TrainingOptions& options;
  const TrainableNetwork& plan;
  const TrainingData& data;
  const Outputs& outputs;
  const torch::Device& device;
  ProcessGroup& ranks;
};

/// Trains to the end, or until it is stopped: from the checkpoint where options.resume says so, else from
/// `init`, else from random weights. `statistics` are those of the input, where the network sees more than
/// bare magnitudes. Throws Error; Cancelled, once the weights and the checkpoint are stored.
void run(const RunParts& parts, const std::optional<InputStatistics>& statistics, const ModelFile* init);

}  // namespace svsep
