#pragma once

#include "recipe/mixer.hpp"
#include "svsep/model_file.hpp"
#include "svsep/training.hpp"
#include "training/batches.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace svsep {

/// Whole songs to separate, of two channels at the model's rate; `draw` takes 0 to count - 1.
struct ValidationSongs {
  std::size_t count = 0;
  std::function<Piece(std::size_t)> draw;
};

/// What a run learns from. All of it follows from (seed, epoch, index).
struct TrainingData {
  /// The next batch; waits for it.
  using Next = std::function<Batch()>;
  /// `count` batches of an epoch, from number `first` on.
  using Open = std::function<Next(int epoch, std::int64_t first, std::int64_t count)>;

  Open training;    ///< epoch 0 is that of the pretraining
  Open validation;  ///< the same in every epoch
  ValidationSongs validation_songs;
  std::string description;  ///< one line, for the model file
  std::string identity;     ///< says whether two runs have the same audio
};

/// The data that the options name, for a network of `info`; this rank's share of each batch. A batch of
/// stretches for a network of windows has as many windows as batch_size asks for, or a few less. Throws what
/// open_store() and Mixer do. `pinned`: batches are to go to a CUDA device.
[[nodiscard]] TrainingData open_data(const TrainingOptions& options, const ModelInfo& info, int rank,
                                     int ranks, bool pinned = false);

}  // namespace svsep
