#include "cli/locate.hpp"
#include "cli/options.hpp"
#include "cli/verbs.hpp"
#include "svsep/backend/backend.hpp"
#include "svsep/core/cancellation.hpp"
#include "svsep/core/error.hpp"
#include "svsep/core/progress.hpp"
#include "svsep/media/decoder.hpp"
#include "svsep/media/encoder.hpp"
#include "svsep/media/stem_file.hpp"
#include "svsep/separation/separator.hpp"

#include <chrono>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <spdlog/spdlog.h>
#include <string>
#include <vector>

namespace svsep::cli {
namespace {

namespace fs = std::filesystem;

struct SeparateOptions {
  std::vector<std::string> songs;
  std::string output = "separated";
  std::string model = kDefaultModel;
  std::optional<float> vocal_threshold;          ///< absent: the model's
  std::optional<float> accompaniment_threshold;  ///< absent: the model's
  TimeRange range;
  bool overwrite = false;
  SeparationSettings separation;  ///< but for the thresholds
  EstimatorOptions estimator;
};

/// One song and where its stems go.
struct Job {
  fs::path song;
  fs::path vocals;
  fs::path accompaniment;
};

/// "dir/My Song.mp3" -> "My Song"; "dir/My Song.stem.mp4" -> "My Song".
std::string song_name(const fs::path& song) {
  return is_stem_file(song) ? song.stem().stem().string() : song.stem().string();
}

/// Every path is settled before any work: two songs that want one folder are an error that names both.
std::vector<Job> plan(const SeparateOptions& options) {
  std::vector<Job> jobs;
  std::map<fs::path, fs::path> song_of_folder;
  for (const fs::path song : options.songs) {
    const fs::path folder = fs::path(options.output) / song_name(song);
    const auto [taken, is_new] = song_of_folder.emplace(folder.lexically_normal(), song);
    if (!is_new) {
      throw Error(ErrorKind::usage, "two songs for one folder: " + folder.string() + ": " +
                                        taken->second.string() + " and " + song.string());
    }
    jobs.push_back({song, folder / "vocals.wav", folder / "accompaniment.wav"});
  }
  return jobs;
}

/// Throws Error(output) where a stem would replace an earlier one unasked.
void check_free(const Job& job, const SeparateOptions& options) {
  for (const fs::path& stem : {job.vocals, job.accompaniment}) {
    if (fs::exists(stem) && !options.overwrite) {
      throw Error(ErrorKind::output, "cannot write: " + stem.string() + ": exists already; see --overwrite");
    }
  }
}

void separate_song(const Job& job, Decoder& decoder, MaskEstimator& estimator,
                   const SeparationSettings& settings) {
  const auto start = std::chrono::steady_clock::now();
  const int rate_hz = decoder.sample_rate_hz();
  Encoder vocals(job.vocals, {AudioFormat::wav_s24, rate_hz, decoder.channels()});
  Encoder accompaniment(job.accompaniment, {AudioFormat::wav_s24, rate_hz, decoder.channels()});
  Separator separator(estimator, rate_hz, decoder.channels(), settings,
                      [&](const AudioBuffer& vocal_block, const AudioBuffer& accompaniment_block) {
                        vocals.write(vocal_block);
                        accompaniment.write(accompaniment_block);
                      });
  Progress progress(job.song.filename().string(),
                    static_cast<double>(decoder.expected_samples().value_or(0)));
  std::size_t samples = 0;
  for (AudioBuffer block; decoder.read(block);) {
    throw_if_cancelled();
    separator.push(block);
    samples += block.samples();
    progress.update(static_cast<double>(samples));
  }
  separator.finish();
  throw_if_cancelled();
  vocals.finish();
  accompaniment.finish();
  progress.clear();

  const double song_s = static_cast<double>(samples) / rate_hz;
  const double wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  spdlog::info("{}: {} of audio in {} ({:.1f}x real time)", job.song.string(), format_duration(song_s),
               format_duration(wall_s), song_s / wall_s);
  spdlog::info("  {}", job.vocals.string());
  spdlog::info("  {}", job.accompaniment.string());
  if (const auto count = decoder.damaged_packets(); count > 0) {
    spdlog::warn("{}: {} damaged packets were skipped", job.song.string(), count);
  }
  if (const auto count = decoder.non_finite_samples(); count > 0) {
    spdlog::warn("{}: {} samples that are no numbers were taken as silence", job.song.string(), count);
  }
  if (const auto count = vocals.clipped_samples() + accompaniment.clipped_samples(); count > 0) {
    spdlog::warn("{}: {} samples of the stems were clipped at full scale", job.song.string(), count);
  }
}

int separate(const SeparateOptions& options) {
  if (options.range.end_s && *options.range.end_s <= options.range.start_s) {
    throw Error(ErrorKind::usage, fmt::format("nothing to separate: --end {} is not after --start {}",
                                              *options.range.end_s, options.range.start_s));
  }
  const std::vector<Job> jobs = plan(options);
  const ModelFile model(locate_model(options.model));
  SeparationSettings settings = options.separation;
  settings.thresholds.vocals = options.vocal_threshold.value_or(model.info().thresholds.vocals);
  settings.thresholds.accompaniment =
      options.accompaniment_threshold.value_or(model.info().thresholds.accompaniment);
  std::unique_ptr<MaskEstimator> estimator;  // made for the first song that opens: bad input fails at once

  std::size_t failed = 0;
  for (const Job& job : jobs) {
    try {
      Decoder decoder(job.song, 0, options.range);
      check_free(job, options);
      if (!estimator) estimator = load_backend().make_estimator(model, options.estimator);
      separate_song(job, decoder, *estimator, settings);
    } catch (const Error& error) {
      if (jobs.size() == 1) throw;
      spdlog::error("{}", error.what());
      ++failed;
    }
  }
  if (failed > 0) {
    throw Error(ErrorKind::partial, fmt::format("{} of {} songs failed", failed, jobs.size()));
  }
  return 0;
}

}  // namespace

void add_separate(CLI::App& app, Action& action) {
  const auto options = std::make_shared<SeparateOptions>();
  CLI::App& verb = *app.add_subcommand("separate", "Split songs into vocals.wav and accompaniment.wav");
  verb.add_option("SONG", options->songs, "Audio or video files, anything that FFmpeg decodes")->required();
  verb.add_option("-o,--output", options->output, "Folder; each song gets a folder of its name in it")
      ->capture_default_str();
  verb.add_option("-m,--model", options->model, "Name of a shipped model, or path of a model file")
      ->capture_default_str();
  verb.add_option("--vocal-thresh", options->vocal_threshold,
                  "Mask values below become 0 in the vocals, 0 is off [the model's]")
      ->check(CLI::Range(0.0, 1.0));
  verb.add_option("--acc-thresh", options->accompaniment_threshold,
                  "Mask values below become 0 in the accompaniment, 0 is off [the model's]")
      ->check(CLI::Range(0.0, 1.0));
  add_choice<HighBand>(
      verb, "--high-band", options->separation.high_band, "split",
      {{"split", HighBand::split}, {"accompaniment", HighBand::accompaniment}, {"drop", HighBand::drop}},
      "Where what lies above the model's band goes; split: to both, as the mask says");
  add_choice<AccompanimentSource>(
      verb, "--accompaniment", options->separation.accompaniment, "mask",
      {{"mask", AccompanimentSource::mask}, {"residual", AccompanimentSource::residual}},
      "(1 - mask) x mixture, or mixture - vocals");
  verb.add_option("--start", options->range.start_s, "Begin at this time of the song, in seconds")
      ->check(CLI::NonNegativeNumber);
  verb.add_option("--end", options->range.end_s, "End at this time of the song, in seconds")
      ->check(CLI::NonNegativeNumber);
  verb.add_flag("--overwrite", options->overwrite, "Replace stems that exist already");
  verb.add_option("--stride", options->estimator.stride,
                  "Evaluate the network at every N-th frame only: faster, a little worse")
      ->check(CLI::Range(1, 9))
      ->capture_default_str();
  add_device_options(verb, options->estimator.device, options->estimator.threads);
  verb.callback([options, &action] { action = [options] { return separate(*options); }; });
}

}  // namespace svsep::cli
