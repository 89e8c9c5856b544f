#include "cli/options.hpp"
#include "cli/separate_batch.hpp"
#include "cli/verbs.hpp"
#include "core/limits.hpp"
#include "model/find.hpp"
#include "song/inputs.hpp"
#include "song/output_plan.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <spdlog/spdlog.h>
#include <string>
#include <string_view>
#include <vector>

namespace svsep::cli {
namespace {

constexpr const char* kTemplate = "{dir}/{track}/{stem}.{ext}";
constexpr const char* kStemFileTemplate = "{dir}/{track}.{ext}";
constexpr const char* kStemFileExtension = "stem.mp4";
constexpr const char* kStdinTrack = "stdin";
constexpr float kMaxGainDb = 60;

/// What the command line says. What is absent was not given.
struct SeparateOptions {
  std::vector<std::string> songs;
  std::string list;
  std::optional<std::string> stdin_track;
  std::optional<std::string> shard;

  std::string output = "separated";
  std::optional<std::string> name_template;
  bool overwrite = false;
  bool skip_existing = false;

  std::optional<AudioFormat> format = AudioFormat::wav_s24;  ///< absent: a stem file
  std::optional<int> bitrate_kbps;
  int sample_rate_hz = 0;
  std::vector<std::string> stems;  ///< empty: both
  bool karaoke = false;
  std::optional<float> vocals_gain_db;
  std::optional<float> accompaniment_gain_db;
  ClipPolicy clip = ClipPolicy::clip;

  std::string model = kDefaultModel;
  std::optional<float> vocals_threshold;
  std::optional<float> accompaniment_threshold;
  TimeRange range;
  SeparationSettings separation;  ///< but for the thresholds and the output's rate
  EstimatorOptions estimator;

  int parallel_jobs = 1;
  bool json = false;
  bool plot = false;
};

[[noreturn]] void refuse(const std::string& text) { throw Error(ErrorKind::usage, text); }

[[noreturn]] void refuse_pair(const std::string& first, const std::string& second) {
  refuse(first + " and " + second + " cannot go together");
}

/// Conflicts that the parser does not see.
void validate(const SeparateOptions& options) {
  if (options.songs.empty() && options.list.empty()) {
    refuse("nothing to separate: expected songs, folders or --list; see svsep separate --help");
  }
  if (options.range.end_s && *options.range.end_s <= options.range.start_s) {
    refuse(fmt::format("nothing to separate: --end {} is not after --start {}", *options.range.end_s,
                       options.range.start_s));
  }
  const bool reads_stdin =
      std::find(options.songs.begin(), options.songs.end(), kStdin) != options.songs.end();
  if (reads_stdin && options.list == kStdin) refuse_pair("a song on standard input (-)", "--list -");
  if (options.stdin_track) {
    const std::string& name = *options.stdin_track;
    if (!reads_stdin) refuse("--name names the song on standard input; expected - among the songs");
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
      refuse("--name: expected the name of a song, got \"" + name + "\"");
    }
  }
  if (!options.format) {
    if (!options.stems.empty()) refuse_pair("--format stem.mp4", "--stems");
    if (options.karaoke) refuse_pair("--format stem.mp4", "--karaoke");
  } else if (options.bitrate_kbps) {
    const FormatName& format = kFormatNames.at(static_cast<std::size_t>(*options.format));
    if (!format.is_lossy) refuse_pair("--bitrate", "--format " + std::string(format.name));
  }
  if (options.output == kStdout) {
    if (!options.format) refuse_pair("--output -", "--format stem.mp4");
    if (options.json) refuse_pair("--output -", "--json");
    if (options.plot) refuse_pair("--output -", "--plot");
    if (options.name_template) refuse_pair("--output -", "--output-template");
    if (options.skip_existing) refuse_pair("--output -", "--skip-existing");
    if (!options.karaoke && options.stems.size() != 1) {
      refuse("--output - takes one stem; expected --stems vocals, --stems accompaniment or --karaoke");
    }
  }
}

float factor_of(float gain_db) { return std::pow(10.0F, gain_db / 20.0F); }  // 0 for minus infinity

std::vector<Mix> mixes_of(const SeparateOptions& options) {
  if (!options.format) return {};
  constexpr float kSilence = -std::numeric_limits<float>::infinity();
  if (options.karaoke) {
    return {{"karaoke",
             {{"vocals", factor_of(options.vocals_gain_db.value_or(kSilence))},
              {"accompaniment", factor_of(options.accompaniment_gain_db.value_or(0))}}}};
  }
  const auto wanted = [&](const char* stem) {
    return options.stems.empty() ||
           std::find(options.stems.begin(), options.stems.end(), stem) != options.stems.end();
  };
  std::vector<Mix> mixes;
  if (wanted("vocals")) mixes.push_back({"vocals", {{"vocals", 1.0F}}});
  if (wanted("accompaniment")) mixes.push_back({"accompaniment", {{"accompaniment", 1.0F}}});
  return mixes;
}

std::vector<Job> plan(const SeparateOptions& options, const std::vector<Song>& songs,
                      const std::vector<Mix>& mixes) {
  if (options.output == kStdout) {
    if (songs.size() > 1) refuse(fmt::format("--output - takes one song, got {}", songs.size()));
    return {Job{songs.front(), {{mixes.front().name, kStdout}}}};
  }
  std::vector<OutputKind> kinds;
  for (const Mix& mix : mixes) {
    kinds.push_back(
        {mix.name, std::string(kFormatNames.at(static_cast<std::size_t>(*options.format)).extension)});
  }
  if (!options.format) kinds.push_back({"stems", kStemFileExtension});
  if (options.plot) kinds.push_back({kSpectrogram, "png"});
  const bool needs_stem_field = kinds.size() > 1 || options.format;
  return plan_outputs(songs, options.output,
                      options.name_template.value_or(needs_stem_field ? kTemplate : kStemFileTemplate),
                      kinds);
}

int separate(const SeparateOptions& options) {
  validate(options);
  const Shard shard = options.shard ? parse_shard(*options.shard) : Shard{};
  const std::vector<Mix> mixes = mixes_of(options);
  const std::vector<Song> songs =
      find_songs({options.songs, options.list, options.stdin_track.value_or(kStdinTrack), options.output});
  const std::vector<Job> all = plan(options, songs, mixes);  // of every shard, so that all see a collision
  std::vector<Job> jobs;
  for (std::size_t i = shard.index - 1; i < all.size(); i += shard.count) jobs.push_back(all[i]);
  if (options.shard) spdlog::info("shard {}: {} of {} songs", *options.shard, jobs.size(), all.size());
  if (jobs.empty()) return 0;

  const ModelFile model(find_model(options.model));
  BatchSettings settings;
  settings.song.range = options.range;
  settings.song.separation = options.separation;
  const Thresholds& suited = model.info().thresholds;
  settings.song.separation.thresholds =
      Thresholds{options.vocals_threshold.value_or(suited.vocals),
                 options.accompaniment_threshold.value_or(suited.accompaniment)};
  settings.song.mixes = mixes;
  settings.song.format = options.format.value_or(AudioFormat::m4a);
  settings.song.bitrate_kbps = options.bitrate_kbps;
  settings.song.sample_rate_hz = options.sample_rate_hz;
  settings.song.clip = options.clip;
  settings.song.plot = options.plot;
  settings.existing = options.skip_existing                            ? Existing::skip
                      : options.overwrite || options.output == kStdout ? Existing::overwrite
                                                                       : Existing::refuse;
  settings.parallel_jobs = static_cast<std::size_t>(options.parallel_jobs);
  settings.json = options.json;
  settings.model_name = options.model;
  settings.estimator = options.estimator;
  settings.estimator.stems = needed_stems(settings.song);
  separate_all(jobs, model, settings);
  return 0;
}

/// "vocals", "accompaniment" or both, with a comma between.
std::vector<std::string> parse_stems(const std::string& text) {
  std::vector<std::string> stems;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string stem = text.substr(begin, end - begin);
    if (stem != "vocals" && stem != "accompaniment") {
      throw CLI::ValidationError("--stems", "expected vocals, accompaniment or both, got " + text);
    }
    stems.push_back(stem);
    begin = end + 1;
  }
  return stems;
}

