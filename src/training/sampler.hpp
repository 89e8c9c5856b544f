#pragma once

#include "dataset/musdb.hpp"
#include "svsep/model/model_file.hpp"
#include "svsep/training/training.hpp"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <torch/torch.h>
#include <vector>

namespace svsep {
inline namespace before_the_mixer {  // its Piece and Batch are not those of dataset/ and batches.hpp

constexpr double kPieceSeconds = 30.0;

/// One channel of a part of a track, ready for the network.
struct Piece {
  std::string track;
  torch::Tensor input;  ///< [frames, bins] float32: log_compress()ed or bare magnitudes of the mixture
  torch::Tensor label;  ///< [frames, bins] uint8: 1 where the vocals win
};

/// Consecutive frames of a piece: a view, so that windows that overlap share their frames.
struct Window {
  std::shared_ptr<const Piece> piece;
  std::int64_t first_frame = 0;
};

/// Windows of one training step.
struct Batch {
  std::vector<Window> windows;
  std::int64_t window_frames = 0;

  [[nodiscard]] torch::Tensor inputs() const;  ///< [windows, window_frames, bins] float32
  [[nodiscard]] torch::Tensor labels() const;  ///< [windows, window_frames, bins] uint8
  [[nodiscard]] std::set<std::string> tracks() const;
};

/// How a network's input and label are made.
struct Preparation {
  ModelInfo model;  ///< analysis, window_frames, input transform
  Label label = Label::accompaniment;
};

/// Mixture = vocals + accompaniment of equally long signals at the model's rate, as a piece.
[[nodiscard]] Piece prepare(const std::string& track, const std::vector<float>& vocals,
                            const std::vector<float>& accompaniment, const Preparation& preparation);

/// Random pieces of tracks and batches of their windows. All of it follows from (seed, epoch, index), never
/// from the clock or from what was drawn before. One thread at a time.
class Sampler {
 public:
  /// Takes a batch; false where no more are wanted.
  using Push = std::function<bool(Batch)>;

  /// Throws Error(input) where a track cannot be probed.
  Sampler(const std::vector<Track>& tracks, Preparation preparation, std::uint64_t seed);

  /// A random channel of a random 30 s of a random track (the whole of a shorter one). Draws again where the
  /// mixture is below -60 dBFS RMS, or not decodable, which is warned of once a track. Throws Error(input)
  /// where that goes on.
  [[nodiscard]] Piece piece(std::uint64_t epoch, std::uint64_t index);

  /// `count` batches: pieces 0, 1, ... of the epoch are cut into windows that advance window_frames - 1
  /// frames, and the windows of `pieces_in_pool` pieces are shuffled together, with what the pool before left
  /// over. Ends early where `push` says so.
  void push_batches(std::uint64_t epoch, std::int64_t count, std::size_t batch_size, int pieces_in_pool,
                    const Push& push);

  [[nodiscard]] double total_seconds() const noexcept;

 private:
  std::vector<Track> tracks_;
  std::vector<double> durations_s_;
  Preparation preparation_;
  std::uint64_t seed_;
  std::set<std::string> warned_of_;
};

/// Batches prepared ahead by one background thread. What it throws is rethrown by pop(), in its place among
/// the batches, so that timing changes nothing.
class BatchQueue {
 public:
  /// `produce` runs in the thread and pushes batches; push waits while `capacity` of them are queued.
  BatchQueue(std::size_t capacity, std::function<void(const Sampler::Push&)> produce);

  /// Waits for the next batch. Throws what `produce` threw. No more pops than pushes.
  [[nodiscard]] Batch pop();

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Batch> batches_;
  std::exception_ptr error_;
  bool finished_ = false;
  std::jthread thread_;  // last, so that it ends before what it uses
};

}  // namespace before_the_mixer
}  // namespace svsep
