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
  /// All text tags but those that describe the file itself (encoder, ReplayGain, fingerprints, ...). FFmpeg's
  /// names: title, artist, album, album_artist, composer, date, genre, track, disc, comment, ...; others as
  /// the file has them. Several values of a field stand in one text, with ";" between.
  std::map<std::string, std::string> values = {};
  std::optional<CoverImage> cover = {};  ///< the front cover or else the first picture; larger ones than 16
                                         ///< MiB are left out with a warning
  /// Which speaker each channel is for: a bit per speaker as in WAVE_FORMAT_EXTENSIBLE; 0: not said, and so
  /// what is usual for that many channels.
  std::uint64_t speakers = 0;
  /// Where the song begins, in seconds since midnight, as a Broadcast WAV file says. WAV files take it.
  std::optional<double> time_reference_s = {};
  /// The single values of fields that have several. FLAC files take them as they are, others the text.
  std::map<std::string, std::vector<std::string>> several = {};
};

}  // namespace svsep
