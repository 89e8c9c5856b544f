#pragma once

#include "evaluation/scores.hpp"
#include "evaluation/track_audio.hpp"
#include "svsep/separator.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace svsep {

/// One stem to score.
struct Target {
  std::string name;
  std::vector<AudioStream> reference = {};  ///< which add up to it
  std::vector<AudioStream> estimate = {};   ///< likewise; none: the model separates the mixture
};

/// A song with its references.
struct EvaluationTrack {
  /// What its file of scores may be called: the first name that the scores of other references have not
  /// taken.
  std::vector<std::string> names;
  std::vector<Target> targets = {};
  std::optional<AudioStream> mixture = {};  ///< absent: the sum of the references
  /// The first so many targets are parts of the last one, the accompaniment. As museval does, they are scored
  /// together with the vocals, then the vocals and the accompaniment as a pair. Only estimates have parts.
  std::size_t parts = 0;
  bool is_musdb18 = false;  ///< read as the musdb package reads its stem files, see round_to_16_bits
};

/// What is scored against a track's references: a row of the table.
enum class Row { estimates, mixture, ibm, irm };

/// The model whose estimates are scored where the tracks bring none.
struct EvaluatedModel {
  std::filesystem::path path;
  std::vector<std::string> stems;                              ///< its own
  std::function<std::unique_ptr<Estimator>()> make_estimator;  ///< called once, when it is needed
};

struct EvaluationSettings {
  std::vector<Row> rows = {Row::estimates};
  std::optional<EvaluatedModel> model;
  std::string estimates_described = "estimates";  ///< in words, for score files: a folder, a model's name
  int threads = 1;
  std::filesystem::path output;  ///< the folder of museval's JSON files; empty: none are read or written
  std::string subset = "test";   ///< the folder in it
  std::filesystem::path pages;   ///< the folder of the pages, see ScorePages; empty: none
  bool overwrite = false;        ///< score again what has a file there, and replace pages
};

struct Evaluation {
  std::vector<std::vector<TrackScores>> scores;  ///< [row][track]; empty where the track failed
  std::size_t reused = 0;                        ///< tracks of which every row had been scored earlier
  std::size_t failed = 0;
};

/// The name of a row other than Row::estimates, and of its folder: "mixture", "IBM" or "IRM".
[[nodiscard]] const char* row_name(Row row);

/// Scores every row of every track with BSSEval v4, uSDR and SI-SDR. A file of scores is used again where it
/// says that it is of the same references and estimates (their audio, or the model's file, counts, not their
/// names); one that is of others, or does not say, is kept, and is an error unless settings.overwrite. A
/// track whose audio cannot be read is logged and counted, one alone throws. For pages, estimates are read
/// or made again. Throws Error: input, output (a file of other scores, a page that is there, a folder that
/// cannot be written), model, runtime; Cancelled.
[[nodiscard]] Evaluation evaluate_tracks(const std::vector<EvaluationTrack>& tracks,
                                         const EvaluationSettings& settings);

}  // namespace svsep
