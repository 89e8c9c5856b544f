#pragma once

#include "svsep/chunk_estimator.hpp"
#include "svsep/separator.hpp"

#include <memory>
#include <string>
#include <vector>

namespace svsep {

/// The pipeline of published networks: the song at the network's rate (resampled only where it differs) and
/// in its channel count (see channel_groups) -> overlapping chunks -> ChunkEstimator, in batches ->
/// cross-faded overlap-add -> back to the stems' rate -> the wanted sums of mixture and stems. Sums with the
/// mixture are taken at the stems' rate: what lies above the network's band stays in the accompaniment and
/// the rest. Resampling and cutting run on the caller's thread, the estimator and what follows it on two
/// threads of the separator's own. Memory: a few chunks, and a few batches of them with their stems.
///
/// No statistics of the whole song are taken. The `demucs` package normalises the song by the mean and the
/// deviation of its mono mixture; HT-Demucs itself normalises each chunk again and undoes it, so that the
/// song's level does not matter to it, but for 1e-5 that is added to each deviation.
class ChunkSeparator : public Separator {
 public:
  /// See Estimator::make_separator.
  ChunkSeparator(ChunkEstimator& estimator, const SongFormat& song, const SeparationSettings& settings,
                 Sink sink);
  ~ChunkSeparator() override;

  [[nodiscard]] const std::vector<std::string>& stems() const noexcept override;
  void push(const AudioBuffer& block) override;
  void finish() override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace svsep
