#include "separation/chunk_cutter.hpp"

#include "separation/queue.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace svsep {

std::size_t chunk_step(const ChunkParameters& chunks) {
  const double step = (1 - chunks.overlap) * static_cast<double>(chunks.chunk_samples);
  return std::clamp<std::size_t>(static_cast<std::size_t>(std::lround(step)), 1, chunks.chunk_samples);
}

ChunkCutter::ChunkCutter(const ChunkParameters& chunks, ChunkEnds ends, std::size_t song_channels, Sink sink)
    : chunk_(chunks.chunk_samples),
      step_(chunk_step(chunks)),
      ends_(ends),
      border_(ends == ChunkEnds::reflected ? chunk_ - step_ : 0),
      next_(-static_cast<std::ptrdiff_t>(border_)),
      song_(song_channels, 0),
      sink_(std::move(sink)) {}

void ChunkCutter::push(const AudioBuffer& block) {
  for (std::size_t c = 0; c < song_.channels.size(); ++c) {
    append(song_.channels[c], std::span<const float>(block.channels[c]));
  }
  received_ += block.samples();
  cut_whole_chunks();
}

void ChunkCutter::finish() {
  is_whole_ = true;
  if (received_ <= 2 * border_) next_ = 0, border_ = 0;
  const auto end = static_cast<std::ptrdiff_t>(received_);
  for (; next_ < end; next_ += static_cast<std::ptrdiff_t>(step_)) cut(place_at(next_, received_), next_);
}

/// The chunks that need nothing from beyond what is there.
void ChunkCutter::cut_whole_chunks() {
  if (received_ <= 2 * border_) return;  // it is not settled yet how the song begins
  const auto length = static_cast<std::ptrdiff_t>(chunk_);
  for (; next_ + length <= static_cast<std::ptrdiff_t>(received_);
       next_ += static_cast<std::ptrdiff_t>(step_)) {
    cut(place_at(next_, received_), next_);
  }
  forget();
}

ChunkPlace ChunkCutter::place_at(std::ptrdiff_t begin, std::size_t song_samples) const {
  const auto first = static_cast<std::size_t>(std::max<std::ptrdiff_t>(begin, 0));
  const auto skipped = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(first) - begin);
  const std::size_t count = std::min(chunk_ - skipped, song_samples - first);
  const std::size_t lead = ends_ == ChunkEnds::centred ? (chunk_ - count) / 2 : skipped;
  return {.first = first, .count = count, .in_chunk = lead, .first_weight = skipped};
}

void ChunkCutter::cut(const ChunkPlace& place, std::ptrdiff_t begin) {
  AudioBuffer chunk(song_.channels.size(), chunk_);
  const auto origin = static_cast<std::ptrdiff_t>(place.first) - static_cast<std::ptrdiff_t>(place.in_chunk);
  for (std::size_t c = 0; c < chunk.channels.size(); ++c) {
    for (std::size_t i = 0; i < chunk_; ++i) {
      chunk.channels[c][i] = sample(song_.channels[c], origin + static_cast<std::ptrdiff_t>(i), begin);
    }
  }
  sink_(place, chunk);
}

/// Sample n of the song and its continuation, for the chunk that begins at `begin`.
float ChunkCutter::sample(const std::vector<float>& channel, std::ptrdiff_t n, std::ptrdiff_t begin) const {
  const auto at = [&](std::ptrdiff_t index) { return channel[static_cast<std::size_t>(index) - forgotten_]; };
  const auto received = static_cast<std::ptrdiff_t>(received_);
  if (n >= 0 && n < received) return at(n);
  if (ends_ == ChunkEnds::centred) return 0;
  if (n < 0) return at(-n);
  const std::ptrdiff_t end = received + static_cast<std::ptrdiff_t>(border_);  // of the reflection
  if (n >= end) {  // a chunk that is mostly full is filled with its own reflection
    if (end - begin <= static_cast<std::ptrdiff_t>(chunk_ / 2)) return 0;
    n = 2 * (end - 1) - n;
  }
  return n < received ? at(n) : at(2 * (received - 1) - n);
}

/// Drops what no later chunk looks at: not even a last one that is centred, or reflected.
void ChunkCutter::forget() {
  const std::ptrdiff_t needed = next_ - static_cast<std::ptrdiff_t>(chunk_);
  if (needed <= static_cast<std::ptrdiff_t>(forgotten_)) return;
  const std::size_t count = static_cast<std::size_t>(needed) - forgotten_;
  for (std::vector<float>& channel : song_.channels) drop_front(channel, count);
  forgotten_ += count;
}

}  // namespace svsep
