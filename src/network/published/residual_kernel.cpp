#include "network/published/residual_kernel.hpp"

#include "network/published/tile.hpp"

#include <algorithm>
#include <cmath>

namespace svsep {
namespace {

constexpr double kEpsilon = 1e-5;
constexpr std::int64_t kTaps = 3;

SVSEP_INLINE void start(Tile& tile, const float* bias, std::int64_t rows) {
  for (int r = 0; r < kTileRows; ++r) {
    for (int v = 0; v < kTileVectors; ++v) tile.sums[r][v] = all(r < rows ? bias[r] : 0.0F);
  }
}

/// x / 2 (1 + erf(x / sqrt 2)); erf after Abramowitz and Stegun 7.1.26, within 1.5e-7.
SVSEP_INLINE Floats gaussian_unit(Floats x) {
  const Floats magnitude = (x < 0.0F ? -x : x) * 0.70710678F;
  const Floats t = 1.0F / (1.0F + 0.3275911F * magnitude);
  Floats sum = t * 1.061405429F - 1.453152027F;
  sum = sum * t + 1.421413741F;
  sum = sum * t - 0.284496736F;
  sum = sum * t + 0.254829592F;
  const Floats erf = 1.0F - sum * t * exponential(-magnitude * magnitude);
  return 0.5F * x * (1.0F + (x < 0.0F ? -erf : erf));
}

SVSEP_INLINE double total_of(const Floats& values) {
  double sum = 0.0;
  for (std::size_t n = 0; n < kLanes; ++n) sum += static_cast<double>(values[n]);
  return sum;
}

/// A tile of x with what lies `halo` before and after it, silence beyond the ends: [channels][tile + 2 *
/// halo].
SVSEP_INLINE void copy_tile(const Plane& x, std::int64_t channels, std::int64_t first, std::int64_t halo,
                            float* tile) {
  const std::int64_t width = kResidualTile + 2 * halo;
  const std::int64_t from = std::max<std::int64_t>(0, first - halo);
  const std::int64_t to = std::min(x.frames, first + kResidualTile + halo);
  for (std::int64_t c = 0; c < channels; ++c) {
    float* const row = tile + c * width;
    std::fill_n(row, from - (first - halo), 0.0F);
    std::copy_n(x.data + c * x.row + from, to - from, row + (from - (first - halo)));
    std::fill(row + (to - (first - halo)), row + width, 0.0F);
  }
}

SVSEP_WIDE void narrow_tile(const ResidualWeights& weights, const float* tile, float* hidden,
                            std::ptrdiff_t row) {
  const std::int64_t width = kResidualTile + 2 * weights.dilation;
  for (std::int64_t first = 0; first < weights.hidden; first += kTileRows) {
    const std::int64_t rows = std::min<std::int64_t>(kTileRows, weights.hidden - first);
    TileFactors factors;
    for (int r = 0; r < kTileRows; ++r) {
      factors.of[r] =
          weights.narrow + (first + std::min<std::int64_t>(r, rows - 1)) * weights.channels * kTaps;
    }
    for (std::int64_t t = 0; t < kResidualTile; t += kTileColumns) {
      Tile sums;
      start(sums, weights.narrow_bias + first, rows);
      for (std::int64_t c = 0; c < weights.channels; ++c) {
        for (std::int64_t tap = 0; tap < kTaps; ++tap) {
          add_product(sums, factors, c * kTaps + tap, tile + c * width + t + tap * weights.dilation);
        }
      }
      for (int r = 0; r < rows; ++r) store_row(sums, r, hidden + (first + r) * row + t);
    }
  }
}

SVSEP_WIDE void activate_row(float* row, std::int64_t count, float factor, float summand) {
  for (std::int64_t t = 0; t < count; t += static_cast<std::int64_t>(kLanes)) {
    store(gaussian_unit(load(row + t) * factor + summand), row + t);
  }
}

SVSEP_WIDE void add_moments(const Plane& hidden, std::int64_t channels, std::int64_t first,
                            Moments& moments) {
  for (std::int64_t r = 0; r < channels; ++r) {
    const float* const a = hidden.data + r * hidden.row + first;
    Floats sum = {};
    for (std::int64_t t = 0; t < kResidualTile; t += static_cast<std::int64_t>(kLanes)) sum += load(a + t);
    moments.sums[static_cast<std::size_t>(r)] += total_of(sum);
    for (std::int64_t s = 0; s <= r; ++s) {
      const float* const b = hidden.data + s * hidden.row + first;
      Floats product = {};
      for (std::int64_t t = 0; t < kResidualTile; t += static_cast<std::int64_t>(kLanes)) {
        product += load(a + t) * load(b + t);
      }
      moments.products[static_cast<std::size_t>(r * channels + s)] += total_of(product);
    }
  }
}

/// The norm of what the 1x1 convolution would give: it follows from the moments of its input.
struct Level {
  double mean, inverse_deviation;
};

Level wide_level(const ResidualWeights& weights, const Moments& total, std::int64_t frames) {
  const std::int64_t hidden = weights.hidden;
  const auto count = static_cast<double>(frames);
  double sum = 0.0, square = 0.0;
  for (std::int64_t c = 0; c < 2 * weights.channels; ++c) {
    const float* const weight = weights.wide + c * hidden;
    const double bias = weights.wide_bias[c];
    double linear = 0.0, quadratic = 0.0;
    for (std::int64_t r = 0; r < hidden; ++r) {
      const double w = weight[r];
      const double* const products = total.products.data() + r * hidden;
      double row = 0.0;
      for (std::int64_t s = 0; s < r; ++s) row += static_cast<double>(weight[s]) * products[s];
      quadratic += w * (2.0 * row + w * products[r]);
      linear += w * total.sums[static_cast<std::size_t>(r)];
    }
    sum += linear + bias * count;
    square += quadratic + 2.0 * bias * linear + bias * bias * count;
  }
  const double values = count * 2.0 * static_cast<double>(weights.channels);
  const double mean = sum / values;
  return {mean, 1.0 / std::sqrt(std::max(0.0, square / values - mean * mean) + kEpsilon)};
}

/// The 1x1 convolution with the norm folded in: rows c and channels + c next to each other, for every three
/// channels.
struct FoldedWeights {
  std::vector<float> weight, bias;  ///< [2 * channels][hidden], [2 * channels]
};

FoldedWeights fold(const ResidualWeights& weights, const Level& level) {
  const std::int64_t hidden = weights.hidden;
  FoldedWeights folded;
  folded.weight.resize(static_cast<std::size_t>(2 * weights.channels * hidden));
  folded.bias.resize(static_cast<std::size_t>(2 * weights.channels));
  for (std::int64_t c = 0; c < 2 * weights.channels; ++c) {
    const double factor = static_cast<double>(weights.wide_norm[c]) * level.inverse_deviation;
    for (std::int64_t r = 0; r < hidden; ++r) {
      folded.weight[static_cast<std::size_t>(c * hidden + r)] =
          static_cast<float>(factor * static_cast<double>(weights.wide[c * hidden + r]));
    }
    folded.bias[static_cast<std::size_t>(c)] =
        static_cast<float>(factor * (static_cast<double>(weights.wide_bias[c]) - level.mean) +
                           static_cast<double>(weights.wide_norm_bias[c]));
  }
  return folded;
}

SVSEP_WIDE void widen_range(const ResidualWeights& weights, const FoldedWeights& folded, const Plane& hidden,
                            FrameRange range, const Plane& x) {
  constexpr std::int64_t kChannels = kTileRows / 2;
  float edge[kTileColumns];  // NOLINT(modernize-avoid-c-arrays)
  for (std::int64_t t = range.begin; t < range.end; t += kTileColumns) {
    const std::int64_t count = std::min(kTileColumns, range.end - t);
    for (std::int64_t first = 0; first < weights.channels; first += kChannels) {
      const std::int64_t channels = std::min(kChannels, weights.channels - first);
      TileFactors factors;
      float bias[kTileRows];  // NOLINT(modernize-avoid-c-arrays)
      for (std::int64_t r = 0; r < kTileRows; ++r) {
        const std::int64_t channel = first + std::min(r % kChannels, channels - 1);
        const std::int64_t row = channel + (r < kChannels ? 0 : weights.channels);
        factors.of[r] = folded.weight.data() + row * weights.hidden;
        bias[r] = folded.bias[static_cast<std::size_t>(row)];
      }
      Tile sums;
      start(sums, bias, kTileRows);
      for (std::int64_t k = 0; k < weights.hidden; ++k) {
        add_product(sums, factors, k, hidden.data + k * hidden.row + t);
      }
      for (std::int64_t c = 0; c < channels; ++c) {
        float* const row = x.data + (first + c) * x.row + t;
        float* const to = count == kTileColumns ? row : edge;
        if (count != kTileColumns) std::copy_n(row, count, edge);
        for (int v = 0; v < kTileVectors; ++v) {
          float* const at = to + v * static_cast<std::int64_t>(kLanes);
          store(load(at) + weights.scale[first + c] * sums.sums[c][v] * logistic(sums.sums[c + kChannels][v]),
                at);
        }
        if (count != kTileColumns) std::copy_n(edge, count, row);
      }
    }
  }
}

}  // namespace

void Moments::add(const Moments& other) {
  sum += other.sum;
  square += other.square;
  for (std::size_t n = 0; n < sums.size(); ++n) sums[n] += other.sums[n];
  for (std::size_t n = 0; n < products.size(); ++n) products[n] += other.products[n];
}

void narrow(const ResidualWeights& weights, const Plane& x, FrameRange range, const Plane& hidden,
            Moments& moments) {
  std::vector<float> tile(
      static_cast<std::size_t>(weights.channels * (kResidualTile + 2 * weights.dilation)) + kLanes);
  for (std::int64_t t = range.begin; t < range.end; t += kResidualTile) {
    copy_tile(x, weights.channels, t, weights.dilation, tile.data());
    narrow_tile(weights, tile.data(), hidden.data + t, hidden.row);
    const std::int64_t count = std::min(kResidualTile, range.end - t);
    for (std::int64_t r = 0; r < weights.hidden; ++r) {
      const float* const row = hidden.data + r * hidden.row + t;
      double sum = 0.0, square = 0.0;
      for (std::int64_t n = 0; n < count; ++n) {
        const double value = row[n];
        sum += value;
        square += value * value;
      }
      moments.sum += sum;
      moments.square += square;
    }
  }
}

void activate(const ResidualWeights& weights, const Plane& hidden, FrameRange range, const Moments& total,
              Moments& moments) {
  const double values = static_cast<double>(hidden.frames) * static_cast<double>(weights.hidden);
  const double mean = total.sum / values;
  const double inverse = 1.0 / std::sqrt(std::max(0.0, total.square / values - mean * mean) + kEpsilon);
  for (std::int64_t t = range.begin; t < range.end; t += kResidualTile) {
    const std::int64_t count = std::min(kResidualTile, range.end - t);
    for (std::int64_t r = 0; r < weights.hidden; ++r) {
      float* const row = hidden.data + r * hidden.row + t;
      const double factor = static_cast<double>(weights.narrow_norm[r]) * inverse;
      activate_row(row, kResidualTile, static_cast<float>(factor),
                   static_cast<float>(static_cast<double>(weights.narrow_norm_bias[r]) - mean * factor));
      std::fill(row + count, row + kResidualTile, 0.0F);  // counts for nothing in the moments
    }
    add_moments(hidden, weights.hidden, t, moments);
  }
}

void widen(const ResidualWeights& weights, const Plane& hidden, FrameRange range, const Moments& total,
           const Plane& x) {
  widen_range(weights, fold(weights, wide_level(weights, total, hidden.frames)), hidden, range, x);
}

}  // namespace svsep
