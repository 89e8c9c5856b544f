#include "separation/overlap_add.hpp"

#include "separation/queue.hpp"

#include <algorithm>
#include <utility>

namespace svsep {
namespace {

constexpr std::size_t kBlockSamples = 1 << 14;  ///< that are handed on at once: a chunk's copies need memory

}  // namespace

std::vector<float> chunk_fade(std::size_t chunk_samples, ChunkEnds ends) {
  std::vector<float> fade(chunk_samples, 1.0F);
  if (ends == ChunkEnds::centred) {
    const std::size_t rise = chunk_samples / 2;
    const auto peak = static_cast<float>(chunk_samples - rise);
    for (std::size_t n = 0; n < rise; ++n) fade[n] = static_cast<float>(n + 1) / peak;
    for (std::size_t n = rise; n < chunk_samples; ++n) fade[n] = static_cast<float>(chunk_samples - n) / peak;
    return fade;
  }
  const std::size_t rise = chunk_samples / 10;
  for (std::size_t n = 0; n < rise; ++n) {
    fade[n] = static_cast<float>(n) / static_cast<float>(std::max<std::size_t>(1, rise - 1));
    fade[chunk_samples - 1 - n] = fade[n];
  }
  return fade;
}

OverlapAdd::OverlapAdd(std::vector<float> fade, std::size_t rows, Sink sink)
    : fade_(std::move(fade)), sink_(std::move(sink)), means_(rows, 0) {}

void OverlapAdd::push(const ChunkPlace& place, std::span<const std::span<const float>> chunks) {
  deliver(place.first - delivered_);  // no later chunk touches them
  const std::size_t held = std::max(weight_sums_.size(), place.count);
  weight_sums_.resize(held, 0.0F);
  for (std::vector<float>& row : means_.channels) row.resize(held, 0.0F);
  std::vector<float> shares(place.count);  // of this chunk in the mean
  for (std::size_t n = 0; n < place.count; ++n) {
    const float weight = fade_[place.first_weight + n];
    weight_sums_[n] += weight;
    shares[n] = weight_sums_[n] > 0 ? weight / weight_sums_[n] : 1.0F;
  }
  for (std::size_t row = 0; row < chunks.size(); ++row) {
    std::vector<float>& mean = means_.channels[row];
    const std::span<const float> chunk = chunks[row].subspan(place.in_chunk, place.count);
    for (std::size_t n = 0; n < place.count; ++n) mean[n] += (chunk[n] - mean[n]) * shares[n];
  }
}

void OverlapAdd::finish() { deliver(weight_sums_.size()); }

void OverlapAdd::deliver(std::size_t count) {
  if (count == 0) return;
  AudioBuffer rows(means_.channels.size(), 0);
  for (std::size_t first = 0; first < count; first += kBlockSamples) {
    const std::size_t end = std::min(count, first + kBlockSamples);
    for (std::size_t row = 0; row < rows.channels.size(); ++row) {
      const auto from = means_.channels[row].begin();
      rows.channels[row].assign(from + static_cast<std::ptrdiff_t>(first),
                                from + static_cast<std::ptrdiff_t>(end));
    }
    sink_(rows);
  }
  for (std::vector<float>& row : means_.channels) drop_front(row, count);
  drop_front(weight_sums_, count);
  delivered_ += count;
}

}  // namespace svsep
