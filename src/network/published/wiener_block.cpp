#include "network/published/wiener_block.hpp"

#include "network/layers/instruction_set.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#define SVSEP_KERNELS "network/published/wiener_block.inc"

namespace svsep {
namespace {

constexpr double kVarianceFloor = 1e-10;
constexpr double kNoise = 1e-5;  // square root of the floor: the variance of the noise in every channel

using Row = std::array<double, kWienerBins>;

/// Spatial covariance of a target in every bin: Hermitian, of trace 1 or 2.
struct Covariance {
  Row first, second, real, imaginary;
};

struct Kernels {
  void (*estimate_covariances)(const WienerBlock&, std::vector<Covariance>&);
  void (*filter_block)(const WienerBlock&, const std::vector<Covariance>&);
};

#include "network/layers/for_each_target.inc"

}  // namespace

void filter(const WienerBlock& block) {
  std::vector<Covariance> covariances(block.magnitudes.size());
  kernels().estimate_covariances(block, covariances);
  kernels().filter_block(block, covariances);
}

}  // namespace svsep
