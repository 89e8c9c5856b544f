#include "media/list_media.hpp"

#include "core/text.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <system_error>

namespace svsep {
namespace {

namespace fs = std::filesystem;

/// What FFmpeg reads and people keep songs in.
constexpr auto kMediaExtensions = std::to_array<std::string_view>({
    ".aac", ".ac3", ".aif",  ".aifc", ".aiff", ".amr", ".ape", ".au",  ".caf", ".dff",
    ".dsf", ".dts", ".eac3", ".flac", ".m4a",  ".m4b", ".mka", ".mp2", ".mp3", ".mpc",
    ".oga", ".ogg", ".opus", ".ra",   ".spx",  ".tta", ".w64", ".wav", ".wma", ".wv",  // audio
    ".3gp", ".avi", ".f4v",  ".flv",  ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg",
    ".mpg", ".mts", ".ogv",  ".vob",  ".webm", ".wmv",  // video
});

using Skip = std::function<bool(const fs::path& folder)>;

void add(const fs::path& folder, const Skip& skip, MediaListing& listing) {
  std::error_code code;
  fs::directory_iterator entry(folder, code);
  for (; !code && entry != fs::directory_iterator(); entry.increment(code)) {
    const fs::path& path = entry->path();
    if (is_hidden(path)) continue;
    std::error_code ignored;  // what cannot be looked at is no media file
    if (entry->is_directory(ignored)) {
      if (!entry->is_symlink(ignored) && !(skip && skip(path))) add(path, skip, listing);
    } else if (entry->is_regular_file(ignored) && has_media_extension(path)) {
      listing.files.push_back(path);
    }
  }
  if (code) listing.unreadable.push_back({folder, code.message()});
}

}  // namespace

bool has_media_extension(const std::filesystem::path& path) {
  const std::string extension = lower_case(path.extension().string());
  return std::find(kMediaExtensions.begin(), kMediaExtensions.end(), extension) != kMediaExtensions.end();
}

bool is_hidden(const fs::path& path) { return path.filename().native().starts_with('.'); }

MediaListing list_media(const fs::path& folder, const Skip& skip) {
  MediaListing listing;
  add(folder, skip, listing);
  std::sort(listing.files.begin(), listing.files.end(),
            [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
  return listing;
}

}  // namespace svsep
