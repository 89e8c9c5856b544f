#pragma once

#include "media/several_values.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace svsep::ffmpeg {

/// libavformat cannot write a Vorbis comment twice. This is the value under which a field of several values
/// is written to FLAC at first, as long as all of its comments.
[[nodiscard]] std::string placeholder_of(const std::string& key, const std::vector<std::string>& values);

/// Makes comments of the placeholders of a FLAC file, in place, with the same size. Throws Error(output).
void split_comments(const std::filesystem::path& path);

}  // namespace svsep::ffmpeg
