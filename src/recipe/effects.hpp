#pragma once

#include "core/rng.hpp"
#include "svsep/audio.hpp"
#include "svsep/stft.hpp"

#include <cstddef>
#include <vector>

// What the remix recipe does to voices and accompaniments. An effect draws its own parameters from `rng`,
// uses the same for all channels where it does not say otherwise, and keeps the length. Those whose sound
// depends on the level (compress, overdrive) expect an RMS of about one.

namespace svsep {

/// Pitch and tempo together: result[n] is `samples` at n * ratio, a cubic (Catmull-Rom) between neighbours;
/// the last sample goes on at the end.
[[nodiscard]] std::vector<float> resample_by(Samples samples, double ratio, std::size_t count);

/// A smooth gain within +-largest_db over frequency, linear between seven random ones that lie closer at the
/// bottom.
void equalise(AudioBuffer& audio, double largest_db, Rng& rng);

/// The gains of a narrow source over frequency: a resampler's or codec's slope at the top, a high-pass at the
/// bottom. Most draws limit nothing, and are empty. For fir_of_gains().
/// Whatever lies above top_hz goes.
[[nodiscard]] std::vector<float> draw_band_limits(double top_hz, int sample_rate_hz, Rng& rng);
/// Applies gains of draw_band_limits().
void limit_band(AudioBuffer& audio, Samples gains);

/// Evens out the power of 20 ms.
void compress(AudioBuffer& audio, int sample_rate_hz, Rng& rng);
/// Odd-symmetric saturation.
void overdrive(AudioBuffer& audio, Rng& rng);
/// Takes away what lies below 60 to 220 Hz, sometimes 600, as is done to most voices in songs; from one in
/// ten also the top, as a telephone does.
void cut_lows(AudioBuffer& audio, int sample_rate_hz, Rng& rng);
/// Adds the voice without its pitch: its magnitudes in short frames with random phases. A fourth is that
/// alone, a whisper.
void breathe(AudioBuffer& audio, Rng& rng);
/// Adds a copy 4 to 25 ms late that wavers, in each channel by its own time.
void chorus(AudioBuffer& audio, int sample_rate_hz, Rng& rng);
/// Adds one to three copies up to an octave higher or lower in the same time; each with its own place between
/// channels.
void harmonise(AudioBuffer& audio, int sample_rate_hz, Rng& rng);
/// Adds one or two copies, 8 to 40 ms late, that waver by up to 20 cents; each with its own place between
/// channels.
void double_voice(AudioBuffer& audio, int sample_rate_hz, Rng& rng);
/// Another take in each of two channels, as double-tracked voices are mixed: as loud in the sides as in the
/// middle. Half keep some of the voice itself. One channel stays as it is.
void sing_twice(AudioBuffer& audio, int sample_rate_hz, Rng& rng);
/// Two to five more takes, some in harmony, each at its own place between two channels: a stacked chorus.
void stack(AudioBuffer& audio, int sample_rate_hz, Rng& rng);
/// A voice as a vocoder gives it: its sound at one pitch or a chord, note after note. Some keep the voice
/// itself.
void robotise(AudioBuffer& audio, int sample_rate_hz, Rng& rng);
/// Slices of a voice in an even rhythm, some silent, some replaced by an earlier slice.
void chop(AudioBuffer& audio, int sample_rate_hz, Rng& rng);
/// Adds three echoes.
void echo(AudioBuffer& audio, int sample_rate_hz, Rng& rng);
/// Adds the sound of a room: decaying noise of 0.15 to 1.6 s, another one for each channel.
void reverberate(AudioBuffer& audio, int sample_rate_hz, Rng& rng);
/// Silence, with fades, between two random places.
void rest(AudioBuffer& audio, int sample_rate_hz, Rng& rng);
/// Moves two channels up to `widest` of the way to one side, by gains of equal power. One stays as it is.
void pan(AudioBuffer& audio, double widest, Rng& rng);
/// Both channels become left * the first + (1 - left) * the second.
void downmix(AudioBuffer& audio, double left);
/// A mono signal in two channels, as several instruments sound: in the middle, panned, or each frequency from
/// a direction of its own (the bass from the middle), often with a delayed copy of opposite signs in the two
/// (Lauridsen).
[[nodiscard]] AudioBuffer spread(const std::vector<float>& mono, int sample_rate_hz, Rng& rng);

/// Silence outside first..end, with fades of 10 ms inside.
void silence_outside(AudioBuffer& audio, std::size_t first, std::size_t end, int sample_rate_hz);

}  // namespace svsep
