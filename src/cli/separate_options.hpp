#pragma once

#include "backend/backend.hpp"
#include "model/find.hpp"
#include "song/song_settings.hpp"

#include <optional>
#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's
class App;
}

namespace svsep::cli {

inline constexpr const char* kStemFileExtension = "stem.mp4";

/// What the command line of `svsep separate` says. What is absent was not given.
struct SeparateOptions {
  std::vector<std::string> songs;
  std::string list;
  bool list_has_nulls = false;
  std::optional<std::string> stdin_name;
  std::optional<std::string> shard;

  std::string output = "separated";
  std::optional<std::string> name_template;
  bool overwrite = false;
  bool skip_existing = false;

  std::optional<AudioFormat> format = AudioFormat::wav_s24;  ///< absent: a stem file
  std::optional<int> bitrate_kbps;
  int sample_rate_hz = 0;
  std::vector<std::string> stems;  ///< empty: both
  bool titles_name_stems = false;
  bool karaoke = false;
  bool keep_video = false;
  std::optional<float> vocals_gain_db;
  std::optional<float> accompaniment_gain_db;
  ClipPolicy clip = ClipPolicy::clip;

  std::string model = kDefaultModel;
  std::optional<float> vocals_threshold;
  std::optional<float> accompaniment_threshold;
  TimeRange range;
  std::optional<std::size_t> stream;
  std::string language;
  SeparationSettings separation;  ///< but for the thresholds and the output's rate
  EstimatorOptions estimator;

  int parallel_jobs = 1;
  bool json = false;
  bool json_progress = false;
  bool plot = false;
  bool page = false;
};

/// Adds them to the verb; parsing it fills `options`, which must outlive it.
void add_separate_options(CLI::App& verb, SeparateOptions& options);

/// Throws Error(usage) for conflicts that the parser does not see; the text names both options.
void validate(const SeparateOptions& options);

}  // namespace svsep::cli
