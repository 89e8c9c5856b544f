#pragma once

#include "svsep/decoder.hpp"
#include "svsep/encoder.hpp"
#include "svsep/existing_file.hpp"
#include "svsep/separator.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace svsep {

/// An audio output: a weighted sum of stems, or one stem.
struct Mix {
  std::string name;
  std::map<std::string, float> gains;  ///< by the stems' names
};

/// What becomes of samples beyond full scale, in every format but float.
enum class ClipPolicy {
  clip,     ///< they are cut, and counted
  rescale,  ///< all outputs of the song are turned down alike, so that the largest peak just fits
};

struct SongSettings {
  TimeRange range;
  std::optional<std::size_t> stream = {};  ///< as DecoderOptions
  std::string language = {};
  SeparationSettings separation;  ///< but for the stems and the output's rate
  std::vector<Mix> mixes;         ///< empty: a .stem.mp4
  /// Streams of the .stem.mp4 after the mixture.
  std::vector<std::string> stem_file = {"accompaniment", "vocals"};
  AudioFormat format = AudioFormat::wav_s24;
  std::optional<int> bitrate_kbps;
  int sample_rate_hz = 0;  ///< of the outputs; 0: the song's
  ClipPolicy clip = ClipPolicy::clip;
  bool titles_name_stems = false;  ///< the title tag becomes "Song (vocals)"; not in a .stem.mp4
  /// Each mix becomes a film with the song's picture, in a format that its container takes; without plot,
  /// page and .stem.mp4.
  bool keep_video = false;
  bool plot = false;
  bool page = false;  ///< the page to look and listen, of the mixes; not with a .stem.mp4
  ExistingFile existing = ExistingFile::replace;  ///< outputs that exist when the song's are complete
  /// Gets the share of the song that is done, 0..1, where its length is known; on a thread of the
  /// separator's.
  std::function<void(double fraction)> on_progress = {};
};

/// The stems that the outputs are made of, each once.
[[nodiscard]] std::vector<std::string> needed_stems(const SongSettings& settings);

}  // namespace svsep
