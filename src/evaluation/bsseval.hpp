#pragma once

#include "svsep/audio.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace svsep {

/// The scores of one source in one window, in dB. NaN where some source of the window is silent, +infinity
/// where nothing of an error is left.
struct BssMetrics {
  double sdr;  ///< source to distortion
  double isr;  ///< source image to spatial distortion
  double sir;  ///< source to interference
  double sar;  ///< sources to artifacts
};

/// BSSEval version 4 (Vincent et al. 2007, "First stereo audio source separation evaluation campaign";
/// Stoeter, Liutkus, Ito 2018, arXiv 1804.06267), with museval's conventions: an estimate is projected on the
/// references through distortion filters of 512 taps that hold for the whole track; the errors' energies are
/// then taken in windows that follow each other without overlap, a last piece shorter than a window being
/// left out (a track shorter than a window is one window). A window in which any reference or estimate is
/// silent (its channels sum to 0 at every sample) is NaN for every source.
///
/// The constructor prepares all that depends on the references, score() may then be called for any number of
/// estimates. Double precision throughout; results do not depend on the thread count. Beside the audio it
/// needs 8 * (512 * sources * channels)^2 bytes, and twice that while it is constructed. score() is thread
/// safe.
class BssEval {
 public:
  /// `references`: one or more sources of equal length and channel count; they must outlive the object.
  /// `window_samples` > 0: usually one second. `threads` >= 1. Throws Error(input) where the sources differ
  /// in shape or hold no sample, Error(runtime) where LAPACK fails, Cancelled.
  BssEval(std::span<const AudioBuffer> references, std::size_t window_samples, int threads);
  ~BssEval();
  BssEval(BssEval&&) noexcept;
  BssEval& operator=(BssEval&&) noexcept;

  /// The scores [source][window] of `estimates`, which are in the references' order and have their shape.
  /// Throws as the constructor.
  [[nodiscard]] std::vector<std::vector<BssMetrics>> score(std::span<const AudioBuffer> estimates) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace svsep
