#pragma once

#include "song/output_plan.hpp"
#include "song/song_settings.hpp"
#include "svsep/decoder.hpp"
#include "svsep/mask_estimator.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace svsep {

struct SongReport {
  double song_s = 0;
  double wall_s = 0;
  int sample_rate_hz = 0;  ///< of the outputs
  int channels = 0;
  float peak = 0;                     ///< largest magnitude of the outputs, before clipping
  std::int64_t clipped_samples = 0;   ///< over all outputs and channels
  float gain = 1;                     ///< that ClipPolicy::rescale applied
  std::int64_t damaged_packets = 0;   ///< of the song, that were skipped
  std::int64_t unusable_samples = 0;  ///< of the song, that were taken as silence
  std::vector<std::string> warnings;  ///< all that the log says of the song
};

/// Separates what `decoder` gives and writes the outputs of `job`: an output per mix (or the stem file), then
/// the spectrogram where one is asked for. No output appears or is replaced before all are complete, and
/// where one fails, none is added. Memory does not grow with the song. Throws Error, Cancelled.
SongReport separate_song(const Job& job, Decoder& decoder, Estimator& estimator,
                         const SongSettings& settings);

}  // namespace svsep
