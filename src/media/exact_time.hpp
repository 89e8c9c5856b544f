#pragma once

#include "media/frame_reader.hpp"

#include <cstdint>
#include <optional>

namespace svsep::ffmpeg {

/// Larger times are nonsense, and would overflow.
inline constexpr std::int64_t kMaxTicks = std::int64_t{1} << 50;

/// Whether time stamps count samples exactly from any place in the file, not only from its beginning.
/// Elsewhere (MP3, ADTS, Matroska, ...) they are estimates or rounded, so one has to count from the start.
bool counts_exactly(const FrameReader& reader);

/// Where an MP4 stream ends, in samples since its first frame's beginning: libavformat cuts the delay that an
/// edit list declares at the front, but not the padding of the last packet. Absent where nothing is declared.
std::optional<std::int64_t> edited_end(const FrameReader& reader);

}  // namespace svsep::ffmpeg
