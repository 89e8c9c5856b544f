#pragma once

#include "svsep/audio.hpp"
#include "svsep/mask_estimator.hpp"

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

/// Where goes what the mixture holds above the model's band (half its sample rate).
enum class HighBand {
  split,          ///< to both: the vocals' share follows the mask of the model's top bins
  accompaniment,  ///< to the accompaniment
  drop,           ///< nowhere (the thesis)
};

/// How the accompaniment is made.
enum class AccompanimentSource {
  mask,      ///< (1 - mask) x mixture
  residual,  ///< mixture - vocals, so that the stems add up to the mixture whatever the thresholds are
};

struct SeparationSettings {
  Thresholds thresholds = {};
  HighBand high_band = HighBand::split;
  AccompanimentSource accompaniment = AccompanimentSource::mask;
  int output_sample_rate_hz = 0;  ///< of the stems; 0: the mixture's
};

/// The STFT for samples at another rate whose frames and bins lie where the model's do, so that a song need
/// not be resampled to be looked at: the sizes in proportion, the hop rounded to one with a fast FFT (frame
/// times and bin frequencies are within 2 % of the model's from 16 kHz on). Magnitudes grow with the window's
/// length.
[[nodiscard]] StftParameters stft_at_rate(const AnalysisParameters& analysis, int sample_rate_hz);

/// The streaming pipeline: samples of the mixture in, samples of both stems out, at full bandwidth:
/// Stft at the song's rate (see stft_at_rate) -> MaskEstimator on what it asks for of the channels ->
/// thresholds
/// -> mask x frames of every channel -> InverseStft -> Resampler where another rate is asked for. The stems
/// have the mixture's rate, channel count and exact length (or what output_sample_rate_hz makes of it), and
/// do not depend on how the input was cut into blocks. Memory does not grow with the song. Analysis runs on
/// the caller's thread, one at a time, the estimator and what follows it on two threads of the separator's
/// own.
class Separator {
 public:
  /// Takes equally long blocks of both stems, in order, on a thread of the separator's. What it throws,
  /// push() or finish() throws.
  using Sink = std::function<void(const AudioBuffer& vocals, const AudioBuffer& accompaniment)>;

  /// `estimator` must outlive the separator. Throws Error(input): a sample rate outside 1..768000 Hz.
  Separator(MaskEstimator& estimator, int sample_rate_hz, int channels, const SeparationSettings& settings,
            Sink sink);
  ~Separator();

  /// Takes a block of any length with the constructor's channel count. Throws also what the estimator throws.
  void push(const AudioBuffer& block);
  /// Gives the rest, and returns when the sink has all. No push after it.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace svsep
