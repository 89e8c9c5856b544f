#pragma once

#include "dsp/stft_pair.hpp"
#include "svsep/training.hpp"

#include <cstdint>
#include <span>

// What a network that sees windows is given of a frame of vocals (first) and accompaniment (second).

namespace svsep {

/// The mixture's magnitudes.
void write_magnitudes(const FramePair& frame, std::span<float> out);
/// log(magnitude * gain + log_floor), within 1e-6 + 2e-7 |value| of the exact one; log_floor >= 1e-30.
void write_log_magnitudes(const FramePair& frame, float gain, float log_floor, std::span<float> out);

/// 1 where the vocals' magnitude exceeds the accompaniment's, or with Label::mixture the mixture's; else 0.
void write_binary_label(const FramePair& frame, Label label, std::span<std::uint8_t> out);
/// Label::ratio; 0 where nothing sounds.
void write_ratio_label(const FramePair& frame, std::span<float> out);

}  // namespace svsep
