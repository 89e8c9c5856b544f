#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace svsep {

/// Frames that the loops below take at once; ranges of frames begin at multiples of it.
constexpr std::int64_t kResidualTile = 128;

/// One branch of a DilatedResidual (see htdemucs_layers.hpp): weights as torch has them, row-major.
struct ResidualWeights {
  std::int64_t channels = 0;
  std::int64_t hidden = 0;
  std::int64_t dilation = 1;
  const float* narrow = nullptr;  ///< [hidden][channels][3]
  const float* narrow_bias = nullptr;
  const float* narrow_norm = nullptr;  ///< factors, [hidden]
  const float* narrow_norm_bias = nullptr;
  const float* wide = nullptr;  ///< [2 * channels][hidden]
  const float* wide_bias = nullptr;
  const float* wide_norm = nullptr;  ///< factors, [2 * channels]
  const float* wide_norm_bias = nullptr;
  const float* scale = nullptr;  ///< [channels]
};

/// Channels over frames: row c begins at data + c * row.
struct Plane {
  float* data = nullptr;
  std::ptrdiff_t row = 0;
  std::int64_t frames = 0;
};

struct FrameRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

/// What a norm of the hidden channels, and of all that is linear in them, needs to know.
struct Moments {
  explicit Moments(std::int64_t hidden)
      : sums(static_cast<std::size_t>(hidden)), products(static_cast<std::size_t>(hidden * hidden)) {}
  void add(const Moments& other);

  double sum = 0.0;              ///< of the hidden channels before their norm
  double square = 0.0;           ///< of their squares
  std::vector<double> sums;      ///< of each channel after its activation
  std::vector<double> products;  ///< of each pair of them, [hidden][hidden], the lower triangle
};

// The three steps of a branch, each of which needs the one before it done for all frames. `hidden` has rows
// of a multiple of kResidualTile values.

/// The dilated convolution: x -> hidden; adds to sum and square.
void narrow(const ResidualWeights& weights, const Plane& x, FrameRange range, const Plane& hidden,
            Moments& moments);

/// Norm and GELU of the hidden channels in place; adds to sums and products. `total`: of all frames.
void activate(const ResidualWeights& weights, const Plane& hidden, FrameRange range, const Moments& total,
              Moments& moments);

/// 1x1 convolution, norm, gate, scale; adds the result to x. `total`: of all frames.
void widen(const ResidualWeights& weights, const Plane& hidden, FrameRange range, const Moments& total,
           const Plane& x);

}  // namespace svsep
