#include "cli/separate_batch.hpp"
#include "cli/separate_options.hpp"
#include "cli/verbs.hpp"
#include "core/log.hpp"
#include "separation/stems.hpp"
#include "song/inputs.hpp"
#include "song/output_plan.hpp"
#include "svsep/error.hpp"

#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace svsep::cli {
namespace {

constexpr const char* kStdinName = "stdin";

float factor_of(float gain_db) { return std::pow(10.0F, gain_db / 20.0F); }  // 0 for minus infinity

/// The stems that the model itself gives.
std::vector<std::string> own_stems(const ModelInfo& info) {
  return info.chunks ? info.chunks->stems : mask_stems();
}

/// The stems that are wanted by name; empty: nothing was said.
std::vector<std::string> wanted_stems(const SeparateOptions& options, const ModelInfo& info) {
  if (options.stems.empty()) return {};
  try {
    return choose_stems(own_stems(info), options.stems, info.chunks.has_value());
  } catch (const Error& error) {
    throw Error(error.kind(), std::string("--stems: ") + error.what());
  }
}

/// Options of masks, for a model that has none.
void check_mask_options(const SeparateOptions& options, const ModelInfo& info) {
  if (!info.chunks) return;
  const auto refuse = [&](bool is_given, const char* option) {
    if (!is_given) return;
    throw Error(ErrorKind::usage,
                fmt::format("{}: {} gives its stems without a mask; expected a model of svsep's own", option,
                            options.model));
  };
  refuse(options.vocals_threshold.has_value(), "--vocal-thresh");
  refuse(options.accompaniment_threshold.has_value(), "--acc-thresh");
  refuse(options.separation.high_band != HighBand::split, "--high-band");
  refuse(options.separation.accompaniment != AccompanimentSource::mask, "--acc-from");
}

std::vector<Mix> mixes_of(const SeparateOptions& options, const std::vector<std::string>& stems) {
  if (!options.format) return {};
  constexpr float kSilence = -std::numeric_limits<float>::infinity();
  std::vector<Mix> mixes;
  if (options.page) mixes.push_back({kMixture, {{"vocals", 1.0F}, {"accompaniment", 1.0F}}});
  if (options.karaoke) {
    mixes.push_back({"karaoke",
                     {{"vocals", factor_of(options.vocals_gain_db.value_or(kSilence))},
                      {"accompaniment", factor_of(options.accompaniment_gain_db.value_or(0))}}});
    return mixes;
  }
  for (const std::string& stem : stems.empty() ? mask_stems() : stems)
    mixes.push_back({stem, {{stem, 1.0F}}});
  return mixes;
}

std::vector<Job> plan(const SeparateOptions& options, const std::vector<Song>& songs,
                      const std::vector<Mix>& mixes) {
  if (options.output == kStdout) {
    if (songs.size() > 1) {
      throw Error(ErrorKind::usage, fmt::format("--output - takes one song, got {}", songs.size()));
    }
    return {Job{songs.front(), {{mixes.front().name, kStdout}}}};
  }
  std::vector<OutputKind> kinds;
  for (const Mix& mix : mixes) {
    const auto extension = kFormatNames.at(static_cast<std::size_t>(*options.format)).extension;
    kinds.push_back({mix.name, options.keep_video ? "" : std::string(extension)});
  }
  if (!options.format) kinds.push_back({"stems", kStemFileExtension});
  if (options.plot) kinds.push_back({kSpectrogram, "png"});
  if (options.page) kinds.push_back({kPage, "html"});
  OutputNames names;
  names.folder = options.output;
  names.name_template = options.name_template.value_or(options.format ? kOutputTemplate : kStemFileTemplate);
  names.tells_songs_apart = !options.name_template;
  names.model = std::filesystem::path(options.model).stem().string();
  return plan_outputs(songs, names, kinds);
}

BatchSettings settings_of(const SeparateOptions& options, const ModelFile& model,
                          const std::vector<Mix>& mixes) {
  BatchSettings settings;
  settings.song.range = options.range;
  settings.song.stream = options.stream;
  settings.song.language = options.language;
  settings.song.separation = options.separation;
  const Thresholds& suited = model.info().thresholds;
  settings.song.separation.thresholds =
      Thresholds{options.vocals_threshold.value_or(suited.vocals),
                 options.accompaniment_threshold.value_or(suited.accompaniment)};
  settings.song.mixes = mixes;
  if (const auto stems = wanted_stems(options, model.info()); !stems.empty()) settings.song.stem_file = stems;
  settings.song.format = options.format.value_or(AudioFormat::m4a);
  settings.song.bitrate_kbps = options.bitrate_kbps;
  settings.song.sample_rate_hz = options.sample_rate_hz;
  settings.song.clip = options.clip;
  settings.song.titles_name_stems = options.titles_name_stems;
  settings.song.keep_video = options.keep_video;
  settings.song.plot = options.plot;
  settings.song.page = options.page;
  if (options.page) settings.overview = std::filesystem::path(options.output) / "index.html";
  settings.existing = options.skip_existing                            ? Existing::skip
                      : options.overwrite || options.output == kStdout ? Existing::overwrite
                                                                       : Existing::refuse;
  if (settings.existing == Existing::refuse) settings.song.existing = ExistingFile::keep;
  settings.parallel_jobs = static_cast<std::size_t>(options.parallel_jobs);
  settings.json = options.json;
  settings.json_progress = options.json_progress;
  settings.model_name = options.model;
  settings.estimator = options.estimator;
  settings.estimator.stems = needed_stems(settings.song);
  return settings;
}

int separate(const SeparateOptions& options) {
  validate(options);
  const Shard shard = options.shard ? parse_shard(*options.shard) : Shard{};
  const ModelFile model(find_model_file(options.model));
  check_mask_options(options, model.info());
  const std::vector<Mix> mixes = mixes_of(options, wanted_stems(options, model.info()));
  FoundSongs found = find_songs({options.songs, options.list, options.list_has_nulls,
                                 options.stdin_name.value_or(kStdinName), options.output});
  const std::vector<Job> all = plan(options, found.songs, mixes);  // of every shard: all see a collision
  std::vector<Job> jobs;
  for (std::size_t i = shard.index - 1; i < all.size(); i += shard.count) jobs.push_back(all[i]);
  if (shard.index != 1) found.unreadable.clear();  // the first shard tells of them
  if (options.shard) logger().info("shard {}: {} of {} songs", *options.shard, jobs.size(), all.size());
  if (jobs.empty() && found.unreadable.empty()) return 0;
  separate_all(jobs, found.unreadable, model, settings_of(options, model, mixes));
  return 0;
}

}  // namespace

void add_separate(CLI::App& app, Action& action) {
  const auto options = std::make_shared<SeparateOptions>();
  CLI::App& verb = *app.add_subcommand("separate", "Split songs into vocals and accompaniment");
  add_separate_options(verb, *options);
  verb.callback([options, &action] { action = [options] { return separate(*options); }; });
}

}  // namespace svsep::cli
