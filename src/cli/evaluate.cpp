#include "backend/backend.hpp"
#include "cli/options.hpp"
#include "cli/verbs.hpp"
#include "core/log.hpp"
#include "dataset/musdb.hpp"
#include "evaluation/evaluate_tracks.hpp"
#include "model/find.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace svsep::cli {
namespace {

namespace fs = std::filesystem;

struct EvaluateOptions {
  std::string musdb;
  Subset subset = Subset::test;
  std::string estimates;  ///< empty: the model separates
  std::string model = kDefaultModel;
  std::string reference;
  std::string estimate;
  std::string output;
  std::string page;
  bool oracle = false;
  bool overwrite = false;
  EstimatorOptions estimator;
};

/// Of the accompaniment.
const std::map<Part, std::string> kParts = {
    {Part::drums, "drums"}, {Part::bass, "bass"}, {Part::other, "other"}};

[[noreturn]] void fail_input(const fs::path& path, const std::string& reason) {
  throw Error(ErrorKind::input, "cannot score: " + path.string() + ": " + reason);
}

AudioStream estimate_of(const std::map<std::string, AudioStream>& estimates, const fs::path& from,
                        const std::string& name) {
  const auto found = estimates.find(name);
  if (found != estimates.end()) return found->second;
  if (!fs::is_directory(from)) fail_input(from, "missing stem; expected a stream with the title " + name);
  fail_input(from / (name + ".wav"), "missing stem; expected " + name + ".wav, .flac or another format");
}

/// Where the estimates of a song are: its folder, or a stem file of its name.
fs::path estimates_of(const fs::path& folder, const std::string& song) {
  const fs::path stem_file = folder / (song + ".stem.mp4");
  return fs::exists(stem_file) && !fs::exists(folder / song) ? stem_file : folder / song;
}

/// The parts of the accompaniment that the song and the estimates both have. A stem called other is that part
/// where drums and bass are stems too, and no further one.
std::vector<Part> common_parts(const Track& track, const std::set<std::string>& stems) {
  std::set<std::string> further = stems;
  for (const char* name : {"vocals", "accompaniment", "drums", "bass", "other"}) further.erase(name);
  std::vector<Part> common;
  for (const auto& [part, name] : kParts) {
    const bool in_song = std::any_of(track.sources.begin(), track.sources.end(),
                                     [wanted = part](const Source& source) { return source.part == wanted; });
    const bool is_known = part != Part::other || (common.size() == 2 && further.empty());
    if (in_song && is_known && stems.contains(name)) common.push_back(part);
  }
  return common;
}

/// Its parts that the estimates have too, the vocals, and the accompaniment.
EvaluationTrack with_targets(const Track& track, const std::vector<Part>& parts) {
  EvaluationTrack result{.names = {track.name}};
  result.is_musdb18 = track.is_stem_file;
  result.parts = parts.size();
  if (!track.mixture.empty()) result.mixture = AudioStream{track.mixture};
  for (const Part part : parts) result.targets.push_back({kParts.at(part)});
  result.targets.push_back({"vocals"});
  result.targets.push_back({"accompaniment"});
  for (const Source& source : track.sources) {
    const AudioStream stream{source.path, source.stem ? static_cast<std::size_t>(*source.stem) : 0};
    const auto part = std::find(parts.begin(), parts.end(), source.part) - parts.begin();
    if (static_cast<std::size_t>(part) < parts.size())
      result.targets[static_cast<std::size_t>(part)].reference.push_back(stream);
    result.targets[parts.size() + (source.part == Part::vocals ? 0 : 1)].reference.push_back(stream);
  }
  return result;
}

EvaluationTrack separated_track(const Track& track, const fs::path& from) {
  const auto estimates = estimates_in(from);
  std::set<std::string> stems;
  for (const auto& [name, stream] : estimates) stems.insert(name);
  EvaluationTrack result = with_targets(track, common_parts(track, stems));
  const bool has_all_parts = result.parts == kParts.size();
  for (Target& target : result.targets) {
    if (target.name == "accompaniment" && has_all_parts && !stems.contains(target.name)) {
      for (const auto& [part, name] : kParts) target.estimate.push_back(estimates.at(name));
    } else {
      target.estimate = {estimate_of(estimates, from, target.name)};
    }
  }
  return result;
}

/// Names for a folder's scores: its own, and with ever more of its parents, if another took that.
std::vector<std::string> names_of(const fs::path& folder) {
  std::vector<std::string> names;
  std::string name;
  for (fs::path path = fs::weakly_canonical(folder); path.has_filename(); path = path.parent_path()) {
    name = name.empty() ? path.filename().string() : fmt::format("{} - {}", path.filename().string(), name);
    names.push_back(name);
  }
  return names;
}

EvaluationTrack folder_track(const EvaluateOptions& options) {
  const auto references = stems_in(options.reference);
  if (references.empty()) fail_input(options.reference, "no stems; expected audio files, got none");
  const auto estimates = estimates_in(options.estimate);
  EvaluationTrack track{.names = names_of(options.reference)};
  for (const auto& [name, path] : references) {
    track.targets.push_back({name, {{path}}, {estimate_of(estimates, options.estimate, name)}});
  }
  return track;
}

/// The tracks whose estimates are there; the others are named in an error and counted.
std::vector<EvaluationTrack> musdb_tracks(const EvaluateOptions& options,
                                          const std::optional<EvaluatedModel>& model, std::size_t& failed) {
  const std::vector<Track> tracks = list_tracks(options.musdb, options.subset);
  std::vector<EvaluationTrack> found;
  for (const Track& track : tracks) {
    try {
      found.push_back(
          model ? with_targets(track, common_parts(track, {model->stems.begin(), model->stems.end()}))
                : separated_track(track, estimates_of(options.estimates, track.name)));
    } catch (const Error& error) {
      if (tracks.size() == 1) throw;
      logger().error("{}", error.what());
      ++failed;
    }
  }
  return found;
}

void print_table(const Evaluation& evaluation, const EvaluationSettings& settings) {
  const auto cell = [](double value) {
    return std::isnan(value) ? std::string("-") : fmt::format("{:.3f}", value);
  };
  constexpr const char* kLine = "{:<16}{:<16}{:>6}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}\n";
  fmt::print(kLine, "estimates", "stem", "tracks", "SDR", "SIR", "ISR", "SAR", "uSDR", "SI-SDR");
  for (std::size_t r = 0; r < settings.rows.size(); ++r) {
    const std::string row = settings.rows[r] == Row::estimates && settings.model
                                ? settings.model->path.stem().string()
                                : row_name(settings.rows[r]);
    for (const Summary& summary : summarise(evaluation.scores[r])) {
      fmt::print(kLine, row, summary.target, summary.tracks, cell(summary.median.sdr),
                 cell(summary.median.sir), cell(summary.median.isr), cell(summary.median.sar),
                 cell(summary.mean_global_sdr_db), cell(summary.mean_si_sdr_db));
    }
  }
}

EvaluationSettings settings_of(const EvaluateOptions& options) {
  EvaluationSettings settings;
  if (options.oracle) settings.rows = {Row::estimates, Row::mixture, Row::ibm, Row::irm};
  settings.threads = options.estimator.threads > 0
                         ? options.estimator.threads
                         : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  settings.output = options.output;
  settings.subset = name_of(options.musdb.empty() ? Subset::test : options.subset);
  settings.pages = options.page;
  settings.overwrite = options.overwrite;
  settings.estimates_described = options.musdb.empty() ? options.estimate : options.estimates;
  if (options.musdb.empty() || !options.estimates.empty()) return settings;
  const auto model = std::make_shared<ModelFile>(find_model_file(options.model));
  settings.estimates_described = "model " + model->path().stem().string();
  settings.model = {model->path(),
                    model->info().chunks ? model->info().chunks->stems : std::vector<std::string>(),
                    [model, estimator = options.estimator] {
                      EstimatorOptions chosen = estimator;
                      if (model->info().chunks) chosen.stems = {"all", "accompaniment"};
                      announce_threads(chosen.threads);
                      chosen.device = load_backend().choose_device(chosen.device);
                      return load_backend().make_estimator(*model, chosen);
                    }};
  return settings;
}

int evaluate(const EvaluateOptions& options) {
  if (options.musdb.empty() && options.reference.empty()) {
    throw Error(ErrorKind::usage, "nothing to score; expected --musdb, or --reference and --estimate");
  }
  std::size_t unpaired = 0;
  const EvaluationSettings settings = settings_of(options);
  const std::vector<EvaluationTrack> tracks = options.musdb.empty()
                                                  ? std::vector{folder_track(options)}
                                                  : musdb_tracks(options, settings.model, unpaired);
  const Evaluation evaluation = evaluate_tracks(tracks, settings);
  print_table(evaluation, settings);
  if (evaluation.reused > 0) {
    logger().info("{} of {} tracks were scored earlier: {}", evaluation.reused, tracks.size(),
                  options.output);
  }
  if (const std::size_t failed = evaluation.failed + unpaired; failed > 0) {
    throw Error(ErrorKind::partial, fmt::format("{} of {} tracks failed", failed, tracks.size() + unpaired));
  }
  return 0;
}

}  // namespace

