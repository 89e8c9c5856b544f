#include "dataset/musdb.hpp"

#include "svsep/error.hpp"
#include "svsep/stem_file.hpp"

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

std::vector<bool> validation_songs(const std::vector<std::string>& names) {
  std::vector<bool> aside;
  for (const std::string& name : names) aside.push_back(is_predefined(name));
  if (std::find(aside.begin(), aside.end(), true) == aside.end()) {
    const std::size_t count = (names.size() + kFallbackShare - 1) / kFallbackShare;
    std::fill_n(aside.rbegin(), count, true);
  }
  return aside;
}

}  // namespace svsep
