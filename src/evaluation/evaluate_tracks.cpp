#include "evaluation/evaluate_tracks.hpp"

#include "core/log.hpp"
#include "core/progress.hpp"
#include "evaluation/oracle.hpp"
#include "evaluation/score_pages.hpp"
#include "evaluation/score_store.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

namespace svsep {
namespace {

constexpr std::size_t kPaddingSamples = 2048;  // an AAC packet's, of the long kind
constexpr double kSeparationShare = 0.9;       // of the time that a track takes with a model
constexpr std::size_t kBlockSamples = 1U << 16U;

void append(AudioBuffer& audio, const AudioBuffer& block) {
  for (std::size_t c = 0; c < audio.channels.size(); ++c) {
    audio.channels[c].insert(audio.channels[c].end(), block.channels[c].begin(), block.channels[c].end());
  }
}

AudioBuffer part_of(const AudioBuffer& audio, std::size_t begin, std::size_t count) {
  AudioBuffer block(audio.channels.size(), count);
  for (std::size_t c = 0; c < audio.channels.size(); ++c) {
    std::copy_n(audio.channels[c].begin() + static_cast<std::ptrdiff_t>(begin), count,
                block.channels[c].begin());
  }
  return block;
}

/// A track's references and what is read beside them.
class TrackAudio {
 public:
  explicit TrackAudio(const EvaluationTrack& track) : track_(track) {
    for (const Target& target : track.targets) {
      names.push_back(target.name);
      references.push_back(reference(target.reference.front()));
      for (std::size_t i = 1; i < target.reference.size(); ++i) {
        add(references.back(), reference(target.reference[i]));
      }
    }
  }

  /// As the model gets it.
  [[nodiscard]] AudioBuffer mixture() { return track_.mixture ? reader_.read(*track_.mixture) : sum(); }
  /// As an estimate of every stem.
  [[nodiscard]] AudioBuffer scored_mixture() { return track_.mixture ? reference(*track_.mixture) : sum(); }

  /// A stem file's references have the padding at the end, as the musdb package reads them; estimates may
  /// lack it.
  [[nodiscard]] std::vector<AudioBuffer> estimates() {
    const std::size_t tolerance = track_.is_musdb18 ? kPaddingSamples : 0;
    std::vector<AudioBuffer> audio;
    for (const Target& target : track_.targets) {
      audio.push_back(reader_.read_estimate(target.estimate.front(), tolerance));
      for (std::size_t i = 1; i < target.estimate.size(); ++i) {
        add(audio.back(), reader_.read_estimate(target.estimate[i], tolerance));
      }
    }
    return audio;
  }

  [[nodiscard]] int sample_rate_hz() const { return reader_.sample_rate_hz(); }

 private:
  [[nodiscard]] AudioBuffer reference(const AudioStream& stream) {
    AudioBuffer audio = reader_.read(stream);
    if (track_.is_musdb18) round_to_16_bits(audio);
    return audio;
  }

  [[nodiscard]] AudioBuffer sum() const {
    AudioBuffer audio = references[track_.parts];
    for (std::size_t i = track_.parts + 1; i < references.size(); ++i) add(audio, references[i]);
    return audio;
  }

  const EvaluationTrack& track_;
  TrackReader reader_;

 public:
  std::vector<std::string> names;
  std::vector<AudioBuffer> references;
};

/// Targets of a track, one after the other, that are scored together.
struct ScoredTogether {
  std::size_t first = 0;
  std::size_t count = 0;
  std::optional<BssEval> bss_eval = {};
};

class Evaluator {
 public:
  Evaluator(const std::vector<EvaluationTrack>& tracks, const EvaluationSettings& settings)
      : tracks_(tracks),
        settings_(settings),
        store_(settings),
        progress_("evaluate", static_cast<double>(tracks.size() * settings.rows.size())) {
    result_.scores.assign(settings.rows.size(), std::vector<TrackScores>(tracks.size()));
    if (settings.pages.empty()) return;
    std::vector<std::string> names;
    for (const EvaluationTrack& track : tracks) names.push_back(track.names.front());
    pages_.emplace(settings.pages, names, settings.overwrite ? ExistingFile::replace : ExistingFile::keep);
  }

  Evaluation run() {
    std::vector<std::vector<std::size_t>> missing;  // rows, of each track; all are looked up before any work
    for (std::size_t t = 0; t < tracks_.size(); ++t) missing.push_back(find_earlier(t));
    for (std::size_t t = 0; t < tracks_.size(); ++t) {
      if (missing[t].empty()) continue;
      try {
        score(t, missing[t]);
      } catch (const Error& error) {
        if (tracks_.size() == 1 || error.kind() != ErrorKind::input) throw;
        logger().error("{}", error.what());
        for (auto& row : result_.scores) row[t].clear();
        ++result_.failed;
      }
    }
    if (pages_) pages_->finish();
    return std::move(result_);
  }

