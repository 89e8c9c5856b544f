#pragma once

#include "media/frame_reader.hpp"

#include <cstdint>
#include <optional>

namespace svsep::ffmpeg {

/// Where a stream should end, in seconds from its first frame, where the container declares it instead of
/// estimating it from the bit rate or from what it finds.
std::optional<double> declared_length_s(const FrameReader& reader);

/// Whether a stream of which `samples` were found ends before it should: it is shorter than declared, its
/// file is shorter than its container says, an Ogg stream has no last page, or the last packet breaks off.
bool is_cut_off(const FrameReader& reader, std::int64_t samples);

}  // namespace svsep::ffmpeg
