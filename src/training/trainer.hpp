#pragma once

#include "model/networks.hpp"
#include "svsep/training/training.hpp"
#include "training/training_data.hpp"

#include <filesystem>
#include <functional>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// The other ranks of a run.
struct Peers {
  bool leads = true;  ///< writes the files and shows the progress
  /// Averages tensors over the ranks, in place; none with one rank.
  std::function<void(const std::vector<torch::Tensor>&)> average;
  /// True on all ranks where it is true on any; none with one rank.
  std::function<bool(bool)> agree;
};

/// Where a run writes.
struct Outputs {
  std::filesystem::path model;
  std::filesystem::path history;
  std::filesystem::path checkpoint;
};

/// The outputs that the options name or leave to their defaults, writable. Throws Error: output, usage (two
/// of them are one file).
[[nodiscard]] Outputs check_outputs(const TrainingOptions& options);

/// Trains `plan`'s network on `data`, as svsep::train() does when it has found both.
void train(const TrainingOptions& options, const TrainableNetwork& plan, const TrainingData& data,
           const torch::Device& device, const Peers& peers = {});

/// svsep::train() with a network of other sizes; tests train tiny ones.
void train(const TrainingOptions& options, TrainableNetwork plan);

}  // namespace svsep
