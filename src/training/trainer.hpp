#pragma once

#include "network/mask/networks.hpp"
#include "svsep/training.hpp"
#include "training/process_group.hpp"
#include "training/training_data.hpp"

#include <filesystem>
#include <torch/torch.h>

namespace svsep {

/// Where a run writes.
struct Outputs {
  std::filesystem::path model;
  std::filesystem::path history;
  std::filesystem::path checkpoint;
};

/// The outputs that the options name or leave to their defaults, writable. Throws Error: output, usage (two
/// of them are one file).
[[nodiscard]] Outputs check_outputs(const TrainingOptions& options);

/// Trains `plan`'s network on `data`, as svsep::train() does when it has found both. Rank 0 writes the files.
void train(const TrainingOptions& options, const TrainableNetwork& plan, const TrainingData& data,
           const Outputs& outputs, const torch::Device& device, ProcessGroup& ranks);

/// svsep::train() with a network of other sizes; tests train tiny ones.
void train(const TrainingOptions& options, TrainableNetwork plan);

}  // namespace svsep
