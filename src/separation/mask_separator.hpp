#pragma once

#include "svsep/mask_estimator.hpp"
#include "svsep/separator.hpp"

#include <memory>
#include <string>
#include <vector>

namespace svsep {

/// The pipeline of the thesis and our own networks, at full bandwidth: Stft at the song's rate (see
/// stft_at_rate) -> MaskEstimator on what it asks for of the channels -> thresholds -> mask x frames of every
/// channel -> InverseStft -> Resampler where another rate is asked for. Analysis runs on the caller's thread,
/// the estimator and what follows it on two threads of the separator's own.
class MaskSeparator : public Separator {
 public:
  /// See Estimator::make_separator.
  MaskSeparator(MaskEstimator& estimator, const SongFormat& song, const SeparationSettings& settings,
                Sink sink);
  ~MaskSeparator() override;

  [[nodiscard]] const std::vector<std::string>& stems() const noexcept override;
  void push(const AudioBuffer& block) override;
  void finish() override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace svsep