 private:
  std::vector<std::size_t> find_earlier(std::size_t t) {
    std::vector<std::size_t> missing;
    for (std::size_t r = 0; r < settings_.rows.size(); ++r) {
      try {
        auto scores = store_.find(tracks_[t], settings_.rows[r]);
        if (scores && !(pages_ && settings_.rows[r] == Row::estimates)) {
          result_.scores[r][t] = *std::move(scores);
          advance(1.0);
          continue;
        }
      } catch (const Error& error) {  // audio that cannot be read fails when its turn comes
        if (tracks_.size() == 1 || error.kind() != ErrorKind::input) throw;
      }
      missing.push_back(r);
    }
    if (missing.empty()) ++result_.reused;
    return missing;
  }

  void score(std::size_t t, const std::vector<std::size_t>& missing) {
    TrackAudio audio(tracks_[t]);
    const std::size_t parts = tracks_[t].parts;
    ScoredTogether parts_and_vocals{.first = 0, .count = parts + 1};
    ScoredTogether whole{.first = parts, .count = audio.names.size() - parts};
    for (const std::size_t r : missing) {
      const Row row = settings_.rows[r];
      const std::vector<AudioBuffer> estimates = estimates_of(row, audio);
      TrackScores& scores = result_.scores[r][t];
      if (row == Row::estimates && parts > 0) {
        scores = scored(parts_and_vocals, audio, estimates);
        scores.pop_back();
        std::ranges::move(scored(whole, audio, std::span(estimates).subspan(parts)),
                          std::back_inserter(scores));
      } else {
        scores = scored(whole, audio, estimates);
      }
      store_.save(tracks_[t], row, scores);
      if (pages_ && row == Row::estimates) {
        pages_->write(tracks_[t].names.front(), result_.scores[r][t], audio.sample_rate_hz(),
                      audio.references, estimates);
      }
      advance(row == Row::estimates && settings_.model ? 1.0 - kSeparationShare : 1.0);
    }
  }

  /// `estimates` begins with that of the group's first target.
  TrackScores scored(ScoredTogether& group, const TrackAudio& audio,
                     std::span<const AudioBuffer> estimates) const {
    const auto references = std::span(audio.references).subspan(group.first, group.count);
    if (!group.bss_eval) {  // when the first estimates are there: bad ones are told at once
      group.bss_eval.emplace(references, static_cast<std::size_t>(audio.sample_rate_hz()), settings_.threads);
    }
    const auto name = audio.names.begin() + static_cast<std::ptrdiff_t>(group.first);
    return score_track(*group.bss_eval, {name, name + static_cast<std::ptrdiff_t>(group.count)}, references,
                       estimates.first(group.count));
  }

  /// Of all targets; of the mixture and the ideal masks, of those that are no parts.
  std::vector<AudioBuffer> estimates_of(Row row, TrackAudio& audio) {
    if (row == Row::estimates) {
      return settings_.model ? separate(audio.mixture(), audio.sample_rate_hz(), audio.names)
                             : audio.estimates();
    }
    const std::size_t targets = audio.references.size();
    if (row == Row::mixture) return {2, audio.scored_mixture()};
    auto pair = oracle_estimates(audio.references[targets - 2], audio.references[targets - 1],
                                 row == Row::ibm ? OracleMask::binary : OracleMask::ratio);
    return {std::move(pair[0]), std::move(pair[1])};
  }

  std::vector<AudioBuffer> separate(const AudioBuffer& mixture, int sample_rate_hz,
                                    const std::vector<std::string>& names) {
    if (!estimator_) estimator_ = settings_.model->make_estimator();
    const std::size_t channels = mixture.channels.size();
    std::vector<AudioBuffer> stems(names.size(), AudioBuffer(channels, 0));
    SeparationSettings settings;
    settings.stems = names;
    const auto separator = estimator_->make_separator({sample_rate_hz, static_cast<int>(channels)}, settings,
                                                      [&](std::span<const AudioBuffer> blocks) {
                                                        for (std::size_t i = 0; i < stems.size(); ++i) {
                                                          append(stems[i], blocks[i]);
                                                        }
                                                      });
    for (std::size_t begin = 0; begin < mixture.samples(); begin += kBlockSamples) {
      throw_if_cancelled();
      const std::size_t count = std::min(kBlockSamples, mixture.samples() - begin);
      separator->push(part_of(mixture, begin, count));
      advance(kSeparationShare * static_cast<double>(count) / static_cast<double>(mixture.samples()));
    }
    separator->finish();
    return stems;
  }

  /// Adds to what is done, in rows of tracks.
  void advance(double done) {
    done_ += done;
    progress_.update(done_);
  }

  const std::vector<EvaluationTrack>& tracks_;
  const EvaluationSettings& settings_;
  ScoreStore store_;
  std::optional<ScorePages> pages_;
  std::unique_ptr<Estimator> estimator_;
  Evaluation result_;
  Progress progress_;
  double done_ = 0.0;
};

}  // namespace

const char* row_name(Row row) {
  switch (row) {
    case Row::mixture:
      return "mixture";
    case Row::ibm:
      return "IBM";
    case Row::irm:
      return "IRM";
    case Row::estimates:
      break;
  }
  return "estimates";
}

Evaluation evaluate_tracks(const std::vector<EvaluationTrack>& tracks, const EvaluationSettings& settings) {
  return Evaluator(tracks, settings).run();
}

}  // namespace svsep
