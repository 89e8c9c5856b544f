#pragma once

#include "backend/backend.hpp"
#include "song/inputs.hpp"
#include "song/separate_song.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace svsep::cli {

/// What to do about outputs that exist.
enum class Existing {
  refuse,     ///< the song fails
  overwrite,  ///< replace them
  skip,       ///< leave the song out if it has all of them, else replace them
};

struct BatchSettings {
  SongSettings song;
  Existing existing = Existing::refuse;
  std::size_t parallel_jobs = 1;   ///< songs at a time
  std::filesystem::path overview;  ///< of several songs' pages; empty: none
  bool json = false;               ///< report each song on stdout
  bool json_progress = false;      ///< and its start and progress
  std::string model_name;          ///< as the user gave it
  EstimatorOptions estimator;      ///< its threads are shared out to the parallel jobs
};

/// Separates all songs. One that fails does not stop the others, nor does an `unreadable` folder; the rest is
/// said in a summary and Error(partial). Throws the error itself where there is one song only, or where no
/// song could do (a model or device that cannot be used); Cancelled.
void separate_all(const std::vector<Job>& jobs, const std::vector<UnreadableFolder>& unreadable,
                  const ModelFile& model, const BatchSettings& settings);

}  // namespace svsep::cli
