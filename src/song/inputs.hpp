#pragma once

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
  std::string track;             ///< its name: "dir/My Song.stem.mp4" -> "My Song"
};

/// What the command line says of the inputs.
struct InputRequest {
  std::vector<std::string> arguments;   ///< files, folders, patterns, kStdin
  std::string list;                     ///< a file that names more, a path a line; empty: none
  std::string stdin_track;              ///< the name of the song on standard input
  std::filesystem::path output_folder;  ///< never taken as input
};

/// The songs that the request names, each once, in the order of their paths' bytes. An argument that is no
/// file is tried as a pattern of glob(3). A folder stands for all media files below it, judged by their
/// extensions, without hidden ones and links to folders. A path that names nothing stays, so that it fails
/// by itself. Throws Error: usage (the output folder is an input folder), input (no song at all, a list or
/// a folder that cannot be read).
[[nodiscard]] std::vector<Song> find_songs(const InputRequest& request);

/// The index-th of every `count` songs, counted from 1.
struct Shard {
  std::size_t index = 1;
  std::size_t count = 1;
};

/// From "I/N". Throws Error(usage) unless 1 <= I <= N.
[[nodiscard]] Shard parse_shard(const std::string& text);

}  // namespace svsep
