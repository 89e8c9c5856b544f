#include "evaluation/museval_json.hpp"

#include "svsep/error.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

namespace svsep {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr const char* kScoredKey = "svsep_scored";

std::string decibels(double value) { return std::isfinite(value) ? fmt::format("{:.5f}", value) : "NaN"; }

/// A JSON string; the name of a file need not be UTF-8.
std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string frame_text(const BssMetrics& frame, std::size_t second) {
  std::string text = fmt::format(
      "        {{\n          \"time\": {}.0,\n          \"duration\": 1.0,\n          \"metrics\": {{",
      second);
  const char* separator = "\n";
  for (const auto& [name, member] : kMusevalMetrics) {
    text += fmt::format("{}            \"{}\": {}", separator, name, decibels(frame.*member));
    separator = ",\n";
  }
  return text + "\n          }\n        }";
}

std::string target_text(const TargetScores& target) {
  std::string text = fmt::format(
      "    {{\n      \"name\": {},\n      \"uSDR\": {},\n      \"SI-SDR\": {},\n      \"frames\": [",
      quoted(target.name), decibels(target.global_sdr_db), decibels(target.si_sdr_db));
  for (std::size_t i = 0; i < target.frames.size(); ++i) {
    text += (i == 0 ? "\n" : ",\n") + frame_text(target.frames[i], i);
  }
  return text + (target.frames.empty() ? "]\n    }" : "\n      ]\n    }");
}

std::string scored_text(const Scored& scored) {
  return fmt::format(
      ",\n  \"{}\": {{\n    \"references\": {},\n    \"estimates\": {},\n    \"described\": {}\n  }}",
      kScoredKey, quoted(scored.references), quoted(scored.estimates), quoted(scored.described));
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

TargetScores target_of(const nlohmann::json& json) {
  TargetScores target{
      json.at("name").get<std::string>(), {}, number_or_nan(json, "uSDR"), number_or_nan(json, "SI-SDR")};
  for (const auto& frame : json.at("frames")) {
    BssMetrics metrics{};
    for (const auto& [name, member] : kMusevalMetrics) metrics.*member = number(frame.at("metrics"), name);
    target.frames.push_back(metrics);
  }
  return target;
}

}  // namespace

std::string to_museval_json(const TrackScores& scores, const std::optional<Scored>& scored) {
  std::string text = "{\n  \"targets\": [";
  for (std::size_t t = 0; t < scores.size(); ++t) text += (t == 0 ? "\n" : ",\n") + target_text(scores[t]);
  text += scores.empty() ? "]" : "\n  ]";
  if (scored) text += scored_text(*scored);
  return text + ",\n  \"museval_version\": \"0.4.1\"\n}";
}

ScoreFile read_museval_json(const std::filesystem::path& path) {
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
    ScoreFile read;
    for (const auto& target : document.at("targets")) read.scores.push_back(target_of(target));
    if (document.contains(kScoredKey)) {
      const nlohmann::json& scored = document.at(kScoredKey);
      read.scored = {scored.at("references").get<std::string>(), scored.at("estimates").get<std::string>(),
                     scored.at("described").get<std::string>()};
    }
    return read;
  } catch (const nlohmann::json::exception& error) {
    std::string reason = error.what();
    std::replace(reason.begin(), reason.end(), '\n', ' ');
    throw fail(reason + "; expected museval's JSON");
  }
}

}  // namespace svsep
