#pragma once

#include "song/output_plan.hpp"
#include "svsep/decoder.hpp"
#include "svsep/encoder.hpp"
#include "svsep/separator.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace svsep {

/// The output path that means standard output.
inline constexpr const char* kStdout = "-";

/// The name of the --plot output.
inline constexpr const char* kSpectrogram = "spectrogram";

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

struct SongReport {
  double song_s = 0;
  double wall_s = 0;
  int sample_rate_hz = 0;  ///< of the outputs
  int channels = 0;
  float peak = 0;                    ///< largest magnitude of the outputs, before clipping
  std::int64_t clipped_samples = 0;  ///< over all outputs and channels
  float gain = 1;                    ///< that ClipPolicy::rescale applied
};

/// Separates what `decoder` gives and writes the outputs of `job`: an output a mix (or the stem file), then
/// the spectrogram where one is asked for. No output appears or is replaced before all are complete, and
/// where one fails, none is added. Memory does not grow with the song. Throws Error, Cancelled.
SongReport separate_song(const Job& job, Decoder& decoder, MaskEstimator& estimator,
                         const SongSettings& settings);

}  // namespace svsep
