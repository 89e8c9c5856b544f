#include "dataset/musdb.hpp"

#include "svsep/core/error.hpp"
#include "svsep/media/stem_file.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <system_error>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 14> kValidationNames = {
    "Actions - One Minute Smile",
    "Clara Berry And Wooldog - Waltz For My Victims",
    "Johnny Lokke - Promises & Lies",
    "Patrick Talbot - A Reason To Leave",
    "Triviul - Angelsaint",
    "Alexander Ross - Goodbye Bolero",
    "Fergessen - Nos Palpitants",
    "Leaf - Summerghost",
    "Skelpolu - Human Mistakes",
    "Young Griffo - Pennies",
    "ANiMAL - Rockshow",
    "James May - On The Line",
    "Meaxic - Take A Step",
    "Traffic Experiment - Sirens",
};
constexpr std::size_t kFallbackShare = 7;  // a seventh, about what 14 of 100 are
constexpr std::string_view kSuffix = ".stem.mp4";

bool is_predefined(std::string_view name) {
  return std::find(kValidationNames.begin(), kValidationNames.end(), name) != kValidationNames.end();
}

}  // namespace

std::vector<Track> list_tracks(const fs::path& musdb, Subset subset) {
  const fs::path folder = musdb / (subset == Subset::train ? "train" : "test");
  std::error_code code;
  fs::directory_iterator entries(folder, code);
  if (code) {
    throw Error(ErrorKind::input, "cannot read the dataset: " + folder.string() + ": " + code.message() +
                                      "; expected the MUSDB18 folders train and test in " + musdb.string());
  }
  std::vector<Track> tracks;
  for (const fs::directory_entry& entry : entries) {
    if (!entry.is_regular_file(code) || !is_stem_file(entry.path())) continue;
    const std::string file = entry.path().filename().string();
    tracks.push_back({file.substr(0, file.size() - kSuffix.size()), entry.path()});
  }
  if (tracks.empty()) {
    throw Error(ErrorKind::input,
                "cannot read the dataset: " + folder.string() + ": no tracks; expected *.stem.mp4, got none");
  }
  std::sort(tracks.begin(), tracks.end(), [](const Track& a, const Track& b) { return a.path < b.path; });
  return tracks;
}

double common_duration_s(const Track& track) {
  const MediaInfo info = probe(track.path);
  const auto fail = [&](const std::string& reason) -> void {
    throw Error(ErrorKind::input, "cannot use track: " + track.path.string() + ": " + reason);
  };
  if (info.audio_streams.size() != kStemNames.size()) {
    fail("is no stem file; expected 5 audio streams, got " + std::to_string(info.audio_streams.size()));
  }
  const auto shortest = std::min_element(
      info.audio_streams.begin(), info.audio_streams.end(),
      [](const auto& a, const auto& b) { return a.duration_s.value_or(0) < b.duration_s.value_or(0); });
  const double duration_s = shortest->duration_s.value_or(0);
  if (!(duration_s > 0)) {
    fail("stream " + std::to_string(shortest - info.audio_streams.begin()) +
         " is empty or of unknown length");
  }
  return duration_s;
}

std::vector<bool> validation_songs(const std::vector<std::string>& names) {
  std::vector<bool> aside;
  for (const std::string& name : names) aside.push_back(is_predefined(name));
  if (std::find(aside.begin(), aside.end(), true) == aside.end()) {
    const std::size_t count = (names.size() + kFallbackShare - 1) / kFallbackShare;
    std::fill_n(aside.rbegin(), count, true);
  }
  return aside;
}

Split split_tracks(const std::vector<Track>& tracks) {
  std::vector<std::string> names;
  for (const Track& track : tracks) names.push_back(track.name);
  const std::vector<bool> aside = validation_songs(names);
  Split split;
  split.predefined = std::any_of(names.begin(), names.end(), is_predefined);
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    (aside[i] ? split.validation : split.training).push_back(tracks[i]);
  }
  if (split.training.empty() || split.validation.empty()) {
    throw Error(ErrorKind::input,
                "cannot split the dataset: too few tracks; expected at least one to train on "
                "and one to validate on, got " +
                    std::to_string(split.training.size()) + " and " +
                    std::to_string(split.validation.size()));
  }
  return split;
}

}  // namespace svsep
