#pragma once

#include "svsep/separator.hpp"
#include "svsep/stft.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace svsep {

/// What an estimator wants its magnitudes made with.
struct AnalysisParameters {
  int sample_rate_hz = 22050;
  StftParameters stft;
  bool operator==(const AnalysisParameters&) const = default;
};

/// The seam between the streaming separation and whatever computes masks (a network; a fake in tests).
class MaskEstimator : public Estimator {
 public:
  [[nodiscard]] virtual AnalysisParameters analysis() const = 0;
  /// Those that suit the model.
  [[nodiscard]] virtual Thresholds thresholds() const { return {}; }
  /// What the estimator sees of every frame. 1: the root of the channels' mean power, in every bin. 2: that,
  /// and the side, the root of what the power of the channels' mean falls short of it by: 0 in all bins whose
  /// sound lies in the middle, as voices do.
  [[nodiscard]] virtual std::size_t input_planes() const { return 1; }
  /// Frames that estimate() needs to see on either side of those it answers for.
  [[nodiscard]] virtual std::size_t context_frames() const = 0;
  /// Frames that estimate() answers for in one call, so that shapes are fixed and the result does not depend
  /// on how the song was cut.
  [[nodiscard]] virtual std::size_t batch_frames() const = 0;
  /// For a song shorter than a batch estimate() also answers for fewer frames, a multiple of these. (At the
  /// end of a longer song, another shape would cost more than it saves.)
  [[nodiscard]] virtual std::size_t step_frames() const { return batch_frames(); }

  /// The vocal mask of a stretch of a song. `magnitudes` is [context + frames + context][planes][bins],
  /// row-major, unnormalised magnitudes on the frames and bins of analysis().stft, 0 beyond the song's ends;
  /// `mask` is [frames][bins], filled with gains in 0..1. Throws Error(runtime). Not thread safe.
  virtual void estimate(std::span<const float> magnitudes, std::span<float> mask) = 0;

  /// Vocals and accompaniment.
  [[nodiscard]] std::vector<std::string> stems() const final;
  /// A MaskSeparator.
  [[nodiscard]] std::unique_ptr<Separator> make_separator(const SongFormat& song,
                                                          const SeparationSettings& settings,
                                                          Separator::Sink sink) final;
};

}  // namespace svsep
