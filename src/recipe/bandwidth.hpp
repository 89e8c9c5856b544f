#pragma once

#include "dataset/audio_store.hpp"

namespace svsep {

/// Above this, a recording that is_narrow() holds nothing, or images of what lies below.
constexpr double kNarrowTopHz = 7600.0;

/// Whether the part was recorded at 16 kHz or less: its top octave's end, 10.2 to 10.9 kHz, lies 45 dB below
/// what is at 1 to 4 kHz, which full-band voices never come near. False at sample rates that end below. Looks
/// at a few seconds of it.
[[nodiscard]] bool is_narrow(const Recording& recording, Part part, int sample_rate_hz);

}  // namespace svsep
