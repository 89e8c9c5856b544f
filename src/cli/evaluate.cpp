#include "backend/backend.hpp"
#include "cli/options.hpp"
#include "cli/verbs.hpp"
#include "core/atomic_file.hpp"
#include "core/progress.hpp"
#include "core/share_work.hpp"
#include "dataset/musdb.hpp"
#include "evaluation/oracle.hpp"
#include "evaluation/scores.hpp"
#include "model/find.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/decoder.hpp"
#include "svsep/error.hpp"
#include "svsep/probe.hpp"
#include "svsep/separator.hpp"
#include "svsep/stem_file.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <spdlog/spdlog.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
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
  bool oracle = false;
  bool overwrite = false;
  std::size_t memory_mib = 0;  ///< 0: half of the machine's
  EstimatorOptions estimator;
};

/// What is scored against a track's references: a row of the table.
enum class Row { estimates, mixture, ibm, irm };

/// What a track is scored with: its stems by name, each the sum of one or more audio streams.
struct Stream {
  fs::path path;
  std::size_t index = 0;
};
struct Target {
  std::string name;
  std::vector<Stream> reference;
  fs::path estimate;  ///< empty: the model separates the mixture
};

[[noreturn]] void fail_input(const fs::path& path, const std::string& reason) {
  throw Error(ErrorKind::input, "cannot score: " + path.string() + ": " + reason);
}

/// The stems in a folder by name; the mixture is none.
std::map<std::string, fs::path> stems_in(const fs::path& folder) {
  std::error_code code;
  fs::directory_iterator entries(folder, code);
  if (code) fail_input(folder, code.message());
  std::map<std::string, fs::path> stems;
  for (const fs::directory_entry& entry : entries) {
    const fs::path& path = entry.path();
    const bool is_stem =
        entry.is_regular_file(code) && (path.extension() == ".wav" || path.extension() == ".flac");
    if (!is_stem || path.stem() == "mixture") continue;
    const auto [other, is_new] = stems.emplace(path.stem().string(), path);
    if (!is_new) fail_input(path, "the same stem as " + other->second.filename().string());
  }
  return stems;
}

fs::path estimate_of(const std::map<std::string, fs::path>& stems, const fs::path& folder,
                     const std::string& name) {
  const auto found = stems.find(name);
  if (found == stems.end())
    fail_input(folder / (name + ".wav"), "missing stem; expected " + name + ".wav or .flac");
  return found->second;
}

std::vector<Target> musdb_targets(const Track& track, const EvaluateOptions& options) {
  const auto stream = [&](Stem stem) { return Stream{track.path, static_cast<std::size_t>(stem)}; };
  std::vector<Target> targets = {
      {"vocals", {stream(Stem::vocals)}, {}},
      {"accompaniment", {stream(Stem::drums), stream(Stem::bass), stream(Stem::other)}, {}}};
  if (options.estimates.empty()) return targets;
  const fs::path folder = fs::path(options.estimates) / track.name;
  const auto stems = stems_in(folder);
  for (Target& target : targets) target.estimate = estimate_of(stems, folder, target.name);
  return targets;
}

std::vector<Target> folder_targets(const EvaluateOptions& options) {
  const auto references = stems_in(options.reference);
  if (references.empty()) fail_input(options.reference, "no stems; expected .wav or .flac files, got none");
  const auto estimates = stems_in(options.estimate);
  std::vector<Target> targets;
  for (const auto& [name, path] : references) {
    targets.push_back({name, {{path}}, estimate_of(estimates, options.estimate, name)});
  }
  return targets;
}

