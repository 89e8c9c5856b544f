#pragma once

#include <filesystem>

namespace svsep {

/// Whether `path` is named like something that holds audio (`*.wav`, `*.opus`, `*.mp4`, ..., case aside): for
/// choosing the songs of a folder.
[[nodiscard]] bool has_media_extension(const std::filesystem::path& path);

}  // namespace svsep
