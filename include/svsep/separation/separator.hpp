#pragma once

#include "svsep/core/audio.hpp"
#include "svsep/separation/mask_estimator.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace svsep {

/// Values of the vocal mask below `vocals` become 0 in the vocals; values of 1 - mask below `accompaniment`
/// become 0 in the accompaniment. 0 switches one off. Both in 0..1.
struct Thresholds {
  float vocals = 0.0F;
  float accompaniment = 0.0F;
};

/// The streaming pipeline: samples of the mixture in, samples of both stems out, every channel on its own:
/// Resampler -> Stft -> MaskEstimator -> thresholds -> masks x mixture frames -> InverseStft -> Resampler.
/// The stems have the mixture's rate, channel count and exact length, and do not depend on how the input was
/// cut into blocks. Memory does not grow with the song. One thread at a time.
class Separator {
 public:
  /// Takes equally long blocks of both stems, in order.
  using Sink = std::function<void(const AudioBuffer& vocals, const AudioBuffer& accompaniment)>;

  /// `estimator` must outlive the separator.
  Separator(MaskEstimator& estimator, int sample_rate_hz, int channels, const Thresholds& thresholds,
            Sink sink);
  ~Separator();

  /// Takes a block of any length with the constructor's channel count.
  void push(const AudioBuffer& block);
  /// Gives the rest. No push after it.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace svsep
