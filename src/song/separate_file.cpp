#include "backend/backend.hpp"
#include "media/ffmpeg_library.hpp"
#include "model/find.hpp"
#include "song/separate_song.hpp"
#include "svsep/decoder.hpp"
#include "svsep/svsep.hpp"

#include <string>
#include <vector>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace svsep {
namespace {

/// A file per stem: "all" stands for what the model has.
std::vector<Mix> mixes_of(const std::vector<std::string>& wanted, const Estimator& estimator) {
  std::vector<std::string> stems = {"vocals", "accompaniment"};
  if (!wanted.empty()) stems = wanted;
  if (wanted.size() == 1 && wanted.front() == "all") stems = estimator.stems();
  std::vector<Mix> mixes;
  for (const std::string& stem : stems) mixes.push_back({stem, {{stem, 1.0F}}});
  return mixes;
}

}  // namespace

std::filesystem::path find_model(const std::string& name_or_path) { return find_model_file(name_or_path); }

SongReport separate_file(const std::filesystem::path& song, const std::filesystem::path& folder,
                         const SeparateFileOptions& options) {
  Decoder decoder(song);  // first: a song that cannot be read needs no model
  const ModelFile model(find_model_file(options.model.empty() ? kDefaultModel : options.model));
  EstimatorOptions network;
  network.device = options.device;
  network.threads = options.threads;
  const auto estimator = load_backend().make_estimator(model, network);

  SongSettings settings;
  settings.mixes = mixes_of(options.stems, *estimator);
  settings.format = options.format;
  settings.existing = options.overwrite ? ExistingFile::replace : ExistingFile::keep;
  settings.on_progress = options.on_progress;
  Job job;
  job.song.path = song;
  job.song.name = song_name(song);
  const FormatName& format = kFormatNames.at(static_cast<std::size_t>(options.format));
  for (const Mix& mix : settings.mixes) {
    job.outputs.push_back({mix.name, folder / (mix.name + "." + std::string(format.extension))});
  }
  if (!options.overwrite) check_free(job);  // before the work, not after it
  SongReport report = separate_song(job, decoder, *estimator, settings);
  for (const Output& output : job.outputs) report.outputs.push_back(output.path);
  return report;
}

void configure_process() {
  restrain_ffmpeg();
#ifdef __GLIBC__
  // Layers allocate the same large blocks again and again: keeping them saves the kernel from clearing fresh
  // pages, which otherwise takes a third of a separation's time. The values are glibc's largest threshold,
  // and enough for the largest layers together. One arena, so that the thread that runs the network reuses
  // what loading it has freed.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  mallopt(M_ARENA_MAX, 1);
#endif
}

}  // namespace svsep
