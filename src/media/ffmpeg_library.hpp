#pragma once

#include <string>

namespace svsep {

/// Of the FFmpeg in use: "5.1.6-0+deb12u1".
[[nodiscard]] std::string ffmpeg_version();

/// For the whole process: FFmpeg writes nothing to stderr (what matters becomes an Error or a count) and
/// allocates at most 256 MB at once: some files claim gigabytes for a title. The index of an MP4 of two days
/// fits.
void restrain_ffmpeg();

}  // namespace svsep
