#pragma once

#include "media/ffmpeg.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace svsep::ffmpeg {

/// With the AVIOContext that it reads (see pipe.hpp).
struct FreeInput {
  void operator()(AVFormatContext* context) const noexcept;
};
using InputPtr = std::unique_ptr<AVFormatContext, FreeInput>;

/// Throws Error(input) "cannot decode: <path>: <reason>", or Cancelled where a stop was asked for.
[[noreturn]] void fail_to_decode(const std::filesystem::path& path, const std::string& reason);

/// Opens a media file ("-": standard input) and reads its header only. Throws Error(input).
InputPtr open_input(const std::filesystem::path& path);

/// The same MP4 with its media shown whole, as if it had no edit list. Throws Error(input).
InputPtr open_unedited(const std::filesystem::path& path, const AVFormatContext& input);

/// Finds out what the header does not say. What cannot be found out is not fatal: the rest plays. Throws
/// Error(input) where the file cannot be read.
void find_stream_info(const std::filesystem::path& path, AVFormatContext& input);

/// To a demuxer, a read that failed is the end of the file: what came before must not pass for all of it.
/// Throws Error(input).
void require_readable(const std::filesystem::path& path, const AVFormatContext& input);

bool is_mp4(const AVFormatContext& input);

/// The audio streams in file order.
std::vector<AVStream*> audio_streams(const AVFormatContext& input);
/// As audio_streams. Throws Error(input) where there is none.
std::vector<AVStream*> require_audio_streams(const std::filesystem::path& path, const AVFormatContext& input);

/// As the container claims; absent where it claims nothing.
std::optional<double> duration_s(const AVFormatContext& input, const AVStream& stream);

}  // namespace svsep::ffmpeg
