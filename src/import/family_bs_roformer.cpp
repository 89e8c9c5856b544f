#include "import/family_roformer.hpp"
#include "import/mel_bands.hpp"

#include <fmt/format.h>

namespace svsep {
namespace {

constexpr std::int64_t kMaxBinsOfBand = 32769;

/// Only this RoFormer has one norm after all blocks instead of one after each transformer.
bool recognises(const Checkpoint& checkpoint) {
  return is_roformer(checkpoint) && checkpoint.has("final_norm.gamma");
}

BandRanges configured_bands(const ValueTree& config, const RoformerSpectrum& /*spectrum*/,
                            std::int64_t /*bands*/) {
  BandRanges ranges;
  std::int64_t first = 0;
  for (const std::int64_t bins : config.integers("model.freqs_per_bands", 1, kMaxBinsOfBand)) {
    ranges.first_bins.push_back(first);
    ranges.bins.push_back(bins);
    first += bins;
  }
  return ranges;
}

ImportPlan describe(std::span<const Checkpoint> checkpoints, const ValueTree& config) {
  return describe_roformer(checkpoints, config, kBsRoformerFamily, configured_bands);
}

}  // namespace

const Family kBsRoformerFamily = {"bs-roformer", "BS-RoFormer", recognises, describe};

}  // namespace svsep
