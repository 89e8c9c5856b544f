#pragma once

#include "svsep/dataset.hpp"
#include "svsep/model_file.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace svsep {

/// What the mask is compared with where the loss compares masks.
enum class Label {
  accompaniment,  ///< 1 where the vocals' magnitude exceeds the accompaniment's
  mixture,        ///< 1 where it exceeds the mixture's (the thesis' code)
  ratio,          ///< |V|^2 / (|V|^2 + |A|^2)
};

enum class Loss {
  bce,       ///< binary cross-entropy of mask and label
  l1,        ///< mean absolute error of the masked magnitudes of both stems
  waveform,  ///< error of the resynthesised vocals
};

/// What a network is before its training begins.
enum class Pretraining {
  none,
  autoencoder,  ///< it learns to reconstruct the vocals' magnitudes first (Lin et al. 2018, arXiv 1812.01278)
};

/// One training run. The defaults are the thesis' (docs/research/method.md).
struct TrainingOptions {
  DatasetOptions data;
  std::string architecture = "thesis-cnn";  ///< or "harmonic-unet", our own
  Recipe recipe = Recipe::thesis;
  Label label = Label::accompaniment;
  Loss loss = Loss::bce;
  Pretraining pretraining = Pretraining::none;
  InputTransform input_transform = InputTransform::log_level;

  std::filesystem::path init;  ///< model file to begin with; empty: random weights
  int epochs = 15;
  int steps_per_epoch = 2000;  ///< validation takes a twentieth of it
  int batch_size = 128;        ///< windows (thesis-cnn) or stretches of 5 s a step, over all ranks together
  int tracks_in_batch = 4;
  double learning_rate = 1e-4;
  int warmup_steps = 0;               ///< the learning rate rises linearly for so many steps
  bool cosine = false;                ///< it falls to 0 over the run as half a cosine; false: it is held
  double weight_decay = 0.0;          ///< decoupled (AdamW)
  double ema_decay = 0.0;             ///< of the averaged weights that are validated and stored; 0: none
  double clip_norm = 0.0;             ///< largest norm of the gradient; 0: any
  bool amp = false;                   ///< bfloat16 and tf32 on CUDA, bfloat16 on CPUs that have it
  int patience = 3;                   ///< epochs without a better validation loss
  std::optional<double> max_minutes;  ///< then the run saves its state and ends
  std::uint64_t seed = 0;

  std::filesystem::path output = "thesis-cnn.safetensors";
  std::filesystem::path history;     ///< CSV; empty: output with .csv
  std::filesystem::path checkpoint;  ///< state of the run; empty: output with .checkpoint
  bool resume = false;               ///< goes on from the checkpoint
  std::string device = "auto";       ///< "auto", "cpu", "cuda" or "cuda:N"
  int threads = 0;                   ///< of the network; 0: all processors
};

/// The options that suit an architecture: those of TrainingOptions for the thesis' network, our own recipe
/// for "harmonic-unet".
[[nodiscard]] TrainingOptions training_defaults(const std::string& architecture);

/// Trains and writes the model file and the history. A cancelled run leaves the best model so far (or, before
/// the first validation, the current one; none where it did not get to a step) and its checkpoint, and throws
/// Cancelled. Throws Error: input (dataset), output, runtime (no such device, a loss that is not finite).
void train(const TrainingOptions& options);

}  // namespace svsep
