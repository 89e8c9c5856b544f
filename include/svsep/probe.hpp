#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace svsep {

/// One audio stream of a media file.
struct AudioStreamInfo {
  std::string codec;  ///< FFmpeg's name, e.g. "aac"
  std::string title;  ///< empty where the file gives none
  int sample_rate_hz = 0;
  int channels = 0;
  std::string speakers;              ///< "stereo", "5.1(side)", ...; empty where the file does not say
  std::string language;              ///< as the file has it, e.g. "eng"; empty where it gives none
  bool is_default = false;           ///< flagged as the one to play
  std::optional<double> duration_s;  ///< as the container claims; absent where it claims nothing
};

/// What a media file says of itself, without decoding it.
struct MediaInfo {
  std::string container;  ///< FFmpeg's name, e.g. "mov,mp4,m4a,3gp,3g2,mj2"
  std::vector<AudioStreamInfo> audio_streams;
  std::map<std::string, std::string> tags;
};

/// Throws Error(input) where the file is missing, is no media file, or holds no audio stream. The path "-" is
/// standard input.
[[nodiscard]] MediaInfo probe(const std::filesystem::path& path);

}  // namespace svsep
