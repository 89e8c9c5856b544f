#pragma once

#include "svsep/audio.hpp"
#include "svsep/chunk_estimator.hpp"

#include <cstddef>
#include <functional>
#include <vector>

namespace svsep {

/// Which samples of the song a chunk answers for.
struct ChunkPlace {
  std::size_t first = 0;         ///< of the song's samples
  std::size_t count = 0;         ///< samples
  std::size_t in_chunk = 0;      ///< where the first one stands in the chunk
  std::size_t first_weight = 0;  ///< its place in the chunk's fade
};

/// Samples from one chunk's begin to the next one's, 1 or more.
[[nodiscard]] std::size_t chunk_step(const ChunkParameters& chunks);

/// Cuts a song into overlapping chunks, streaming: the chunks do not depend on how it was pushed. What a
/// chunk holds beyond the song's ends: see ChunkEnds. Holds at most about three chunks.
class ChunkCutter {
 public:
  /// Takes the chunks in order, all channels of the song.
  using Sink = std::function<void(const ChunkPlace&, const AudioBuffer& chunk)>;

  ChunkCutter(const ChunkParameters& chunks, ChunkEnds ends, std::size_t song_channels, Sink sink);

  /// Takes equally many samples of every channel, at the network's rate.
  void push(const AudioBuffer& block);
  /// Gives the last chunks. No push after it.
  void finish();

 private:
  void cut_whole_chunks();
  [[nodiscard]] ChunkPlace place_at(std::ptrdiff_t begin, std::size_t song_samples) const;
  void cut(const ChunkPlace& place, std::ptrdiff_t begin);
  [[nodiscard]] float sample(const std::vector<float>& channel, std::ptrdiff_t n, std::ptrdiff_t begin) const;
  void forget();

  std::size_t chunk_;
  std::size_t step_;
  ChunkEnds ends_;
  std::size_t border_;   ///< samples of reflection at either end
  std::ptrdiff_t next_;  ///< where the next chunk begins, in samples of the song; may be negative
  std::size_t received_ = 0;
  std::size_t forgotten_ = 0;  ///< of the song's samples, those that are not in `song_` any more
  bool is_whole_ = false;      ///< all samples are there
  AudioBuffer song_;
  Sink sink_;
};

}  // namespace svsep