/// Decodes streams that must all have the shape of the first.
class StreamReader {
 public:
  /// A length that differs from the first stream's by `tolerance` samples at most is made equal, with zeros
  /// where it is shorter. Throws Error(input), which names both values.
  AudioBuffer read(const Stream& stream, std::size_t tolerance = 0) {
    throw_if_cancelled();
    Decoder decoder(stream.path, stream.index, {.keeps_end_padding = true});
    expect(stream, "sample rates differ", rate_hz_, decoder.sample_rate_hz(), "Hz");
    expect(stream, "channel counts differ", channels_, decoder.channels(), "channels");
    AudioBuffer audio = read_all(decoder);
    if (decoder.damaged_packets() > 0) {
      spdlog::warn("{}: {} damaged packets were skipped", stream.path.string(), decoder.damaged_packets());
    }
    const std::size_t samples = samples_.value_or(audio.samples());
    if (audio.samples() + tolerance >= samples && audio.samples() <= samples + tolerance) {
      for (auto& channel : audio.channels) {
        channel.resize(samples);
        channel.shrink_to_fit();  // it grew block by block
      }
    }
    expect(stream, "lengths differ", samples_, audio.samples(), "samples");
    return audio;
  }

  [[nodiscard]] int rate_hz() const { return rate_hz_.value(); }

 private:
  template <class Value>
  static void expect(const Stream& stream, const char* what, std::optional<Value>& expected, Value got,
                     const char* unit) {
    if (!expected) expected = got;
    if (*expected == got) return;
    fail_input(stream.path, fmt::format("{} (stream {}); expected {} {}, got {}", what, stream.index,
                                        *expected, unit, got));
  }

  std::optional<int> rate_hz_;
  std::optional<int> channels_;
  std::optional<std::size_t> samples_;
};

/// Lets tracks start while the memory that they need together stays within a bound; one alone may exceed it.
class MemoryBound {
 public:
  explicit MemoryBound(double bytes) : limit_(bytes) {}

  /// Holds some of the memory, and waits for it first.
  class Share {
   public:
    Share(MemoryBound& bound, double bytes) : bound_(bound), bytes_(bytes) {
      std::unique_lock lock(bound_.mutex_);
      bound_.changed_.wait(lock,
                           [&] { return bound_.used_ == 0.0 || bound_.used_ + bytes_ <= bound_.limit_; });
      bound_.used_ += bytes_;
    }
    ~Share() {
      {
        const std::lock_guard lock(bound_.mutex_);
        bound_.used_ -= bytes_;
      }
      bound_.changed_.notify_all();
    }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

   private:
    MemoryBound& bound_;
    double bytes_;
  };

 private:
  double limit_;
  double used_ = 0.0;  // whole bytes, so that all shares given back leave exactly 0
  std::mutex mutex_;
  std::condition_variable changed_;
};

double machine_memory_bytes() {
  return static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGE_SIZE));
}

/// What scoring takes at its peak: the references, the estimates and two streams more in single precision,
/// and the matrices of BssEval.
double needed_bytes(const std::vector<Target>& targets) {
  double samples = 0.0;
  double channels = 0.0;
  double buffers = 2.0;
  for (const Target& target : targets) {
    const MediaInfo media = probe(target.reference[0].path);
    if (target.reference[0].index >= media.audio_streams.size()) {
      fail_input(target.reference[0].path,
                 "no stem file; expected 5 audio streams, got " + std::to_string(media.audio_streams.size()));
    }
    const AudioStreamInfo& info = media.audio_streams[target.reference[0].index];
    samples = std::max(samples, info.sample_rate_hz * info.duration_s.value_or(600.0));
    channels = std::max(channels, static_cast<double>(info.channels));
    buffers += 2.0;
  }
  const double unknowns = 512.0 * channels * static_cast<double>(targets.size());
  return std::ceil(buffers * 4.0 * channels * samples + 2.5 * 8.0 * unknowns * unknowns + 50e6);
}

/// Rounds to 16 bits, as the musdb package (0.4) reads stems, and with it all scores that museval ever gave
/// of MUSDB18. It matters: above the codec's cut-off, rounding is all that a stem holds, and filters that
/// could amplify less than that would find interference and artifacts where the others' scores have none.
void round_to_16_bits(AudioBuffer& audio) {
  for (auto& channel : audio.channels) {
    for (float& sample : channel)
      sample = std::clamp(std::nearbyint(sample * 32768.0F), -32768.0F, 32767.0F) / 32768.0F;
  }
}

