#include "evaluation/scores.hpp"

#include "dsp/sdr.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace svsep {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double mean(std::vector<double> values) {
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  if (values.empty()) return kNan;
  double sum = 0.0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

/// The mean of the two middle values where their count is even.
double median(std::vector<double> values) {
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  if (values.empty()) return kNan;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2.0;
}

Summary summarise_target(const std::vector<TrackScores>& tracks, const std::string& target) {
  std::array<std::vector<double>, kMusevalMetrics.size()> medians;
  std::vector<double> global_sdr;
  std::vector<double> si_sdr;
  for (const TrackScores& track : tracks) {
    for (const TargetScores& scores : track) {
      if (scores.name != target) continue;
      for (std::size_t m = 0; m < kMusevalMetrics.size(); ++m) {
        std::vector<double> values;
        for (const BssMetrics& frame : scores.frames) values.push_back(frame.*kMusevalMetrics[m].second);
        medians[m].push_back(median(std::move(values)));
      }
      global_sdr.push_back(scores.global_sdr_db);
      si_sdr.push_back(scores.si_sdr_db);
    }
  }
  Summary summary{target, global_sdr.size(), {}, mean(global_sdr), mean(si_sdr)};
  for (std::size_t m = 0; m < kMusevalMetrics.size(); ++m)
    summary.median.*kMusevalMetrics[m].second = median(medians[m]);
  return summary;
}

}  // namespace

TrackScores score_track(const BssEval& bss_eval, const std::vector<std::string>& names,
                        std::span<const AudioBuffer> references, std::span<const AudioBuffer> estimates) {
  const auto frames = bss_eval.score(estimates);
  TrackScores scores;
  for (std::size_t j = 0; j < names.size(); ++j) {
    scores.push_back({names[j], frames[j], global_sdr_db(references[j], estimates[j]),
                      si_sdr_db(references[j], estimates[j])});
  }
  return scores;
}

std::vector<Summary> summarise(const std::vector<TrackScores>& tracks) {
  std::vector<Summary> summaries;
  for (const TrackScores& track : tracks) {
    for (const TargetScores& scores : track) {
      const bool known = std::any_of(summaries.begin(), summaries.end(),
                                     [&](const Summary& summary) { return summary.target == scores.name; });
      if (!known) summaries.push_back(summarise_target(tracks, scores.name));
    }
  }
  return summaries;
}

}  // namespace svsep
