#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace svsep {

/// Bins that the Wiener filter computes together.
constexpr std::int64_t kWienerBins = 64;

/// What a block of bins of one window of frames is read from and written to.
struct WienerBlock {
  std::array<const float*, 2> mixture = {};  ///< of each channel: complex [frames][bins]
  std::vector<const float*> magnitudes;      ///< of each target: [frames][channels][bins]
  std::vector<float*> estimates;             ///< of each target: complex [channels][all frames][bins]
  std::int64_t channels = 2;
  std::int64_t frames = 0;
  std::int64_t all_frames = 0;
  std::int64_t row = 0;   ///< bins of all blocks: from one frame to the next
  std::int64_t bins = 0;  ///< of this block, up to kWienerBins
  double scale = 1.0;     ///< that the mixture's level is divided by
};

/// Filters all targets (see wiener.hpp).
void filter(const WienerBlock& block);

}  // namespace svsep
