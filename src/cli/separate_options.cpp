#include "cli/separate_options.hpp"

#include "cli/options.hpp"
#include "core/limits.hpp"
#include "core/text.hpp"
#include "song/inputs.hpp"
#include "song/output_plan.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace svsep::cli {
namespace {

constexpr float kMaxGainDb = 60;

[[noreturn]] void refuse(const std::string& text) { throw Error(ErrorKind::usage, text); }

[[noreturn]] void refuse_pair(const std::string& first, const std::string& second) {
  refuse(first + " and " + second + " cannot go together");
}

/// Names with commas between, in any case; which exist, the model says.
std::vector<std::string> parse_stems(const std::string& text) {
  std::vector<std::string> stems;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    stems.push_back(lower_case(text.substr(begin, end - begin)));
    if (stems.back().empty()) {
      throw CLI::ValidationError("--stems", "expected names with commas between, got " + text);
    }
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
  verb.add_option("SONG", options.songs,
                  "Files that FFmpeg decodes, folders (with all below), playlists, - for standard input");
  CLI::Option* list = verb.add_option("--list", options.list,
                                      "File that names more songs, one per line; - for standard input")
                          ->group("Input");
  verb.add_flag("--null", options.list_has_nulls,
                "A NUL ends each path of --list, as find -print0 writes them")
      ->needs(list)
      ->group("Input");
  verb.add_option("--name", options.stdin_name, "Name of the song on standard input [stdin]")->group("Input");
  verb.add_option("--shard", options.shard, "I/N: only the I-th of every N songs, for several machines")
      ->group("Input");
  add_time(
      verb, "--start", [&](double seconds) { options.range.start_s = seconds; },
      "Begin at this time of the song: seconds, m:ss or h:mm:ss")
      ->group("Input");
  add_time(
      verb, "--end", [&](double seconds) { options.range.end_s = seconds; }, "End at this time of the song")
      ->group("Input");
  verb.add_option_function<std::string>(
          "--stream",
          [&](const std::string& text) {
            const bool is_number =
                text.size() <= 4 && text.find_first_not_of("0123456789") == std::string::npos;
            if (is_number) options.stream = std::stoul(text);
            if (!is_number) options.language = text;
          },
          "Of several audio streams: a number from 0, or a language such as eng [the default one]")
      ->type_name("N")
      ->group("Input");
}

void add_files(CLI::App& verb, SeparateOptions& options) {
  verb.add_option("-o,--output", options.output, "Folder of the outputs; - for standard output, of one stem")
      ->capture_default_str()
      ->group("Output");
  verb.add_option(
          "--output-template", options.name_template,
          fmt::format("Paths in that folder [{}, for stem.mp4 {}]", kOutputTemplate, kStemFileTemplate))
      ->group("Output");
  CLI::Option* overwrite =
      verb.add_flag("--overwrite", options.overwrite, "Replace outputs that exist")->group("Output");
  verb.add_flag("--skip-existing", options.skip_existing, "Leave out songs whose outputs all exist")
      ->excludes(overwrite)
      ->group("Output");
  verb.add_flag("--stem-in-title", options.titles_name_stems, "Title tags name the stem: Song (vocals)")
      ->group("Output");
  verb.add_flag("--plot", options.plot, "Also draw spectrograms of mixture and stems, a PNG per song")
      ->group("Output");
  verb.add_flag("--page", options.page,
                "Also write a page to look and listen: all stems in sync in the browser, and the mixture")
      ->group("Output");
  CLI::Option* json = verb.add_flag("--json", options.json,
                                    "Report each song as a JSON object, one per line, on standard output")
                          ->group("Output");
  verb.add_flag("--json-progress", options.json_progress, "Also report when a song starts and how far it is")
      ->needs(json)
      ->group("Output");
}

void add_format(CLI::App& verb, SeparateOptions& options) {
  std::vector<std::pair<std::string, std::optional<AudioFormat>>> formats = {{"wav", AudioFormat::wav_s24}};
  for (const FormatName& format : kFormatNames) formats.emplace_back(format.name, format.format);
  formats.emplace_back(kStemFileExtension, std::nullopt);
  CLI::Option* format =
      add_choice(verb, "--format", options.format, "wav", formats,
                 "Of the stems; wav is wav24; stem.mp4: one file with the mixture and the stems")
          ->group("Output");
  verb.add_flag("--keep-video", options.keep_video,
                "Of films: write films again, with the stem or the karaoke mix as their sound")
      ->excludes(format)
      ->group("Output");
  verb.add_option("--bitrate", options.bitrate_kbps, "kbit/s of a lossy format [the format's]")
      ->check(within(8, 2000))
      ->group("Output");
  verb.add_option("--sample-rate", options.sample_rate_hz, "Hz of the outputs [the song's]")
      ->check(within(1000, kMaxSampleRateHz))
      ->group("Output");
  add_choice<ClipPolicy>(verb, "--clip", options.clip, "clip",
                         {{"clip", ClipPolicy::clip}, {"rescale", ClipPolicy::rescale}},
                         "Beyond full scale: cut and count (float keeps it), or turn all outputs down alike")
      ->group("Output");
}

void add_mixes(CLI::App& verb, SeparateOptions& options) {
  CLI::Option* stems = verb.add_option_function<std::string>(
                               "--stems", [&](const std::string& text) { options.stems = parse_stems(text); },
                               "Which to write: names that the model has, all, rest (the mixture less "
                               "all) [vocals,accompaniment]")
                           ->type_name("NAMES")
                           ->group("Output");
  CLI::Option* karaoke =
      verb.add_flag("--karaoke", options.karaoke, "Write one mix of both stems instead, by the two gains")
          ->excludes(stems)
          ->group("Output");
  verb.add_option("--vocal-gain", options.vocals_gain_db, "dB of the vocals in the karaoke mix [-inf]")
      ->check(CLI::Validator(check_gain, ""))
      ->needs(karaoke)
      ->group("Output");
  verb.add_option("--acc-gain", options.accompaniment_gain_db,
                  "dB of the accompaniment in the karaoke mix [0]")
      ->check(CLI::Validator(check_gain, ""))
      ->needs(karaoke)
      ->group("Output");
}

void add_separation(CLI::App& verb, SeparateOptions& options) {
  verb.add_option("-m,--model", options.model, "Name of a shipped model, or path of a model file")
      ->capture_default_str()
      ->group("Separation");
  verb.add_option("--vocal-thresh", options.vocals_threshold,
                  "Mask values below become 0 in the vocals, 0 is off [the model's]")
      ->check(within(0.0, 1.0))
      ->group("Separation");
  verb.add_option("--acc-thresh", options.accompaniment_threshold,
                  "Mask values below become 0 in the accompaniment, 0 is off [the model's]")
      ->check(within(0.0, 1.0))
      ->group("Separation");
  add_choice<HighBand>(
      verb, "--high-band", options.separation.high_band, "split",
      {{"split", HighBand::split}, {"accompaniment", HighBand::accompaniment}, {"drop", HighBand::drop}},
      "Where frequencies above the model's band go; split: to both, as the mask says")
      ->group("Separation");
  add_choice<AccompanimentSource>(
      verb, "--acc-from", options.separation.accompaniment, "mask",
      {{"mask", AccompanimentSource::mask}, {"residual", AccompanimentSource::residual}},
      "The accompaniment is (1 - mask) x mixture, or mixture - vocals")
      ->group("Separation");
  verb.add_option("--overlap", options.estimator.overlap,
                  "Share of a chunk (of a window, for the thesis' CNN) that the next one sees again: slower "
                  "and smoother [the model's]")
      ->check(within(0.0, 0.99))
      ->group("Separation");
  verb.add_flag("--float32", options.estimator.float32,
                "Run the network in float32 also where bfloat16 (some CPUs) or float16 (CUDA) is faster")
      ->group("Separation");
}

void add_resources(CLI::App& verb, SeparateOptions& options) {
  verb.add_option("-j,--jobs", options.parallel_jobs, "Songs at a time; they share the CPU threads")
      ->check(within(1, 256))
      ->capture_default_str()
      ->group("Resources");
  add_device_options(verb, options.estimator.device, options.estimator.threads);
}

void validate_inputs(const SeparateOptions& options) {
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
  if (!options.stdin_name) return;
  const std::string& name = *options.stdin_name;
  if (!reads_stdin) refuse("--name names the song on standard input; expected - among the songs");
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
    refuse("--name: expected the name of a song, got \"" + name + "\"");
  }
}