void add_evaluate(CLI::App& app, Action& action) {
  const auto options = std::make_shared<EvaluateOptions>();
  CLI::App& verb = *app.add_subcommand("evaluate", "Score separated stems with BSSEval v4, uSDR and SI-SDR");
  CLI::Option* musdb =
      verb.add_option("--musdb", options->musdb, "Score the songs of MUSDB18 or MUSDB18-HQ in this folder");
  add_choice(verb, "--subset", options->subset, "test",
             {{"test", Subset::test}, {"validation", Subset::validation}, {"train", Subset::train}},
             "Which songs of --musdb");
  CLI::Option* estimates = verb.add_option("--estimates", options->estimates,
                                           "Folder of SONG/vocals.wav and SONG/accompaniment.wav (drums, "
                                           "bass and other too); without it, the "
                                           "model separates")
                               ->needs(musdb);
  verb.add_option("-m,--model", options->model, "Name of a shipped model, or path of a model file")
      ->capture_default_str()
      ->needs(musdb)
      ->excludes(estimates);
  CLI::Option* reference =
      verb.add_option("--reference", options->reference, "Folder of one song's true stems, in any format")
          ->excludes(musdb);
  CLI::Option* estimate = verb.add_option("--estimate", options->estimate,
                                          "Folder of its estimates, named as the references, or a stem file")
                              ->needs(reference);
  reference->needs(estimate);
  verb.add_flag("--oracle", options->oracle, "Score the mixture and the ideal masks IBM and IRM too")
      ->needs(musdb);
  verb.add_option("-o,--output", options->output,
                  "Folder for museval's JSON, a file per song; scores there are used again");
  verb.add_option("--page", options->page,
                  "Folder for pages to hear references and estimates: SONG/index.html, and audio beside it");
  verb.add_flag("--overwrite", options->overwrite, "Score again, and replace other scores and pages");
  add_device_options(verb, options->estimator.device, options->estimator.threads);
  verb.get_option("--threads")->description("CPU threads, 0 for all processors");
  verb.callback([options, &action] { action = [options] { return evaluate(*options); }; });
}

}  // namespace svsep::cli
