#include "dataset/collection.hpp"

#include "core/log.hpp"
#include "dataset/content_hash.hpp"
#include "dataset/musdb.hpp"
#include "media/list_media.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fmt/format.h>
#include <system_error>
#include <utility>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kHeldOut = ~std::uint64_t{} / 16;  // hashes up to here: 6.25 %
constexpr std::size_t kManyItems = 5;

[[noreturn]] void fail(const fs::path& folder, const std::string& reason) {
  throw Error(ErrorKind::input, "cannot read the dataset: " + folder.string() + ": " + reason);
}

void add_songs(const DataFolder& songs, std::vector<Item>& items) {
  const auto add = [&](Subset subset, bool validation) {
    for (Track& track : list_tracks(songs.folder, subset)) {
      items.push_back(
          {track.name, Role::song, songs.weight, songs.folder, std::move(track.sources), validation});
    }
  };
  add(Subset::train, false);
  if (has_validation_folder(songs.folder)) add(Subset::validation, true);
}

void add_files(const DataFolder& files, Role role, std::vector<Item>& items) {
  const std::string expected =
      std::string(role == Role::vocals ? "recordings of voices" : "music without voices") +
      " in any audio format, also in subfolders";
  const std::size_t before = items.size();
  const MediaListing listing = list_media(files.folder);
  for (const UnreadableFolder& folder : listing.unreadable) {
    if (folder.path == files.folder) fail(files.folder, folder.reason + "; expected " + expected);
    logger().warn("left out: {}: {}", folder.path.string(), folder.reason);
  }
  for (const fs::path& path : listing.files) {
    const fs::path below = path.lexically_relative(files.folder);
    const Part part = role == Role::vocals ? Part::vocals : Part::other;
    items.push_back({below.generic_string(), role, files.weight, files.folder, {{part, path}}});
  }
  if (items.size() == before) fail(files.folder, "no audio file; expected " + expected);
}

/// Sets aside what the hashes choose among the recordings of `role`.
void split_by_hash(std::vector<Recording>& recordings, Role role, bool songs_validate) {
  std::vector<std::pair<std::uint64_t, Recording*>> hashed;
  for (Recording& recording : recordings) {
    if (recording.role == role) hashed.emplace_back(hash_bytes(recording.name), &recording);
  }
  std::sort(hashed.begin(), hashed.end());
  const bool needs_one = hashed.size() >= kManyItems || (hashed.size() >= 2 && !songs_validate);
  for (std::size_t i = 0; i < hashed.size(); ++i) {
    hashed[i].second->validation =
        (hashed.size() >= kManyItems && hashed[i].first <= kHeldOut) || (i == 0 && needs_one);
  }
}

}  // namespace

DataFolder parse_data_folder(const std::string& text) {
  const std::size_t equals = text.rfind('=');
  std::error_code code;
  if (equals == std::string::npos || fs::exists(text, code)) return {text};
  const std::string number = text.substr(equals + 1);
  char* end = nullptr;
  const double weight = std::strtod(number.c_str(), &end);
  if (number.empty() || *end != '\0') return {text};
  if (!std::isfinite(weight) || !(weight > 0) || equals == 0) {
    throw Error(ErrorKind::usage, "cannot use the folder: " + text +
                                      ": expected DIR or DIR=WEIGHT with a finite weight above 0");
  }
  return {text.substr(0, equals), weight};
}

std::vector<Item> list_items(const DatasetOptions& options) {
  if (options.musdb.empty() && (options.vocals.empty() || options.accompaniment.empty())) {
    throw Error(ErrorKind::usage, "no training data: expected --musdb, or both --vocals and --accompaniment");
  }
  std::vector<Item> items;
  for (const DataFolder& folder : options.musdb) add_songs(folder, items);
  for (const DataFolder& folder : options.vocals) add_files(folder, Role::vocals, items);
  for (const DataFolder& folder : options.accompaniment) add_files(folder, Role::accompaniment, items);
  return items;
}

void split_recordings(std::vector<Recording>& recordings) {
  std::vector<Recording*> songs;
  std::vector<std::string> names;
  for (Recording& recording : recordings) {
    if (recording.role == Role::song) songs.push_back(&recording);
  }
  std::sort(songs.begin(), songs.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  for (const Recording* song : songs) names.push_back(song->name);
  const std::vector<bool> aside = validation_songs(names);
  const bool chosen = std::any_of(songs.begin(), songs.end(), [](auto* song) { return song->validation; });
  for (std::size_t i = 0; i < songs.size() && !chosen; ++i) {
    songs[i]->validation = aside[i] && songs.size() > 1;
  }
  const bool songs_validate =
      std::any_of(songs.begin(), songs.end(), [](auto* song) { return song->validation; });
  split_by_hash(recordings, Role::vocals, songs_validate);
  split_by_hash(recordings, Role::accompaniment, songs_validate);

  for (const bool validation : {false, true}) {
    const auto count = [&](Role role) {
      return std::count_if(recordings.begin(), recordings.end(), [&](const Recording& recording) {
        return recording.role == role && recording.validation == validation;
      });
    };
    if (count(Role::song) > 0 || (count(Role::vocals) > 0 && count(Role::accompaniment) > 0)) continue;
    throw Error(
        ErrorKind::input,
        fmt::format("cannot split the dataset: too few recordings; expected to {} a song, or voices and "
                    "accompaniments, got {} voices and {} accompaniments",
                    validation ? "validate on" : "train on", count(Role::vocals),
                    count(Role::accompaniment)));
  }
}

}  // namespace svsep
