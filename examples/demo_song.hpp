#pragma once

/// Ten seconds of a song (a sung vowel line over chords, bass and drums) that needs no download and belongs
/// to nobody: for the quickstart and for tests that know the true stems.

#include "core/rng.hpp"
#include "svsep/audio.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace demo_song {

inline constexpr int kSampleRateHz = 44100;
inline constexpr double kBeatS = 0.6;
inline constexpr int kBeats = 16;
inline constexpr double kSongS = kBeats * kBeatS + 0.4;

struct Chord {
  std::array<int, 3> notes;  ///< MIDI note numbers
  int bass;
};
inline constexpr std::array<Chord, 4> kChordOfBar = {
    {{{57, 60, 64}, 33}, {{53, 57, 60}, 29}, {{55, 60, 64}, 36}, {{55, 59, 62}, 31}}};  // Am F C G

/// A vowel by its first three formants (Peterson and Barney, 1952, women's averages).
using Vowel = std::array<double, 3>;
inline constexpr Vowel kAh = {850, 1220, 2810};
inline constexpr Vowel kEe = {310, 2790, 3310};
inline constexpr Vowel kOh = {590, 920, 2710};

struct SungNote {
  double start_beat;
  double beats;
  int note;
  Vowel vowel;
};
inline constexpr std::array<SungNote, 11> kMelody = {{{0.5, 1.5, 69, kAh},
                                                      {2, 1, 72, kOh},
                                                      {3, 1, 71, kEe},
                                                      {4, 2.5, 69, kAh},
                                                      {7, 1, 67, kOh},
                                                      {8, 1.5, 67, kEe},
                                                      {9.5, 1.5, 72, kAh},
                                                      {11, 1, 76, kAh},
                                                      {12, 1.5, 74, kOh},
                                                      {13.5, 0.5, 72, kEe},
                                                      {14, 2, 71, kAh}}};

inline double frequency_hz(double note) { return 440 * std::exp2((note - 69) / 12); }

/// The harmonic wave at `cycles` whose k-th partial has 1/k^2 of the first one's strength.
inline double soft_wave(double cycles) {
  double sum = 0;
  for (int k = 1; k <= 6; ++k) sum += std::sin(2 * std::numbers::pi * k * cycles) / (k * k);
  return sum;
}

inline double chords_at(double time_s) {
  const double in_bar_s = std::fmod(time_s, 4 * kBeatS);
  double sum = 0;
  for (const int note : kChordOfBar.at(static_cast<std::size_t>(time_s / (4 * kBeatS)) % 4).notes) {
    sum += soft_wave(frequency_hz(note) * in_bar_s);
  }
  return 0.07 * sum * std::exp(-0.8 * in_bar_s);
}

inline double bass_at(double time_s) {
  const double in_beat_s = std::fmod(time_s, kBeatS);
  const int note = kChordOfBar.at(static_cast<std::size_t>(time_s / (4 * kBeatS)) % 4).bass;
  return 0.2 * soft_wave(frequency_hz(note) * in_beat_s) * std::exp(-3 * in_beat_s);
}

inline double drums_at(double time_s, double noise) {
  const double in_beat_s = std::fmod(time_s, kBeatS);
  const bool is_snare = static_cast<int>(time_s / kBeatS) % 2 == 1;
  const double kick = std::sin(2 * std::numbers::pi * (50 * in_beat_s - 4 * std::exp(-30 * in_beat_s)));
  const double hat = 0.06 * noise * std::exp(-60 * std::fmod(time_s, kBeatS / 2));
  return hat + (is_snare ? 0.25 * noise * std::exp(-18 * in_beat_s) : 0.4 * kick * std::exp(-9 * in_beat_s));
}

/// A singer: the glottis' partials through the vowel's resonances, with vibrato and a little breath.
class Voice {
 public:
  double at(double time_s, double noise) {
    const double beat = time_s / kBeatS;
    const auto* note = std::find_if(kMelody.begin(), kMelody.end(), [&](const SungNote& sung) {
      return beat >= sung.start_beat && beat < sung.start_beat + sung.beats;
    });
    if (note == kMelody.end()) return 0;
    const double since_s = (beat - note->start_beat) * kBeatS;
    const double left_s = note->beats * kBeatS - since_s;
    const double vibrato = 0.35 * std::min(1.0, 2 * since_s) * std::sin(2 * std::numbers::pi * 5.6 * time_s);
    const double scoop = -0.7 * std::exp(-since_s / 0.04);
    const double pitch_hz = frequency_hz(note->note + vibrato + scoop);
    cycles_ += pitch_hz / kSampleRateHz;
    double sum = 0.01 * noise;
    for (int k = 1; k * pitch_hz < 9000; ++k) {
      double gain = 0.03;
      for (const double formant_hz : note->vowel) {
        const double distance = (k * pitch_hz - formant_hz) / (60 + 0.06 * formant_hz);
        gain += 1 / (1 + distance * distance);
      }
      sum += gain / k * std::sin(2 * std::numbers::pi * k * cycles_);
    }
    return 0.3 * sum * std::clamp(since_s / 0.05, 0.0, 1.0) * std::clamp(left_s / 0.08, 0.0, 1.0);
  }

 private:
  double cycles_ = 0;
};

/// Its stems, in stereo; their sum is the song.
struct Stems {
  svsep::AudioBuffer vocals;
  svsep::AudioBuffer accompaniment;
};

inline Stems synthesise() {
  const auto samples = static_cast<std::size_t>(kSongS * kSampleRateHz);
  Stems stems = {svsep::AudioBuffer(2, samples), svsep::AudioBuffer(2, samples)};
  svsep::Rng rng({1});
  Voice voice;
  for (std::size_t n = 0; n < samples; ++n) {
    const double time_s = static_cast<double>(n) / kSampleRateHz;
    const double noise = rng.uniform(-1, 1);
    const double gain = 0.7 * std::clamp((kSongS - time_s) / 0.4, 0.0, 1.0);
    const double sung = voice.at(time_s, rng.uniform(-1, 1));
    const double middle = bass_at(time_s) + drums_at(time_s, noise);
    const double sides = chords_at(time_s);
    for (std::size_t channel = 0; channel < 2; ++channel) {
      stems.vocals.channels[channel][n] = static_cast<float>(gain * sung);
      stems.accompaniment.channels[channel][n] =
          static_cast<float>(gain * (middle + (channel == 0 ? 1.0 : 0.6) * sides));
    }
  }
  return stems;
}

inline svsep::AudioBuffer sum(const Stems& stems) {
  svsep::AudioBuffer song = stems.vocals;
  for (std::size_t channel = 0; channel < 2; ++channel) {
    for (std::size_t n = 0; n < song.samples(); ++n) {
      song.channels[channel][n] += stems.accompaniment.channels[channel][n];
    }
  }
  return song;
}

}  // namespace demo_song
