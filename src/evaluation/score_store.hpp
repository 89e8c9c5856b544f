#pragma once

#include "evaluation/evaluate_tracks.hpp"
#include "evaluation/museval_json.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace svsep {

/// The files of scores of an evaluation: which there are, and whether they are of what is scored now.
class ScoreStore {
 public:
  /// Creates settings.output. Throws Error(output) where it cannot be written.
  explicit ScoreStore(const EvaluationSettings& settings);

  /// The scores of earlier; nothing where there are none. Throws Error: output (scores of something else, or
  /// of nobody knows what), input (audio or scores that cannot be read).
  [[nodiscard]] std::optional<TrackScores> find(const EvaluationTrack& track, Row row);
  /// Throws Error(output).
  void save(const EvaluationTrack& track, Row row, const TrackScores& scores);

 private:
  struct Place {
    std::filesystem::path path;
    std::optional<ScoreFile> file;  ///< where there is one that can be used or replaced
  };
  [[nodiscard]] Place place_of(const EvaluationTrack& track, Row row, const std::string& references) const;
  [[nodiscard]] Scored scored(const EvaluationTrack& track, Row row);

  const EvaluationSettings& settings_;
  std::string model_hash_;  ///< once it is known
};

}  // namespace svsep
