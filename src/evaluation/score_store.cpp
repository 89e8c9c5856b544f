#include "evaluation/score_store.hpp"

#include "core/atomic_file.hpp"
#include "dataset/content_hash.hpp"
#include "svsep/error.hpp"

#include <fmt/format.h>
#include <system_error>
#include <unistd.h>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr int kScoring = 1;  ///< to be raised where a change of svsep changes the scores of the same audio

std::string stream_text(const AudioStream& stream) {
  return fmt::format("{:016x}:{};", hash_file(stream.path), stream.index);
}

std::string short_hash(const std::string& text) { return fmt::format("{:016x}", hash_bytes(text)); }

std::string hash_of_references(const EvaluationTrack& track) {
  std::string text = fmt::format("scoring {} {};", kScoring, track.is_musdb18);
  for (const Target& target : track.targets) {
    text += target.name + "=";
    for (const AudioStream& stream : target.reference) text += stream_text(stream);
  }
  return short_hash(text);
}

[[noreturn]] void refuse(const fs::path& path, const std::string& holds, const std::string& wanted) {
  throw Error(
      ErrorKind::output,
      fmt::format("cannot write: {}: holds the scores of {}; expected those of {}; see --overwrite, or "
                  "choose another --output",
                  path.string(), holds, wanted));
}

/// Nothing where the file holds no scores and is to be replaced anyway.
std::optional<ScoreFile> scores_in(const fs::path& path, bool overwrite) {
  try {
    return read_museval_json(path);
  } catch (const Error& error) {
    if (overwrite) return std::nullopt;
    throw Error(ErrorKind::output, fmt::format("cannot write: {}; see --overwrite", error.what()));
  }
}

}  // namespace

ScoreStore::ScoreStore(const EvaluationSettings& settings) : settings_(settings) {
  if (settings.output.empty()) return;
  std::error_code code;
  fs::create_directories(settings.output, code);
  if (code || ::access(settings.output.c_str(), W_OK) != 0) {
    throw Error(ErrorKind::output, fmt::format("cannot write: {}: {}", settings.output.string(),
                                               code ? code.message() : "not a writable folder"));
  }
}

/// In folders as museval's EvalStore (which reads test/ only) and MethodStore expect them.
ScoreStore::Place ScoreStore::place_of(const EvaluationTrack& track, Row row,
                                       const std::string& references) const {
  const fs::path folder =
      (row == Row::estimates ? settings_.output : settings_.output / row_name(row)) / settings_.subset;
  fs::path path;
  for (const std::string& name : track.names) {
    path = folder / (name + ".json");
    if (!fs::exists(path)) return {path, {}};
    std::optional<ScoreFile> file = scores_in(path, settings_.overwrite);
    if (!file || !file->scored || file->scored->references == references) return {path, std::move(file)};
  }
  if (settings_.overwrite) return {path, {}};
  refuse(path, "other references", "the references given");
}

Scored ScoreStore::scored(const EvaluationTrack& track, Row row) {
  std::string text = row == Row::estimates ? "" : row_name(row);
  if (row == Row::estimates && settings_.model) {
    if (model_hash_.empty()) model_hash_ = fmt::format("{:016x}", hash_file(settings_.model->path));
    text = "model " + model_hash_ + (track.mixture ? stream_text(*track.mixture) : "");
  } else if (row == Row::estimates) {
    for (const Target& target : track.targets) {
      text += target.name + "=";
      for (const AudioStream& stream : target.estimate) text += stream_text(stream);
    }
  }
  return {hash_of_references(track), short_hash(text),
          row == Row::estimates ? settings_.estimates_described : row_name(row)};
}

std::optional<TrackScores> ScoreStore::find(const EvaluationTrack& track, Row row) {
  if (settings_.output.empty() || settings_.overwrite) return std::nullopt;
  const Scored wanted = scored(track, row);
  Place place = place_of(track, row, wanted.references);
  if (!place.file) return std::nullopt;  // none yet
  if (!place.file->scored) refuse(place.path, "estimates that it does not name", wanted.described);
  if (place.file->scored->estimates != wanted.estimates) {
    const std::string& holds = place.file->scored->described;
    refuse(place.path, holds == wanted.described ? holds + " as it was before" : holds, wanted.described);
  }
  return std::move(place.file->scores);
}

void ScoreStore::save(const EvaluationTrack& track, Row row, const TrackScores& scores) {
  if (settings_.output.empty()) return;
  const Scored now = scored(track, row);
  write_file(place_of(track, row, now.references).path, to_museval_json(scores, now));
}

}  // namespace svsep