void add(AudioBuffer& audio, const AudioBuffer& other) {
  for (std::size_t c = 0; c < audio.channels.size(); ++c) {
    for (std::size_t n = 0; n < audio.samples(); ++n) audio.channels[c][n] += other.channels[c][n];
  }
}

void append(AudioBuffer& audio, const AudioBuffer& block) {
  for (std::size_t c = 0; c < audio.channels.size(); ++c) {
    audio.channels[c].insert(audio.channels[c].end(), block.channels[c].begin(), block.channels[c].end());
  }
}

class Evaluation {
 public:
  explicit Evaluation(const EvaluateOptions& options)
      : options_(options),
        threads_(options.estimator.threads > 0
                     ? options.estimator.threads
                     : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()))),
        memory_(options.memory_mib > 0 ? static_cast<double>(options.memory_mib) * 1024.0 * 1024.0
                                       : machine_memory_bytes() / 2.0),
        rows_(options.oracle ? std::vector{Row::estimates, Row::mixture, Row::ibm, Row::irm}
                             : std::vector{Row::estimates}) {
    if (options.musdb.empty()) {
      const fs::path folder = fs::weakly_canonical(fs::path(options.reference) / ".");
      tracks_ = {{(folder.has_filename() ? folder : folder.parent_path()).filename().string(), folder}};
    } else {
      tracks_ = list_tracks(options.musdb, options.subset);
      if (options.estimates.empty()) model_.emplace(find_model(options.model));
    }
    if (options.output.empty()) return;
    std::error_code code;
    fs::create_directories(options.output, code);
    if (code || ::access(options.output.c_str(), W_OK) != 0) {
      throw Error(ErrorKind::output, "cannot write: " + options.output + ": " +
                                         (code ? code.message() : "not a writable folder"));
    }
  }

  int run() {
    std::vector scores(rows_.size(), std::vector<TrackScores>(tracks_.size()));
    progress_.emplace("evaluate", static_cast<double>(tracks_.size() * rows_.size()));
    std::atomic<std::size_t> failed = 0;
    const int at_once = static_cast<int>(std::min(static_cast<std::size_t>(threads_), tracks_.size()));
    share_work(tracks_.size(), at_once, [&](const NextItem& next) {
      while (const auto index = next()) {
        try {
          const auto of_track = score(tracks_[*index], std::max(1, threads_ / at_once));
          for (std::size_t r = 0; r < rows_.size(); ++r) scores[r][*index] = of_track[r];
        } catch (const Error& error) {
          if (tracks_.size() == 1) throw;
          const std::lock_guard lock(progress_mutex_);
          progress_->clear();
          spdlog::error("{}", error.what());
          ++failed;
        }
      }
    });
    progress_->clear();
    print_table(scores);
    if (failed > 0) {
      throw Error(ErrorKind::partial, fmt::format("{} of {} tracks failed", failed.load(), tracks_.size()));
    }
    return 0;
  }

 private:
  [[nodiscard]] std::string name_of(Row row) const {
    if (row == Row::mixture) return "mixture";
    if (row == Row::ibm) return "IBM";
    if (row == Row::irm) return "IRM";
    return model_ ? model_->path().stem().string() : "estimates";
  }

  /// In folders as museval's EvalStore (which reads test/ only) and MethodStore expect them.
  [[nodiscard]] fs::path json_path(const Track& track, Row row) const {
    fs::path folder = options_.output;
    if (row != Row::estimates) folder /= name_of(row);
    return folder / (options_.subset == Subset::train ? "train" : "test") / (track.name + ".json");
  }

  /// One TrackScores a row, from earlier files or computed now.
  std::vector<TrackScores> score(const Track& track, int threads) {
    std::vector<TrackScores> scores(rows_.size());
    std::vector<std::size_t> missing;
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      const fs::path path = json_path(track, rows_[r]);
      if (options_.output.empty() || options_.overwrite || !fs::exists(path)) {
        missing.push_back(r);
      } else {
        scores[r] = read_museval_json(path);
        advance(1.0);
      }
    }
    if (missing.empty()) return scores;

    const std::vector<Target> targets =
        options_.musdb.empty() ? folder_targets(options_) : musdb_targets(track, options_);
    const MemoryBound::Share share(memory_, needed_bytes(targets));
    StreamReader reader;
    std::vector<std::string> names;
    std::vector<AudioBuffer> references;
    for (const Target& target : targets) {
      names.push_back(target.name);
      references.push_back(reference_stream(target.reference[0], reader));
      for (std::size_t i = 1; i < target.reference.size(); ++i) {
        add(references.back(), reference_stream(target.reference[i], reader));
      }
    }
    std::optional<BssEval> bss_eval;  // made when the first estimates are there: bad ones are told at once
    for (const std::size_t r : missing) {
      const std::vector<AudioBuffer> estimates = estimates_of(rows_[r], track, targets, references, reader);
      if (!bss_eval) bss_eval.emplace(references, static_cast<std::size_t>(reader.rate_hz()), threads);
      scores[r] = score_track(*bss_eval, names, references, estimates);
      if (!options_.output.empty()) write_file(json_path(track, rows_[r]), to_museval_json(scores[r]));
      advance(rows_[r] == Row::estimates && model_ ? 1.0 - kSeparationShare : 1.0);
    }
    return scores;
  }

  [[nodiscard]] AudioBuffer reference_stream(const Stream& stream, StreamReader& reader) const {
    AudioBuffer audio = reader.read(stream);
    if (!options_.musdb.empty()) round_to_16_bits(audio);
    return audio;
  }

  std::vector<AudioBuffer> estimates_of(Row row, const Track& track, const std::vector<Target>& targets,
                                        const std::vector<AudioBuffer>& references, StreamReader& reader) {
    const Stream mixture{track.path, static_cast<std::size_t>(Stem::mixture)};
    if (row == Row::ibm || row == Row::irm) {
      auto pair = oracle_estimates(references[0], references[1],
                                   row == Row::ibm ? OracleMask::binary : OracleMask::ratio);
      return {std::move(pair[0]), std::move(pair[1])};
    }
    if (row == Row::mixture) return {2, reference_stream(mixture, reader)};
    if (model_) return separate(reader.read(mixture), reader.rate_hz());
    // Stem files are read as the musdb package reads them, with the padding at the end; estimates may lack
    // it.
    const std::size_t tolerance = options_.musdb.empty() ? 0 : kPaddingSamples;
    std::vector<AudioBuffer> estimates;
    for (const Target& target : targets) estimates.push_back(reader.read({target.estimate}, tolerance));
    return estimates;
  }

  /// One track at a time: the network takes all threads itself.
  std::vector<AudioBuffer> separate(const AudioBuffer& mixture, int rate_hz) {
    const std::lock_guard lock(estimator_mutex_);
    if (!estimator_) {
      EstimatorOptions options = options_.estimator;
      options.device = load_backend().choose_device(options.device);
      estimator_ = load_backend().make_estimator(*model_, options);
    }
    const std::size_t channels = mixture.channels.size();
    std::vector<AudioBuffer> stems(2, AudioBuffer(channels, 0));
    const auto separator = estimator_->make_separator({rate_hz, static_cast<int>(channels)}, {},
                                                      [&](std::span<const AudioBuffer> blocks) {
                                                        append(stems[0], blocks[0]);
                                                        append(stems[1], blocks[1]);
                                                      });
    constexpr std::size_t kBlockSamples = 1U << 16U;
    for (std::size_t begin = 0; begin < mixture.samples(); begin += kBlockSamples) {
      throw_if_cancelled();
      const std::size_t count = std::min(kBlockSamples, mixture.samples() - begin);
      AudioBuffer block(channels, count);
      for (std::size_t c = 0; c < channels; ++c)
        std::copy_n(mixture.channels[c].begin() + static_cast<std::ptrdiff_t>(begin), count,
                    block.channels[c].begin());
      separator->push(block);
      advance(kSeparationShare * static_cast<double>(count) / static_cast<double>(mixture.samples()));
    }
    separator->finish();
    return stems;
  }

  /// Adds to what is done, in rows of tracks.
  void advance(double done) {
    const std::lock_guard lock(progress_mutex_);
    done_ += done;
    progress_->update(done_);
  }

  void print_table(const std::vector<std::vector<TrackScores>>& scores) const {
    const auto cell = [](double value) {
      return std::isnan(value) ? std::string("-") : fmt::format("{:.3f}", value);
    };
    fmt::print("{:<16}{:<16}{:>6}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}\n", "estimates", "stem", "tracks", "SDR",
               "SIR", "ISR", "SAR", "uSDR", "SI-SDR");
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      for (const Summary& summary : summarise(scores[r])) {
        fmt::print("{:<16}{:<16}{:>6}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}\n", name_of(rows_[r]), summary.target,
                   summary.tracks, cell(summary.median.sdr), cell(summary.median.sir),
                   cell(summary.median.isr), cell(summary.median.sar), cell(summary.mean_global_sdr_db),
                   cell(summary.mean_si_sdr_db));
      }
    }
  }

  static constexpr std::size_t kPaddingSamples = 2048;  // an AAC packet's, of the long kind
  static constexpr double kSeparationShare = 0.9;       // of the time that a track takes with a model

  const EvaluateOptions& options_;
  int threads_;
  MemoryBound memory_;
  std::vector<Row> rows_;
  std::vector<Track> tracks_;
  std::optional<ModelFile> model_;
  std::mutex estimator_mutex_;
  std::unique_ptr<Estimator> estimator_;
  std::mutex progress_mutex_;
  std::optional<Progress> progress_;
  double done_ = 0.0;
};

}  // namespace

