#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace svsep {

/// Whether `path` is named like a playlist: .m3u or .m3u8, case aside.
[[nodiscard]] bool is_playlist(const std::filesystem::path& path);

/// The paths in a list; "-" is standard input. One per line, which may end in a carriage return; blank lines
/// and those that begin with '#' (unless a file has that name) are left out; so is a byte-order mark. With
/// `has_nulls`, or where there is a NUL, each path ends with a NUL instead, and every byte counts. Those of a
/// playlist are relative to its own folder, others to the current one. Throws Error(input): it cannot be
/// read, or is UTF-16; Cancelled.
[[nodiscard]] std::vector<std::filesystem::path> read_song_list(const std::string& path, bool has_nulls);

}  // namespace svsep
