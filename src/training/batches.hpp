#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <torch/torch.h>
#include <variant>

namespace svsep {

/// Windows of frames, shuffled across pieces: for networks that see a fixed window, and losses that compare
/// masks.
struct WindowBatch {
  torch::Tensor inputs;  ///< [windows, window_frames, bins] float32: log_compress()ed or bare magnitudes
  torch::Tensor labels;  ///< [windows, window_frames, bins]: uint8 (0 or 1), float32 for Label::ratio
  std::set<std::string> names;  ///< of the pieces
};

/// Stretches of audio: for networks that see their surroundings, and losses that hear the result. The
/// learner makes frames of them, on its device.
struct StretchBatch {
  torch::Tensor vocals;         ///< [stretches, channels, samples] float32
  torch::Tensor accompaniment;  ///< the same shape
  std::set<std::string> names;
};

/// Which batches of an epoch, and what this process gets of each: the share `rank` of `ranks` equal ones,
/// whose union is the batch of a single process.
struct BatchRange {
  std::uint64_t epoch = 1;
  std::int64_t first = 0;
  std::int64_t count = 0;
  std::int64_t batch_size = 0;  ///< over all ranks; a multiple of them
  int rank = 0;
  int ranks = 1;
  int workers = 0;      ///< threads that make batches ahead; 0: next() makes them
  bool pinned = false;  ///< stretches in memory that a CUDA device copies beside its work
};

/// Throws Error(usage) unless the batch has as much for each rank.
void check_shares(const BatchRange& range);

using Batch = std::variant<WindowBatch, StretchBatch>;

}  // namespace svsep