void add_evaluate(CLI::App& app, Action& action) {
  const auto options = std::make_shared<EvaluateOptions>();
  CLI::App& verb = *app.add_subcommand("evaluate", "Score separated stems with BSSEval v4, uSDR and SI-SDR");
  CLI::Option* musdb =
      verb.add_option("--musdb", options->musdb,
                      "Score vocals and accompaniment of the *.stem.mp4 in train/ or test/ of this folder");
  add_choice(verb, "--subset", options->subset, "test", {{"test", Subset::test}, {"train", Subset::train}},
             "Tracks of --musdb");
  CLI::Option* estimates =
      verb.add_option(
              "--estimates", options->estimates,
              "Folder of TRACK/vocals.wav and TRACK/accompaniment.wav; without it, the model separates")
          ->needs(musdb);
  verb.add_option("-m,--model", options->model, "Name of a shipped model, or path of a model file")
      ->capture_default_str()
      ->needs(musdb)
      ->excludes(estimates);
  CLI::Option* reference =
      verb.add_option("--reference", options->reference,
                      "Folder of one track's stems, .wav or .flac; mixture.wav is passed over")
          ->excludes(musdb);
  CLI::Option* estimate =
      verb.add_option("--estimate", options->estimate, "Folder of the estimates, named as the references")
          ->needs(reference);
  reference->needs(estimate);
  verb.add_flag("--oracle", options->oracle, "Score the mixture and the ideal masks IBM and IRM too")
      ->needs(musdb);
  verb.add_option("-o,--output", options->output,
                  "Folder for museval's JSON; tracks whose file is there are not scored again");
  verb.add_flag("--overwrite", options->overwrite, "Score them again");
  verb.add_option("--memory", options->memory_mib,
                  "MiB that tracks scored at once may take together [half of the machine's]")
      ->check(CLI::Range(1, 1 << 30));
  add_device_options(verb, options->estimator.device, options->estimator.threads);
  verb.get_option("--threads")->description("CPU threads, 0 for all processors");
  verb.callback([options, &action] {
    action = [options] {
      if (options->musdb.empty() && options->reference.empty()) {
        throw Error(ErrorKind::usage, "nothing to score; expected --musdb, or --reference and --estimate");
      }
      return Evaluation(*options).run();
    };
  });
}

}  // namespace svsep::cli
