#include "song/film_outputs.hpp"

#include "core/temporary_file.hpp"
#include "media/film.hpp"

#include <filesystem>

namespace svsep {

FilmOutputs::FilmOutputs(const Job& job, const SongSettings& settings)
    : job_(job), existing_(settings.existing), sound_job_(job), sound_settings_(settings) {
  require_picture(job.song.path);
  for (Output& output : sound_job_.outputs) {
    sounds_.push_back(std::make_unique<AtomicFile>(output.path));
    output.path = sounds_.back()->temporary_path();
  }
  sound_settings_.format = film_audio_format(film_extension(job.song.path));
  sound_settings_.existing = ExistingFile::replace;
}

void FilmOutputs::write() const {
  std::vector<std::unique_ptr<AtomicFile>> films;
  for (std::size_t i = 0; i < job_.outputs.size(); ++i) {
    films.push_back(replace_audio(job_.song.path, sound_job_.outputs[i].path, job_.outputs[i].path));
  }
  if (existing_ == ExistingFile::keep) check_free(job_);  // before the first of several has its name
  std::vector<TemporaryFile> added;                       // go away where a later one fails
  for (const auto& film : films) {
    const bool adds = !std::filesystem::exists(film->path());
    film->commit(existing_);
    if (adds) added.emplace_back(film->path());
  }
  for (TemporaryFile& film : added) film.keep();
}

}  // namespace svsep
