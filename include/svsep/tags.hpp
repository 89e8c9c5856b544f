#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace svsep {

/// A picture as the song's file holds it, JPEG or PNG.
struct CoverImage {
  std::string codec;  ///< FFmpeg's name: "mjpeg" or "png"
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> bytes;
};

/// What a song's file says of the song, in the form that every output format takes (Decoder::tags()): valid
/// UTF-8 without control characters (but for line feeds and tabs).
struct Tags {
  /// Of these keys those that the file has: title, artist, album, album_artist, composer, date, genre, track,
  /// disc, comment.
  std::map<std::string, std::string> values;
  std::optional<CoverImage> cover;  ///< larger ones than 16 MiB are left out with a warning
};

}  // namespace svsep
