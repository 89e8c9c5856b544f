#include "import/family_roformer.hpp"
#include "import/mel_bands.hpp"

namespace svsep {
namespace {

bool recognises(const Checkpoint& checkpoint) {
  return is_roformer(checkpoint) && !checkpoint.has("final_norm.gamma");
}

BandRanges bands_of_mel(const ValueTree& /*config*/, const RoformerSpectrum& spectrum, std::int64_t bands) {
  return mel_bands(static_cast<double>(spectrum.sample_rate_hz), spectrum.fft_samples, bands);
}

ImportPlan describe(std::span<const Checkpoint> checkpoints, const ValueTree& config) {
  return describe_roformer(checkpoints, config, kMelBandRoformerFamily, bands_of_mel);
}

}  // namespace

const Family kMelBandRoformerFamily = {"mel-band-roformer", "Mel-Band RoFormer", recognises, describe};

}  // namespace svsep
