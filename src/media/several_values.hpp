#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace svsep::ffmpeg {

using SeveralValues = std::map<std::string, std::vector<std::string>>;

/// The text fields of which a file states more than one value, under FFmpeg's names in small letters: ID3v2
/// frames whose values a NUL divides, and repeated Vorbis comments of FLAC and Ogg. libavformat 59 gives the
/// first value of the former, and one text for the latter. Values are clean_text; a file that cannot be
/// read, or is damaged there, has none.
[[nodiscard]] SeveralValues several_values(const std::filesystem::path& path);

/// The text in which such values stand where a field has but one.
[[nodiscard]] std::string joined_values(const std::vector<std::string>& values);

}  // namespace svsep::ffmpeg
