#include "evaluation/scores.hpp"

#include "svsep/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

namespace svsep {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// museval's order.
constexpr std::array<std::pair<const char*, double BssMetrics::*>, 4> kMetrics = {
    {{"SDR", &BssMetrics::sdr},
     {"SIR", &BssMetrics::sir},
     {"SAR", &BssMetrics::sar},
     {"ISR", &BssMetrics::isr}}};

std::string decibels(double value) {
  if (!std::isfinite(value)) return "NaN";
  std::array<char, 350> text{};  // the longest double has 309 digits before the point
  std::snprintf(text.data(), text.size(), "%.5f", value);
  return text.data();
}

/// JSON has no NaN, museval's files do: gives them null for it, outside of strings.
void replace_nan(std::string& text) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && text.compare(i, 3, "NaN") == 0) {
      text.replace(i, 3, "null");
    }
  }
}

double number(const nlohmann::json& object, const char* key) {
  const nlohmann::json& value = object.at(key);
  return value.is_null() ? kNan : value.get<double>();
}

double number_or_nan(const nlohmann::json& object, const char* key) {
  return object.contains(key) ? number(object, key) : kNan;
}

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
  std::array<std::vector<double>, kMetrics.size()> medians;
  std::vector<double> global_sdr;
  std::vector<double> si_sdr;
  for (const TrackScores& track : tracks) {
    for (const TargetScores& scores : track) {
      if (scores.name != target) continue;
      for (std::size_t m = 0; m < kMetrics.size(); ++m) {
        std::vector<double> values;
        for (const BssMetrics& frame : scores.frames) values.push_back(frame.*kMetrics[m].second);
        medians[m].push_back(median(std::move(values)));
      }
      global_sdr.push_back(scores.global_sdr_db);
      si_sdr.push_back(scores.si_sdr_db);
    }
  }
  Summary summary{target, global_sdr.size(), {}, mean(global_sdr), mean(si_sdr)};
  for (std::size_t m = 0; m < kMetrics.size(); ++m) summary.median.*kMetrics[m].second = median(medians[m]);
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

std::string to_museval_json(const TrackScores& scores) {
  std::string text = "{\n  \"targets\": [";
  for (std::size_t t = 0; t < scores.size(); ++t) {
    const TargetScores& target = scores[t];
    text += t == 0 ? "\n" : ",\n";
    // A stem is named as its file, which need not be UTF-8.
    const std::string name =
        nlohmann::json(target.name).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    text += "    {\n      \"name\": " + name + ",\n      \"uSDR\": " + decibels(target.global_sdr_db) +
            ",\n      \"SI-SDR\": " + decibels(target.si_sdr_db) + ",\n      \"frames\": [";
    for (std::size_t i = 0; i < target.frames.size(); ++i) {
      text += i == 0 ? "\n" : ",\n";
      text += "        {\n          \"time\": " + std::to_string(i) +
              ".0,\n          \"duration\": 1.0,\n          \"metrics\": {";
      for (std::size_t m = 0; m < kMetrics.size(); ++m) {
        text += std::string(m == 0 ? "\n" : ",\n") + "            \"" + kMetrics[m].first +
                "\": " + decibels(target.frames[i].*kMetrics[m].second);
      }
      text += "\n          }\n        }";
    }
    text += target.frames.empty() ? "]\n    }" : "\n      ]\n    }";
  }
  text += scores.empty() ? "]" : "\n  ]";
  return text + ",\n  \"museval_version\": \"0.4.1\"\n}";
}

TrackScores read_museval_json(const std::filesystem::path& path) {
  const auto fail = [&](const std::string& reason) {
    return Error(ErrorKind::input, "cannot read the scores: " + path.string() + ": " + reason);
  };
  std::ifstream file(path, std::ios::binary);
  if (!file) throw fail(std::strerror(errno));
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.bad()) throw fail(std::strerror(errno));
  replace_nan(text);
  try {
    const nlohmann::json document = nlohmann::json::parse(text);
    TrackScores scores;
    for (const auto& target : document.at("targets")) {
      TargetScores read{target.at("name").get<std::string>(),
                        {},
                        number_or_nan(target, "uSDR"),
                        number_or_nan(target, "SI-SDR")};
      for (const auto& frame : target.at("frames")) {
        BssMetrics metrics{};
        for (const auto& [name, member] : kMetrics) metrics.*member = number(frame.at("metrics"), name);
        read.frames.push_back(metrics);
      }
      scores.push_back(std::move(read));
    }
    return scores;
  } catch (const nlohmann::json::exception& error) {
    std::string reason = error.what();
    std::replace(reason.begin(), reason.end(), '\n', ' ');
    throw fail(reason + "; expected museval's JSON");
  }
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
