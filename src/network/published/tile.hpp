#pragma once

#include "network/layers/simd.hpp"

#include <cstdint>

namespace svsep {

/// A tile of a product of matrices that stays in registers: kTileRows rows of kTileColumns sums.
constexpr int kTileRows = 6;
constexpr int kTileVectors = 2;
constexpr auto kTileColumns = static_cast<std::int64_t>(kTileVectors * kLanes);

struct Tile {
  Floats sums[kTileRows][kTileVectors];  // NOLINT(modernize-avoid-c-arrays): kept in registers
};

/// The rows' factors: factors.of[r][k] belongs to row r and step k.
struct TileFactors {
  const float* of[kTileRows];  // NOLINT(modernize-avoid-c-arrays)
};

/// tile[r] += factors.of[r][k] * input, an array of kTileColumns.
SVSEP_INLINE void add_product(Tile& tile, const TileFactors& factors, std::int64_t k, const float* input) {
  Floats in[kTileVectors];  // NOLINT(modernize-avoid-c-arrays)
  for (int v = 0; v < kTileVectors; ++v) in[v] = load(input + v * static_cast<std::int64_t>(kLanes));
  for (int r = 0; r < kTileRows; ++r) {
    for (int v = 0; v < kTileVectors; ++v) tile.sums[r][v] += factors.of[r][k] * in[v];
  }
}

/// Row r of the tile, to kTileColumns values.
SVSEP_INLINE void store_row(const Tile& tile, int r, float* to) {
  for (int v = 0; v < kTileVectors; ++v) store(tile.sums[r][v], to + v * static_cast<std::int64_t>(kLanes));
}

}  // namespace svsep
