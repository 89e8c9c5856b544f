#pragma once

#include "media/list_media.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace svsep {

/// The input path that means standard input.
inline constexpr const char* kStdin = "-";

/// One song to separate.
struct Song {
  std::filesystem::path path;    ///< kStdin: standard input
  std::filesystem::path folder;  ///< where in a given folder it was found; empty for a song given by itself
  std::string name;              ///< "dir/My Song.stem.mp4" -> "My Song"
};

/// What the command line says of the inputs.
struct InputRequest {
  std::vector<std::string> arguments;   ///< files, folders, playlists (.m3u, .m3u8), kStdin
  std::string list;                     ///< a file that names more, one per line; empty: none
  bool list_has_nulls = false;          ///< the list has a NUL after each path, and no comments
  std::string stdin_name;               ///< the name of the song on standard input
  std::filesystem::path output_folder;  ///< never taken as input
};

struct FoundSongs {
  std::vector<Song> songs;                   ///< each once, in the order of their paths' bytes
  std::vector<UnreadableFolder> unreadable;  ///< among the given folders and those below
};

/// The songs that the request names. A folder stands for all media files below it, judged by their
/// extensions, without hidden ones and links to folders. A path that names nothing stays, so that it fails by
/// itself. Throws Error: usage (the output folder is an input folder), input (no song at all, or a list that
/// cannot be read).
[[nodiscard]] FoundSongs find_songs(const InputRequest& request);

/// The name of a song's file: without its extension, and both of a stem file's; whole where nothing but dots
/// would be left.
[[nodiscard]] std::string song_name(const std::filesystem::path& path);

/// The index-th of every `count` songs, counted from 1.
struct Shard {
  std::size_t index = 1;
  std::size_t count = 1;
};

/// From "I/N". Throws Error(usage) unless 1 <= I <= N.
[[nodiscard]] Shard parse_shard(const std::string& text);

}  // namespace svsep