void validate_films(const SeparateOptions& options) {
  const auto refuse_other = [](bool is_given, const char* other) {
    if (is_given) refuse_pair("--keep-video", other);
  };
  refuse_other(std::find(options.songs.begin(), options.songs.end(), kStdin) != options.songs.end(),
               "a song on standard input (-)");
  refuse_other(options.range.start_s > 0, "--start");
  refuse_other(options.range.end_s.has_value(), "--end");
  refuse_other(options.output == kStdout, "--output -");
  refuse_other(options.titles_name_stems, "--stem-in-title");
  refuse_other(options.plot, "--plot");
  refuse_other(options.page, "--page");
}

void validate_outputs(const SeparateOptions& options) {
  if (options.keep_video) validate_films(options);
  if (!options.format) {
    if (options.karaoke) refuse_pair("--format stem.mp4", "--karaoke");
    if (options.page) refuse_pair("--format stem.mp4", "--page");
    if (options.titles_name_stems) refuse_pair("--format stem.mp4", "--stem-in-title");
  } else if (options.bitrate_kbps && !options.keep_video) {
    const FormatName& format = kFormatNames.at(static_cast<std::size_t>(*options.format));
    if (!format.is_lossy) refuse_pair("--bitrate", "--format " + std::string(format.name));
  }
  if (options.output != kStdout) return;
  if (!options.format) refuse_pair("--output -", "--format stem.mp4");
  if (options.json) refuse_pair("--output -", "--json");
  if (options.plot) refuse_pair("--output -", "--plot");
  if (options.page) refuse_pair("--output -", "--page");
  if (options.name_template) refuse_pair("--output -", "--output-template");
  if (options.skip_existing) refuse_pair("--output -", "--skip-existing");
  if (!options.karaoke && (options.stems.size() != 1 || options.stems.front() == "all")) {
    refuse("--output - takes one stem; expected one name at --stems, such as vocals, or --karaoke");
  }
}

}  // namespace

void add_separate_options(CLI::App& verb, SeparateOptions& options) {
  add_inputs(verb, options);
  add_files(verb, options);
  add_format(verb, options);
  add_mixes(verb, options);
  add_separation(verb, options);
  add_resources(verb, options);
}

void validate(const SeparateOptions& options) {
  validate_inputs(options);
  validate_outputs(options);
}

}  // namespace svsep::cli
