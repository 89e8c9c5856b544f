#pragma once

#include "dsp/resampler.hpp"
#include "svsep/audio.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace svsep {

/// Every channel through a resampler; what has come out so far is taken in blocks.
class BlockResampler {
 public:
  BlockResampler(int from_hz, int to_hz, int channels) : out_(static_cast<std::size_t>(channels), 0) {
    for (std::vector<float>& out : out_.channels) {
      resamplers_.emplace_back(from_hz, to_hz, [&out](std::span<const float> samples) {
        out.insert(out.end(), samples.begin(), samples.end());
      });
    }
  }

  /// What came out of this block; valid until the next call.
  const AudioBuffer& push(const AudioBuffer& block) {
    clear();
    for (std::size_t c = 0; c < resamplers_.size(); ++c) resamplers_[c].push(block.channels[c]);
    return out_;
  }
  /// The rest; valid as that of push().
  const AudioBuffer& finish() {
    clear();
    for (Resampler& resampler : resamplers_) resampler.finish();
    return out_;
  }

 private:
  void clear() {
    for (std::vector<float>& channel : out_.channels) channel.clear();
  }

  AudioBuffer out_;
  std::vector<Resampler> resamplers_;
};

}  // namespace svsep
