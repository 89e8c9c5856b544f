#include "dataset/musdb.hpp"

#include "core/log.hpp"
#include "core/text.hpp"
#include "media/list_media.hpp"
#include "svsep/error.hpp"
#include "svsep/stem_file.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <system_error>
#include <utility>

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
constexpr const char* kValidationFolder = "valid";
constexpr std::size_t kFallbackShare = 7;  // a seventh, about what 14 of 100 are
bool is_predefined(std::string_view name) {
  return std::find(kValidationNames.begin(), kValidationNames.end(), name) != kValidationNames.end();
}

constexpr const char* kExpected =
    "MUSDB18 ({0}/*.stem.mp4) or a folder per song with vocals and accompaniment, or drums, bass and other, "
    "as "
    "audio files";

constexpr std::array<std::pair<Stem, Part>, kPartCount> kStemParts = {{{Stem::vocals, Part::vocals},
                                                                       {Stem::drums, Part::drums},
                                                                       {Stem::bass, Part::bass},
                                                                       {Stem::other, Part::other}}};

/// Names of files that hold a part, in lower case.
constexpr std::array<std::pair<std::string_view, Part>, 10> kPartNames = {{{"vocals", Part::vocals},
                                                                           {"vocal", Part::vocals},
                                                                           {"voice", Part::vocals},
                                                                           {"drums", Part::drums},
                                                                           {"bass", Part::bass},
                                                                           {"other", Part::other},
                                                                           {"accompaniment", Part::other},
                                                                           {"instrumental", Part::other},
                                                                           {"no_vocals", Part::other},
                                                                           {"backing", Part::other}}};

/// Sorted, so that the order does not depend on the file system; hidden ones are left out.
std::vector<fs::path> entries_of(const fs::path& folder, std::error_code& code) {
  std::vector<fs::path> paths;
  fs::directory_iterator entry(folder, code);
  for (; !code && entry != fs::directory_iterator(); entry.increment(code)) {
    if (!is_hidden(entry->path())) paths.push_back(entry->path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

Track stem_file_track(const fs::path& path) {
  Track track{path.stem().stem().string(), path, true, {}, path};
  for (const auto& [stem, part] : kStemParts) track.sources.push_back({part, path, stem});
  return track;
}

/// A song as a folder of a file per part. Parts of the accompaniment may be missing; not all of them.
std::optional<Track> folder_track(const fs::path& folder) {
  std::error_code code;
  Track track{folder.filename().string(), folder, false, {}};
  for (const fs::path& path : entries_of(folder, code)) {
    std::error_code ignored;  // what cannot be looked at is no part
    if (!has_media_extension(path) || !fs::is_regular_file(path, ignored)) continue;
    const std::string name = lower_case(path.stem().string());
    if (name == kStemNames[static_cast<std::size_t>(Stem::mixture)] && track.mixture.empty()) {
      track.mixture = path;
    }
    for (const auto& [known, part] : kPartNames) {
      const bool listed = std::any_of(track.sources.begin(), track.sources.end(),
                                      [part = part](const Source& source) { return source.part == part; });
      if (name == known && !listed) track.sources.push_back({part, path});
    }
  }
  std::sort(track.sources.begin(), track.sources.end(),
            [](const Source& a, const Source& b) { return a.part < b.part; });
  const bool is_song = track.sources.size() >= 2 && track.sources.front().part == Part::vocals;
  if (!is_song) {
    logger().warn("left out: {}: {}", folder.string(),
                  code ? code.message()
                       : "is no song; expected vocals and an accompaniment as audio files of "
                         "these names, or drums, bass or other");
    return std::nullopt;
  }
  return track;
}

std::vector<Track> tracks_in(const fs::path& musdb, const char* subset) {
  const fs::path folder = musdb / subset;
  const auto fail = [&](const std::string& reason) {
    return Error(ErrorKind::input, fmt::format("cannot read the dataset: {}: {}; expected {}",
                                               folder.string(), reason, fmt::format(kExpected, subset)));
  };
  std::error_code code;
  const std::vector<fs::path> paths = entries_of(folder, code);
  if (code) throw fail(code.message());
  std::vector<Track> tracks;
  for (const fs::path& path : paths) {
    if (fs::is_directory(path, code)) {
      if (auto track = folder_track(path)) tracks.push_back(*std::move(track));
    } else if (fs::is_regular_file(path, code) && is_stem_file(path)) {
      tracks.push_back(stem_file_track(path));
    }
  }
  if (tracks.empty()) throw fail("no song");
  return tracks;
}

/// Those that validation_songs() chooses.
std::vector<Track> set_aside(std::vector<Track> tracks) {
  std::vector<std::string> names;
  for (const Track& track : tracks) names.push_back(track.name);
  const std::vector<bool> aside = validation_songs(names);
  std::vector<Track> chosen;
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    if (aside[i]) chosen.push_back(std::move(tracks[i]));
  }
  return chosen;
}

}  // namespace

const char* name_of(Subset subset) {
  switch (subset) {
    case Subset::train:
      return "train";
    case Subset::validation:
      return "validation";
    case Subset::test:
      break;
  }
  return "test";
}

bool has_validation_folder(const fs::path& musdb) {
  std::error_code code;
  return fs::is_directory(musdb / kValidationFolder, code);
}

std::vector<Track> list_tracks(const fs::path& musdb, Subset subset) {
  if (subset == Subset::validation) {
    return has_validation_folder(musdb) ? tracks_in(musdb, kValidationFolder)
                                        : set_aside(tracks_in(musdb, name_of(Subset::train)));
  }
  return tracks_in(musdb, name_of(subset));
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
