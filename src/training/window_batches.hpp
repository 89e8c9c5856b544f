#pragma once

#include "recipe/mixer.hpp"
#include "svsep/model_file.hpp"
#include "svsep/training.hpp"
#include "training/batches.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace svsep {

constexpr double kWindowPieceSeconds = 30.0;  ///< of the pieces that windows are cut from (MixerOptions)

/// How windows are made.
struct WindowOptions {
  ModelInfo model = {};  ///< analysis, window_frames, input transform
  Label label = Label::accompaniment;
  int tracks_in_batch = 4;  ///< pieces whose windows are shuffled together
};

/// A window of a piece, before any audio is drawn.
struct WindowPlace {
  std::uint64_t piece = 0;
  std::size_t window = 0;
};

/// Which windows make up the batches of an epoch. Pieces 0, 1, ... are cut into windows; those of
/// `pieces_in_pool` pieces are shuffled together, with what the pool before left over.
class WindowSchedule {
 public:
  WindowSchedule(std::uint64_t seed, std::uint64_t epoch, std::size_t windows_in_piece, int pieces_in_pool,
                 std::size_t batch_size);

  [[nodiscard]] std::vector<WindowPlace> next();

 private:
  std::uint64_t seed_;
  std::uint64_t epoch_;
  std::size_t windows_in_piece_;
  int pieces_in_pool_;
  std::size_t batch_size_;
  std::uint64_t pieces_ = 0;
  std::vector<WindowPlace> pool_;
};

/// Batches of windows of a mixer's pieces, each window_frames long and window_frames - 1 after the one before
/// it in its piece. The same for any number of workers and wherever the range begins. One thread at a time.
class WindowBatches {
 public:
  /// `mixer`, of one channel, must outlive it. Throws Error: input (a piece is shorter than a window), usage
  /// (the batch is not a multiple of the ranks).
  WindowBatches(const Mixer& mixer, const WindowOptions& options, const BatchRange& range);
  ~WindowBatches();

  /// Throws what Mixer::draw() throws. No more calls than range.count.
  [[nodiscard]] WindowBatch next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace svsep
