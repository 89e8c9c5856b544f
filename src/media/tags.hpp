#pragma once

#include "media/ffmpeg.hpp"
#include "svsep/tags.hpp"

#include <filesystem>

namespace svsep::ffmpeg {

/// Needs avformat_find_stream_info first. `path` is for a warning.
Tags tags_of(const std::filesystem::path& path, const AVFormatContext& input);

}  // namespace svsep::ffmpeg
