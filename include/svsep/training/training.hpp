#pragma once

#include "svsep/model/model_file.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace svsep {

/// What the mask is compared with where the loss compares masks.
enum class Label {
  accompaniment,  ///< 1 where the vocals' magnitude exceeds the accompaniment's
  mixture,        ///< 1 where it exceeds the mixture's (the thesis' code)
  ratio,          ///< |V|^2 / (|V|^2 + |A|^2)
};

/// One training run. The defaults are the thesis' (DESIGN of the method in docs/method.md).
struct TrainingOptions {
  std::filesystem::path musdb;  ///< folder with train/ and test/
  std::filesystem::path output = "models/svsep-cnn.safetensors";
  std::filesystem::path history;  ///< CSV; empty: output with .csv
  std::string device = "auto";    ///< "auto", "cpu", "cuda" or "cuda:N"
  int threads = 0;                ///< 0: all processors
  int epochs = 15;
  int steps_per_epoch = 2000;  ///< validation takes a fifth of it
  int batch_size = 128;        ///< windows a step
  int tracks_in_batch = 4;
  double learning_rate = 1e-4;
  int patience = 3;  ///< epochs without a better validation loss
  std::uint64_t seed = 0;
  Label label = Label::accompaniment;
  InputTransform input_transform = InputTransform::log_level;
};

/// Trains and writes the model file and the history. A cancelled run leaves the best model so far (or, before
/// the first validation, the current one; none where it did not get to a step) and throws Cancelled. Throws
/// Error: input (dataset), output, runtime (no such device, a loss that is not finite).
void train(const TrainingOptions& options);

}  // namespace svsep
