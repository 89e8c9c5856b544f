#pragma once

#include "svsep/audio.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

namespace svsep {

[[nodiscard]] inline double gain_of_db(double db) { return std::pow(10.0, db / 20); }

/// Mean power of all channels in consecutive blocks; the last one may be shorter.
[[nodiscard]] std::vector<double> block_powers(const AudioBuffer& audio, std::size_t block);
/// Mean of the values within `radius` of each.
[[nodiscard]] std::vector<double> smoothed(const std::vector<double>& values, std::size_t radius);

/// Root of the mean power of all channels.
[[nodiscard]] double rms(const AudioBuffer& audio);

/// The RMS of those 20 ms where the power of the 100 ms around is at least a hundredth of its maximum, so
/// that a voice that mostly rests does not count as quiet; 0 where that maximum is below -60 dBFS.
[[nodiscard]] double sounding_rms(const AudioBuffer& audio, int sample_rate_hz);

void scale(AudioBuffer& audio, double gain);
/// sum += gain * audio; both as long, `audio` of as many channels or of one, which then goes to all.
void add(AudioBuffer& sum, const AudioBuffer& audio, double gain);
/// `audio` itself, or its only channel in all of `channels`.
[[nodiscard]] AudioBuffer with_channels(AudioBuffer audio, std::size_t channels);

}  // namespace svsep
