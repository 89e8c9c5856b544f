#include "network/published/wiener_block.hpp"

#include "network/layers/simd.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace svsep {
namespace {

constexpr double kVarianceFloor = 1e-10;
constexpr double kNoise = 1e-5;  // square root of the floor: the variance of the noise in every channel

using Row = std::array<double, kWienerBins>;

/// Spatial covariance of a target in every bin: Hermitian, of trace 1 or 2.
struct Covariance {
  Row first, second, real, imaginary;
};

/// Variance of a target in a frame: the mean power of its channels.
SVSEP_INLINE void variances(const WienerBlock& block, std::size_t target, std::int64_t frame, Row& variance) {
  const float* first = block.magnitudes[target] + frame * block.channels * block.row;
  const float* second = block.channels == 2 ? first + block.row : first;
  const double share = 0.5 / (block.scale * block.scale);
  for (std::int64_t f = 0; f < block.bins; ++f) {
    const double a = first[f];
    const double b = second[f];
    variance[static_cast<std::size_t>(f)] = (a * a + b * b) * share;
  }
}

/// Phases of the first channel less that of the second as a number of magnitude 1.
SVSEP_INLINE void phase_differences(const WienerBlock& block, std::int64_t frame, Row& real, Row& imaginary) {
  const float* x = block.mixture[0] + 2 * frame * block.row;
  const float* y = block.mixture[1] + 2 * frame * block.row;
  for (std::int64_t f = 0; f < block.bins; ++f) {
    const double xr = x[2 * f], xi = x[2 * f + 1], yr = y[2 * f], yi = y[2 * f + 1];
    const double re = xr * yr + xi * yi;
    const double im = xi * yr - xr * yi;
    // Where a channel is silent, so are its targets, and the phase does not matter.
    const double inverse = 1.0 / std::sqrt(std::max(re * re + im * im, 1e-300));
    real[static_cast<std::size_t>(f)] = re * inverse;
    imaginary[static_cast<std::size_t>(f)] = im * inverse;
  }
}

SVSEP_INLINE void add_covariance(const WienerBlock& block, std::size_t target, std::int64_t frame,
                                 const Row& real, const Row& imaginary, Covariance& sum) {
  const float* first = block.magnitudes[target] + frame * block.channels * block.row;
  const float* second = block.channels == 2 ? first + block.row : first;
  for (std::int64_t f = 0; f < block.bins; ++f) {
    const auto n = static_cast<std::size_t>(f);
    const double a = first[f], b = second[f];
    sum.first[n] += a * a;
    sum.second[n] += b * b;
    sum.real[n] += a * b * real[n];
    sum.imaginary[n] += a * b * imaginary[n];
  }
}

SVSEP_WIDE void estimate_covariances(const WienerBlock& block, std::vector<Covariance>& covariances) {
  Row real, imaginary;
  for (std::int64_t frame = 0; frame < block.frames; ++frame) {
    phase_differences(block, frame, real, imaginary);
    for (std::size_t target = 0; target < covariances.size(); ++target) {
      add_covariance(block, target, frame, real, imaginary, covariances[target]);
    }
  }
  const double floor = kVarianceFloor * block.scale * block.scale;
  for (Covariance& covariance : covariances) {
    for (std::size_t n = 0; n < kWienerBins; ++n) {
      const double inverse = 1.0 / (floor + 0.5 * (covariance.first[n] + covariance.second[n]));
      covariance.first[n] *= inverse;
      covariance.second[n] *= inverse;
      covariance.real[n] *= inverse;
      covariance.imaginary[n] *= inverse;
    }
  }
}

/// The mixture of one frame, whitened: inverse of its modelled covariance times its two channels.
struct Whitened {
  Row first_real, first_imaginary, second_real, second_imaginary;
};

SVSEP_INLINE void whiten(const WienerBlock& block, std::int64_t frame, const Covariance& mixture,
                         Whitened& whitened) {
  const float* x = block.mixture[0] + 2 * frame * block.row;
  const float* y = block.mixture[1] + 2 * frame * block.row;
  for (std::int64_t f = 0; f < block.bins; ++f) {
    const auto n = static_cast<std::size_t>(f);
    const double xr = x[2 * f], xi = x[2 * f + 1], yr = y[2 * f], yi = y[2 * f + 1];
    const double a = mixture.first[n], b = mixture.second[n], r = mixture.real[n], i = mixture.imaginary[n];
    const double inverse = 1.0 / (a * b - r * r - i * i);
    whitened.first_real[n] = (b * xr - r * yr + i * yi) * inverse;
    whitened.first_imaginary[n] = (b * xi - r * yi - i * yr) * inverse;
    whitened.second_real[n] = (a * yr - r * xr - i * xi) * inverse;
    whitened.second_imaginary[n] = (a * yi - r * xi + i * xr) * inverse;
  }
}

/// variance * covariance * whitened mixture, into a frame of the target.
SVSEP_INLINE void filter_frame(const WienerBlock& block, const Covariance& c, const Row& variance,
                               const Whitened& whitened, float* first) {
  float* second = first + 2 * block.all_frames * block.row;
  for (std::int64_t f = 0; f < block.bins; ++f) {
    const auto n = static_cast<std::size_t>(f);
    const double xr = whitened.first_real[n], xi = whitened.first_imaginary[n];
    const double yr = whitened.second_real[n], yi = whitened.second_imaginary[n];
    first[2 * f] = static_cast<float>(variance[n] * (c.first[n] * xr + c.real[n] * yr - c.imaginary[n] * yi));
    first[2 * f + 1] =
        static_cast<float>(variance[n] * (c.first[n] * xi + c.real[n] * yi + c.imaginary[n] * yr));
    if (block.channels == 1) continue;
    second[2 * f] =
        static_cast<float>(variance[n] * (c.second[n] * yr + c.real[n] * xr + c.imaginary[n] * xi));
    second[2 * f + 1] =
        static_cast<float>(variance[n] * (c.second[n] * yi + c.real[n] * xi - c.imaginary[n] * xr));
  }
}

SVSEP_WIDE void filter_block(const WienerBlock& block, const std::vector<Covariance>& covariances) {
  const std::size_t targets = covariances.size();
  std::vector<Row> variance(targets);
  Covariance mixture;
  Whitened whitened;
  for (std::int64_t frame = 0; frame < block.frames; ++frame) {
    mixture.first.fill(kNoise);
    mixture.second.fill(kNoise);
    mixture.real.fill(0.0);
    mixture.imaginary.fill(0.0);
    for (std::size_t target = 0; target < targets; ++target) {
      variances(block, target, frame, variance[target]);
      const Covariance& c = covariances[target];
      for (std::size_t n = 0; n < kWienerBins; ++n) {
        const double v = variance[target][n];
        mixture.first[n] += v * c.first[n];
        mixture.second[n] += v * c.second[n];
        mixture.real[n] += v * c.real[n];
        mixture.imaginary[n] += v * c.imaginary[n];
      }
    }
    whiten(block, frame, mixture, whitened);
    for (std::size_t target = 0; target < targets; ++target) {
      filter_frame(block, covariances[target], variance[target], whitened,
                   block.estimates[target] + 2 * frame * block.row);
    }
  }
}

}  // namespace

void filter(const WienerBlock& block) {
  std::vector<Covariance> covariances(block.magnitudes.size());
  estimate_covariances(block, covariances);
  filter_block(block, covariances);
}

}  // namespace svsep
