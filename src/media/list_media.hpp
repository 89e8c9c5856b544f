#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace svsep {

/// Whether `path` is named like something that holds audio (`*.wav`, `*.opus`, `*.mp4`, ..., case aside): for
/// choosing the songs of a folder.
[[nodiscard]] bool has_media_extension(const std::filesystem::path& path);

/// Whether the name begins with a dot, as what programs keep beside their users' files does.
[[nodiscard]] bool is_hidden(const std::filesystem::path& path);

/// A folder that cannot be listed, and why.
struct UnreadableFolder {
  std::filesystem::path path;
  std::string reason;
};

struct MediaListing {
  std::vector<std::filesystem::path> files;  ///< sorted, so that the order does not depend on the file system
  std::vector<UnreadableFolder> unreadable;  ///< the folder itself, or some below
};

/// The media files of a folder, judged by their extensions, and of the folders below, without hidden ones,
/// links to folders, and folders that `skip` tells to leave out.
[[nodiscard]] MediaListing list_media(
    const std::filesystem::path& folder,
    const std::function<bool(const std::filesystem::path& folder)>& skip = {});

}  // namespace svsep
