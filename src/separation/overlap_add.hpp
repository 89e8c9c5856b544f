#pragma once

#include "separation/chunk_cutter.hpp"
#include "svsep/audio.hpp"

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace svsep {

/// The weights of a chunk's samples against those of its neighbours, see ChunkEnds.
[[nodiscard]] std::vector<float> chunk_fade(std::size_t chunk_samples, ChunkEnds ends);

/// Joins overlapping chunks: each sample is the weighted mean of the chunks that answer for it, so that
/// chunks which agree come through unchanged, to the bit. Holds at most a chunk and a step.
class OverlapAdd {
 public:
  /// Takes samples in order, of `rows` rows.
  using Sink = std::function<void(const AudioBuffer& rows)>;

  OverlapAdd(std::vector<float> fade, std::size_t rows, Sink sink);

  /// Takes whole chunks in order, a span for each row.
  void push(const ChunkPlace& place, std::span<const std::span<const float>> chunks);
  /// Gives the rest. No push after it.
  void finish();

 private:
  void deliver(std::size_t count);

  std::vector<float> fade_;
  Sink sink_;
  std::size_t delivered_ = 0;       ///< samples of the song
  std::vector<float> weight_sums_;  ///< of what is not delivered
  AudioBuffer means_;
};

}  // namespace svsep
