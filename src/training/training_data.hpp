#pragma once

#include "dataset/mixer.hpp"
#include "model/input_transform.hpp"
#include "model/networks.hpp"
#include "svsep/training/training.hpp"
#include "training/batches.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace svsep {

/// What a run learns from. Everything in it follows from (seed, epoch, index).
struct TrainingData {
  /// The next batch; waits for it.
  using Next = std::function<Batch()>;
  /// `count` batches of an epoch, from number `first` on.
  using Open = std::function<Next(int epoch, std::int64_t first, std::int64_t count)>;

  Open training;                         ///< epoch 0 is that of the pretraining
  Open validation;                       ///< the same in every epoch
  std::vector<Piece> validation_pieces;  ///< whole pieces, at the model's rate
  std::string description;               ///< one line, for the model file
  std::string identity;                  ///< the same for the same audio, for checkpoints
};

}  // namespace svsep
