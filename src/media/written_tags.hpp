#pragma once

#include "media/ffmpeg.hpp"
#include "svsep/tags.hpp"

#include <string>

namespace svsep::ffmpeg {

/// Sets the tags that the container has a place for under the names that its muxer knows. `rate_hz` is what a
/// Broadcast WAV file counts its time in.
void set_tags(AVFormatContext& output, const Tags& tags, int rate_hz);

/// Sets placeholders for the fields of several values, see split_comments; false where there are none. For
/// FLAC.
[[nodiscard]] bool set_several_values(AVFormatContext& output, const Tags& tags);

/// The tags as an ID3v2.3 tag, with the cover: what WAV files bear beside their own few fields. Empty where
/// those fields hold everything.
std::string id3_tag(const Tags& tags);

}  // namespace svsep::ffmpeg
