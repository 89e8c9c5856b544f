#include "svsep/media/stem_file.hpp"

#include "ffmpeg.hpp"
#include "svsep/core/error.hpp"

#include <algorithm>
#include <cctype>

namespace svsep {

Decoder open_stem(const std::filesystem::path& path, Stem stem, const TimeRange& range) {
  const std::size_t streams = ffmpeg::audio_streams(*ffmpeg::open_input(path)).size();
  if (streams != kStemNames.size()) {
    throw Error(
        ErrorKind::input,
        "cannot decode: " + path.string() +
            ": is no stem file; expected 5 audio streams (mixture, drums, bass, other, vocals), got " +
            std::to_string(streams));
  }
  return Decoder(path, static_cast<std::size_t>(stem), range);
}

bool is_stem_file(const std::filesystem::path& path) {
  std::string name = path.filename().string();
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return name.ends_with(".stem.mp4");
}

}  // namespace svsep
