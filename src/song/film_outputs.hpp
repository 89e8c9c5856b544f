#pragma once

#include "core/atomic_file.hpp"
#include "song/output_plan.hpp"
#include "song/song_settings.hpp"

#include <memory>
#include <vector>

namespace svsep {

/// The films of a song whose picture is kept: one per mix. Their sound is first written beside them.
class FilmOutputs {
 public:
  /// `job` and `settings` must outlive the object. Throws Error: input (the song has no picture), output.
  FilmOutputs(const Job& job, const SongSettings& settings);

  /// The song with the sounds in place of the films, and the settings to write them with.
  [[nodiscard]] const Job& sound_job() const { return sound_job_; }
  [[nodiscard]] const SongSettings& sound_settings() const { return sound_settings_; }

  /// Once the sounds are there: makes the films, and names them when all are complete. Throws Error(output),
  /// Cancelled.
  void write() const;

 private:
  const Job& job_;
  ExistingFile existing_;
  std::vector<std::unique_ptr<AtomicFile>> sounds_;  ///< never committed: they go away with the object
  Job sound_job_;
  SongSettings sound_settings_;
};

}  // namespace svsep
