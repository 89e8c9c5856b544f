#include "song/inputs.hpp"

#include "core/log.hpp"
#include "media/list_media.hpp"
#include "song/song_list.hpp"
#include "svsep/error.hpp"
#include "svsep/stem_file.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <set>
#include <system_error>
#include <utility>

namespace svsep {
namespace {

namespace fs = std::filesystem;

class Finder {
 public:
  explicit Finder(const InputRequest& request) : request_(request) {}

  void add_argument(const std::string& argument) {
    std::error_code code;
    if (argument == kStdin) {
      found_.songs.push_back({argument, {}, request_.stdin_name});
    } else if (is_playlist(argument) && !fs::is_directory(argument, code)) {
      add_list(argument, false);
    } else {
      add_path(argument);
    }
  }

  void add_list(const std::string& list, bool has_nulls) {
    for (const fs::path& path : read_song_list(list, has_nulls)) add_path(path);
  }

  /// The songs found, sorted, each once.
  FoundSongs take() {
    std::vector<Song>& songs = found_.songs;
    std::stable_sort(songs.begin(), songs.end(),
                     [](const Song& a, const Song& b) { return a.path.native() < b.path.native(); });
    std::set<fs::path> seen;
    std::erase_if(songs, [&](const Song& song) {
      return !seen.insert(fs::absolute(song.path).lexically_normal()).second;
    });
    if (songs.empty() && !found_.unreadable.empty()) {
      const UnreadableFolder& folder = found_.unreadable.front();
      throw Error(ErrorKind::input, "cannot read: " + folder.path.string() + ": " + folder.reason);
    }
    std::string names;
    for (const std::string& name : fruitless_) names += (names.empty() ? "" : ", ") + name;
    if (songs.empty()) {
      throw Error(ErrorKind::input, "no song found" + (names.empty() ? "" : " in: " + names));
    }
    if (!names.empty()) logger().warn("no song found in: {}", names);
    return std::move(found_);
  }

 private:
  /// A file, or a folder with all that is in it.
  void add_path(const fs::path& path) {
    std::error_code code;
    if (!fs::is_directory(path, code)) {
      found_.songs.push_back({path, {}, song_name(path)});
      return;
    }
    if (is_output_folder(path)) {
      throw Error(ErrorKind::usage, "the folder of the songs is that of the stems, too: " + path.string() +
                                        "; expected another folder at --output");
    }
    MediaListing listing =
        list_media(path, [this](const fs::path& folder) { return is_output_folder(folder); });
    for (const fs::path& file : listing.files) {
      found_.songs.push_back({file, file.lexically_relative(path).parent_path(), song_name(file)});
    }
    if (listing.files.empty() && listing.unreadable.empty()) fruitless_.push_back(path.string());
    std::move(listing.unreadable.begin(), listing.unreadable.end(), std::back_inserter(found_.unreadable));
  }

  [[nodiscard]] bool is_output_folder(const fs::path& path) const {
    std::error_code code;
    return fs::equivalent(path, request_.output_folder, code);
  }

  const InputRequest& request_;
  FoundSongs found_;
  std::vector<std::string> fruitless_;  ///< what was given and names no song
};

}  // namespace

FoundSongs find_songs(const InputRequest& request) {
  Finder finder(request);
  for (const std::string& argument : request.arguments) finder.add_argument(argument);
  if (!request.list.empty()) finder.add_list(request.list, request.list_has_nulls);
  return finder.take();
}

std::string song_name(const fs::path& path) {
  const fs::path name = is_stem_file(path) ? path.stem().stem() : path.stem();
  return name == "." || name == ".." ? path.filename().string() : name.string();
}

Shard parse_shard(const std::string& text) {
  Shard shard;
  const char* const end = text.data() + text.size();
  const auto [slash, first] = std::from_chars(text.data(), end, shard.index);
  if (first == std::errc() && slash != end && *slash == '/') {
    const auto [parsed, second] = std::from_chars(slash + 1, end, shard.count);
    if (second == std::errc() && parsed == end && shard.index >= 1 && shard.index <= shard.count)
      return shard;
  }
  throw Error(ErrorKind::usage, "--shard: expected I/N with I in 1 to N, got " + text);
}

}  // namespace svsep