/// "" or what is wrong with a gain.
std::string check_gain(const std::string& text) {
  float gain_db = 0;
  const bool fits = CLI::detail::lexical_cast(text, gain_db) && gain_db <= kMaxGainDb;
  return fits ? "" : fmt::format("expected decibels up to {} or -inf, got {}", kMaxGainDb, text);
}

void add_inputs(CLI::App& verb, SeparateOptions& options) {
  verb.add_option(
      "SONG", options.songs,
      "Files that FFmpeg decodes, folders (with all below), quoted patterns, - for standard input");
  verb.add_option("--list", options.list, "File that names more songs, a path a line; - for standard input")
      ->group("Input");
  verb.add_option("--name", options.stdin_track, "Name of the song on standard input [stdin]")
      ->group("Input");
  verb.add_option("--shard", options.shard, "I/N: only the I-th of every N songs, for several machines")
      ->group("Input");
  verb.add_option("--start", options.range.start_s, "Begin at this time of the song, in seconds")
      ->check(CLI::NonNegativeNumber)
      ->group("Input");
  verb.add_option("--end", options.range.end_s, "End at this time of the song, in seconds")
      ->check(CLI::NonNegativeNumber)
      ->group("Input");
}

void add_outputs(CLI::App& verb, SeparateOptions& options) {
  verb.add_option("-o,--output", options.output, "Folder of the outputs; - for standard output, of one stem")
      ->capture_default_str()
      ->group("Output");
  verb.add_option(
          "--output-template", options.name_template,
          std::string("Paths in that folder [") + kTemplate + ", for stem.mp4 " + kStemFileTemplate + "]")
      ->group("Output");
  CLI::Option* overwrite =
      verb.add_flag("--overwrite", options.overwrite, "Replace outputs that exist")->group("Output");
  verb.add_flag("--skip-existing", options.skip_existing, "Leave out songs whose outputs all exist")
      ->excludes(overwrite)
      ->group("Output");
  std::vector<std::pair<std::string, std::optional<AudioFormat>>> formats;
  for (const FormatName& format : kFormatNames) formats.emplace_back(format.name, format.format);
  formats.emplace_back(kStemFileExtension, std::nullopt);
  add_choice(verb, "--format", options.format, "wav24", formats,
             "Of the stems; stem.mp4: one file with mixture, accompaniment and vocals")
      ->group("Output");
  verb.add_option("--bitrate", options.bitrate_kbps, "kbit/s of a lossy format [the format's]")
      ->check(CLI::Range(8, 2000))
      ->group("Output");
  verb.add_option("--sample-rate", options.sample_rate_hz, "Hz of the outputs [the song's]")
      ->check(CLI::Range(1000, kMaxSampleRateHz))
      ->group("Output");
  add_choice<ClipPolicy>(verb, "--clip", options.clip, "clip",
                         {{"clip", ClipPolicy::clip}, {"rescale", ClipPolicy::rescale}},
                         "Beyond full scale: cut and count (float keeps it), or turn all outputs down alike")
      ->group("Output");
  CLI::Option* stems = verb.add_option_function<std::string>(
                               "--stems", [&](const std::string& text) { options.stems = parse_stems(text); },
                               "Which to write")
                           ->type_name("vocals,accompaniment")
                           ->group("Output");
  CLI::Option* karaoke =
      verb.add_flag("--karaoke", options.karaoke, "Write one mix of both stems instead, by the two gains")
          ->excludes(stems)
          ->group("Output");
  verb.add_option("--vocal-gain-db", options.vocals_gain_db, "Vocals in the karaoke mix [-inf]")
      ->check(CLI::Validator(check_gain, ""))
      ->needs(karaoke)
      ->group("Output");
  verb.add_option("--accompaniment-gain-db", options.accompaniment_gain_db,
                  "Accompaniment in the karaoke mix [0]")
      ->check(CLI::Validator(check_gain, ""))
      ->needs(karaoke)
      ->group("Output");
  verb.add_flag("--plot", options.plot, "Also draw spectrograms of mixture and stems, a PNG a song")
      ->group("Output");
  verb.add_flag("--json", options.json, "Report each song as a JSON object, a line each, on standard output")
      ->group("Output");
}

