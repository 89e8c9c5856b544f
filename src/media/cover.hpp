#pragma once

#include "media/ffmpeg.hpp"
#include "svsep/tags.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace svsep::ffmpeg {

/// The song's picture, of `path` for a warning. Needs avformat_find_stream_info first.
std::optional<CoverImage> cover_of(const std::filesystem::path& path, const AVFormatContext& input);

/// The picture as a FLAC picture block, which Ogg keeps as text in a comment (xiph.org's VorbisComment).
std::string picture_comment(const CoverImage& cover);

}  // namespace svsep::ffmpeg
