#include "network/published/attention_kernel.hpp"

#include "network/published/tile.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace svsep {
namespace {

std::int64_t rounded_up(std::int64_t count) {
  return (count + kTileColumns - 1) / kTileColumns * kTileColumns;
}

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

/// Scores become weights e^(score - highest); returns the inverse of their sum. `padded` values, of which
/// `count` count.
SVSEP_INLINE float soften(float* scores, std::int64_t count, std::int64_t padded) {
  std::fill(scores + count, scores + padded, -std::numeric_limits<float>::infinity());
  Floats highest = load(scores);
  for (std::int64_t k = 0; k < padded; k += static_cast<std::int64_t>(kLanes)) {
    const Floats next = load(scores + k);
    highest = next > highest ? next : highest;
  }
  float most = highest[0];
  for (std::size_t n = 1; n < kLanes; ++n) most = std::max(most, highest[n]);
  Floats sums = {};
  for (std::int64_t k = 0; k < padded; k += static_cast<std::int64_t>(kLanes)) {
    const Floats weights = exponential(load(scores + k) - most);
    store(weights, scores + k);
    sums += weights;
  }
  float sum = 0.0F;
  for (std::size_t n = 0; n < kLanes; ++n) sum += sums[n];
  return 1.0F / sum;
}

SVSEP_WIDE void attend_rows(const AttentionHead& head, const PackedHead& packed, std::int64_t first,
                            std::int64_t rows, float* scores) {
  const std::int64_t padded = rounded_up(head.key_count);
  TileFactors queries;
  TileFactors weights;
  float inverse[kTileRows];  // NOLINT(modernize-avoid-c-arrays)
  for (std::int64_t r = 0; r < kTileRows; ++r) {
    queries.of[r] = head.queries + (first + std::min(r, rows - 1)) * head.query_row;
    weights.of[r] = scores + r * padded;
  }
  for (std::int64_t key = 0; key < padded; key += kTileColumns) {
    Tile tile = {};
    const float* const keys = packed.keys.data() + key * head.size;
    for (std::int64_t k = 0; k < head.size; ++k) add_product(tile, queries, k, keys + k * kTileColumns);
    for (int r = 0; r < kTileRows; ++r) store_row(tile, r, scores + r * padded + key);
  }
  for (int r = 0; r < kTileRows; ++r) inverse[r] = soften(scores + r * padded, head.key_count, padded);
  float row[kTileColumns];  // NOLINT(modernize-avoid-c-arrays)
  for (std::int64_t value = 0; value < head.size; value += kTileColumns) {
    Tile tile = {};
    const float* const values = packed.values.data() + value * head.key_count;
    for (std::int64_t k = 0; k < head.key_count; ++k)
      add_product(tile, weights, k, values + k * kTileColumns);
    const std::int64_t count = std::min(kTileColumns, head.size - value);
    for (int r = 0; r < rows; ++r) {
      store_row(tile, r, row);
      float* const to = head.result + (first + r) * head.result_row + value;
      for (std::int64_t n = 0; n < count; ++n) to[n] = row[n] * inverse[r];
    }
  }
}

}  // namespace

PackedHead pack(const AttentionHead& head) {
  const std::int64_t count = head.key_count, size = head.size;
  PackedHead packed;
  packed.keys.resize(at(rounded_up(count) * size));
  packed.values.resize(at(count * rounded_up(size)));
  const float scale = 1.0F / std::sqrt(static_cast<float>(size));
  for (std::int64_t key = 0; key < count; ++key) {
    const float* const from = head.keys + key * head.key_row;
    float* const to = packed.keys.data() + key / kTileColumns * kTileColumns * size + key % kTileColumns;
    for (std::int64_t k = 0; k < size; ++k) to[k * kTileColumns] = from[k] * scale;
    const float* const value = head.values + key * head.key_row;
    for (std::int64_t k = 0; k < size; ++k) {
      packed.values[at(k / kTileColumns * kTileColumns * count + key * kTileColumns + k % kTileColumns)] =
          value[k];
    }
  }
  return packed;
}

void attend(const AttentionHead& head, const PackedHead& packed, std::int64_t begin, std::int64_t end) {
  std::vector<float> scores(at(kTileRows * rounded_up(head.key_count)));
  for (std::int64_t first = begin; first < end; first += kTileRows) {
    attend_rows(head, packed, first, std::min<std::int64_t>(kTileRows, end - first), scores.data());
  }
}

}  // namespace svsep
