#pragma once

#include "import/family.hpp"

#include <cstdint>

namespace svsep {

/// Whether the tensor names are those of either RoFormer.
[[nodiscard]] bool is_roformer(const Checkpoint& checkpoint);

/// What a RoFormer's configuration settles about its spectrum.
struct RoformerSpectrum {
  std::int64_t channels = 0;
  std::int64_t sample_rate_hz = 0;
  std::int64_t fft_samples = 0;
};

/// Which bins the bands have. Where the checkpoint has other sizes, describe_roformer() says so.
struct BandRanges;
using FindBands = BandRanges (*)(const ValueTree& config, const RoformerSpectrum& spectrum,
                                 std::int64_t bands);

/// Family::describe of the RoFormers, which differ in their bands alone.
[[nodiscard]] ImportPlan describe_roformer(std::span<const Checkpoint> checkpoints, const ValueTree& config,
                                           const Family& family, FindBands find_bands);

}  // namespace svsep
