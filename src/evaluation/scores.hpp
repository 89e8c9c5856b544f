#pragma once

#include "evaluation/bsseval.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace svsep {

/// The scores of one stem of one track.
struct TargetScores {
  std::string name;                ///< such as "vocals"
  std::vector<BssMetrics> frames;  ///< one a second
  double global_sdr_db = 0.0;
  double si_sdr_db = 0.0;
};
using TrackScores = std::vector<TargetScores>;

/// Scores a track's estimates with BSSEval v4, the global SDR and SI-SDR; `names`, the references that
/// `bss_eval` was made of, and the estimates are in the same order. Throws as BssEval::score.
[[nodiscard]] TrackScores score_track(const BssEval& bss_eval, const std::vector<std::string>& names,
                                      std::span<const AudioBuffer> references,
                                      std::span<const AudioBuffer> estimates);

/// The JSON text that museval 0.4.1 writes of a track (its musdb.schema.json), with windows and hops of one
/// second: decibels to five places, NaN as the bare word, infinite values as NaN too. Beside the frames each
/// target states "uSDR" and "SI-SDR", which museval passes over.
[[nodiscard]] std::string to_museval_json(const TrackScores& scores);

/// Reads a file of that form; one that museval wrote has no global scores, which are NaN then. Throws
/// Error(input) where the file is missing or is no such JSON, with the parser's reason.
[[nodiscard]] TrackScores read_museval_json(const std::filesystem::path& path);

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
