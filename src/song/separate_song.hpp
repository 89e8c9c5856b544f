#pragma once

#include "song/output_plan.hpp"
#include "song/song_settings.hpp"
#include "svsep/decoder.hpp"
#include "svsep/mask_estimator.hpp"
#include "svsep/svsep.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace svsep {

/// Separates what `decoder` gives and writes the outputs of `job`: an output per mix (or the stem file), then
/// the spectrogram where one is asked for. No output appears or is replaced before all are complete, and
/// where one fails, none is added. Memory does not grow with the song. Throws Error, Cancelled.
SongReport separate_song(const Job& job, Decoder& decoder, Estimator& estimator,
                         const SongSettings& settings);

}  // namespace svsep
