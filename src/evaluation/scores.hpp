#pragma once

#include "evaluation/bsseval.hpp"

#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace svsep {

/// museval's metrics, in its order.
inline constexpr std::array<std::pair<const char*, double BssMetrics::*>, 4> kMusevalMetrics = {
    {{"SDR", &BssMetrics::sdr},
     {"SIR", &BssMetrics::sir},
     {"SAR", &BssMetrics::sar},
     {"ISR", &BssMetrics::isr}}};

/// The scores of one stem of one track.
struct TargetScores {
  std::string name;                ///< such as "vocals"
  std::vector<BssMetrics> frames;  ///< one per second
  double global_sdr_db = 0.0;
  double si_sdr_db = 0.0;
};
using TrackScores = std::vector<TargetScores>;

/// Scores a track's estimates with BSSEval v4, the global SDR and SI-SDR; `names`, the references that
/// `bss_eval` was made of, and the estimates are in the same order. Throws as BssEval::score.
[[nodiscard]] TrackScores score_track(const BssEval& bss_eval, const std::vector<std::string>& names,
                                      std::span<const AudioBuffer> references,
                                      std::span<const AudioBuffer> estimates);

/// What the field reports of one target: the median over tracks of the medians over a track's windows, and
/// the means over tracks of the global scores. Values that are not finite are left out; NaN where none is
/// left.
struct Summary {
  std::string target;
  std::size_t tracks = 0;  ///< that have this target
  BssMetrics median;
  double mean_global_sdr_db;
  double mean_si_sdr_db;
};

/// One summary a target, in the order in which targets first appear.
[[nodiscard]] std::vector<Summary> summarise(const std::vector<TrackScores>& tracks);

}  // namespace svsep
