#pragma once

#include "evaluation/scores.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace svsep {

/// What the scores in a file are of, so that they are not taken for those of something else.
struct Scored {
  std::string references;  ///< a hash of their audio
  std::string estimates;   ///< a hash of their audio, or of the model file and the mixture
  std::string described;   ///< the estimates in words, for messages: a folder, a model's name
};

/// A track's scores as they lie in a file.
struct ScoreFile {
  TrackScores scores;
  std::optional<Scored> scored;  ///< absent in a file of museval's
};

/// The JSON text that museval 0.4.1 writes of a track (its musdb.schema.json), with windows and hops of one
/// second: decibels to five places, NaN as the bare word, infinite values as NaN too. Beside the frames each
/// target states "uSDR" and "SI-SDR", and the file "svsep_scored"; museval passes over all three.
[[nodiscard]] std::string to_museval_json(const TrackScores& scores,
                                          const std::optional<Scored>& scored = {});

/// Reads a file of that form; one that museval wrote has no global scores, which are NaN then. Throws
/// Error(input) where the file is missing or is no such JSON, with the parser's reason.
[[nodiscard]] ScoreFile read_museval_json(const std::filesystem::path& path);

}  // namespace svsep