void add_separation(CLI::App& verb, SeparateOptions& options) {
  verb.add_option("-m,--model", options.model, "Name of a shipped model, or path of a model file")
      ->capture_default_str()
      ->group("Separation");
  verb.add_option("--vocal-thresh", options.vocals_threshold,
                  "Mask values below become 0 in the vocals, 0 is off [the model's]")
      ->check(CLI::Range(0.0, 1.0))
      ->group("Separation");
  verb.add_option("--acc-thresh", options.accompaniment_threshold,
                  "Mask values below become 0 in the accompaniment, 0 is off [the model's]")
      ->check(CLI::Range(0.0, 1.0))
      ->group("Separation");
  add_choice<HighBand>(
      verb, "--high-band", options.separation.high_band, "split",
      {{"split", HighBand::split}, {"accompaniment", HighBand::accompaniment}, {"drop", HighBand::drop}},
      "Where what lies above the model's band goes; split: to both, as the mask says")
      ->group("Separation");
  add_choice<AccompanimentSource>(
      verb, "--accompaniment", options.separation.accompaniment, "mask",
      {{"mask", AccompanimentSource::mask}, {"residual", AccompanimentSource::residual}},
      "(1 - mask) x mixture, or mixture - vocals")
      ->group("Separation");
  verb.add_option("--stride", options.estimator.stride,
                  "The thesis' CNN only: evaluate it at every N-th frame, faster and a little worse")
      ->check(CLI::Range(1, 9))
      ->capture_default_str()
      ->group("Separation");
  verb.add_option("--overlap", options.estimator.overlap,
                  "The thesis' CNN only: the mask of a frame is the mean of N windows', slower and better")
      ->check(CLI::IsMember({1, 3, 9}))
      ->capture_default_str()
      ->excludes("--stride")
      ->group("Separation");
  verb.add_flag("--float32", options.estimator.float32,
                "Run the network in float32 also where bfloat16 (some CPUs) or float16 (CUDA) is faster")
      ->group("Separation");
}

void add_resources(CLI::App& verb, SeparateOptions& options) {
  verb.add_option("-j,--jobs", options.parallel_jobs, "Songs at a time; they share the CPU threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str()
      ->group("Resources");
  add_device_options(verb, options.estimator.device, options.estimator.threads);
}

}  // namespace

void add_separate(CLI::App& app, Action& action) {
  const auto options = std::make_shared<SeparateOptions>();
  CLI::App& verb = *app.add_subcommand("separate", "Split songs into vocals and accompaniment");
  add_inputs(verb, *options);
  add_outputs(verb, *options);
  add_separation(verb, *options);
  add_resources(verb, *options);
  verb.callback([options, &action] { action = [options] { return separate(*options); }; });
}

}  // namespace svsep::cli
