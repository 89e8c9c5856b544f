#include "media/list_media.hpp"

#include "core/text.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace svsep {
namespace {

/// What FFmpeg reads and people keep songs in.
constexpr auto kMediaExtensions = std::to_array<std::string_view>({
    ".aac", ".ac3", ".aif",  ".aifc", ".aiff", ".amr", ".ape", ".au",  ".caf", ".dff",
    ".dsf", ".dts", ".eac3", ".flac", ".m4a",  ".m4b", ".mka", ".mp2", ".mp3", ".mpc",
    ".oga", ".ogg", ".opus", ".ra",   ".spx",  ".tta", ".w64", ".wav", ".wma", ".wv",  // audio
    ".3gp", ".avi", ".f4v",  ".flv",  ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg",
    ".mpg", ".mts", ".ogv",  ".vob",  ".webm", ".wmv",  // video
});

}  // namespace

bool has_media_extension(const std::filesystem::path& path) {
  const std::string extension = lower_case(path.extension().string());
  return std::find(kMediaExtensions.begin(), kMediaExtensions.end(), extension) != kMediaExtensions.end();
}

}  // namespace svsep
