#include "network/published/residual_kernel.hpp"

#include "network/layers/instruction_set.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#define SVSEP_KERNELS "network/published/residual_kernel.inc"

namespace svsep {
namespace {

constexpr double kEpsilon = 1e-5;
constexpr std::int64_t kTaps = 3;
constexpr std::size_t kMostVectorFloats = 16;  ///< of any instruction set: a vector may be read beyond a tile

/// The 1x1 convolution with the norm folded in: rows c and channels + c next to each other, for every three
/// channels.
struct FoldedWeights {
  std::vector<float> weight, bias;  ///< [2 * channels][hidden], [2 * channels]
};

struct Kernels {
  void (*narrow_tile)(const ResidualWeights&, const float*, float*, std::ptrdiff_t);
  void (*activate_row)(float*, std::int64_t, float, float);
  void (*add_moments)(const Plane&, std::int64_t, std::int64_t, Moments&);
  void (*widen_range)(const ResidualWeights&, const FoldedWeights&, const Plane&, FrameRange, const Plane&);
};

#include "network/layers/for_each_target.inc"

/// A tile of x with what lies `halo` before and after it, silence beyond the ends: [channels][tile + 2 *
/// halo].
void copy_tile(const Plane& x, std::int64_t channels, std::int64_t first, std::int64_t halo, float* tile) {
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
      static_cast<std::size_t>(weights.channels * (kResidualTile + 2 * weights.dilation)) +
      kMostVectorFloats);
  for (std::int64_t t = range.begin; t < range.end; t += kResidualTile) {
    copy_tile(x, weights.channels, t, weights.dilation, tile.data());
    kernels().narrow_tile(weights, tile.data(), hidden.data + t, hidden.row);
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
      kernels().activate_row(
          row, kResidualTile, static_cast<float>(factor),
          static_cast<float>(static_cast<double>(weights.narrow_norm_bias[r]) - mean * factor));
      std::fill(row + count, row + kResidualTile, 0.0F);  // counts for nothing in the moments
    }
    kernels().add_moments(hidden, weights.hidden, t, moments);
  }
}

void widen(const ResidualWeights& weights, const Plane& hidden, FrameRange range, const Moments& total,
           const Plane& x) {
  kernels().widen_range(weights, fold(weights, wide_level(weights, total, hidden.frames)), hidden, range, x);
}

}  // namespace svsep
