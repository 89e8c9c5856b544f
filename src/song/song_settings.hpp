#pragma once

#include "svsep/decoder.hpp"
#include "svsep/encoder.hpp"
#include "svsep/separator.hpp"

#include <optional>
#include <string>
#include <vector>

namespace svsep {

/// An audio output: a sum of both stems with these gains.
struct Mix {
  std::string name;
  float vocals_gain = 0;
  float accompaniment_gain = 0;
};

/// What becomes of samples beyond full scale, in every format but float.
enum class ClipPolicy {
  clip,     ///< they are cut, and counted
  rescale,  ///< all outputs of the song are turned down alike, so that the largest peak just fits
};

struct SongSettings {
  TimeRange range;
  SeparationSettings separation;  ///< but for the output's rate
  std::vector<Mix> mixes;         ///< empty: a .stem.mp4
  AudioFormat format = AudioFormat::wav_s24;
  std::optional<int> bitrate_kbps;
  int sample_rate_hz = 0;  ///< of the outputs; 0: the song's
  ClipPolicy clip = ClipPolicy::clip;
  bool plot = false;
};

}  // namespace svsep
