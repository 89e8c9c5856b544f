#pragma once

#include "core/rng.hpp"
#include "recipe/cutter.hpp"
#include "recipe/mixer.hpp"
#include "recipe/pools.hpp"
#include "svsep/audio.hpp"

namespace svsep {

/// Below -60 dBFS nothing is heard.
inline constexpr double kSilentRms = 1e-3;
inline constexpr double kMixtureRms = 0.1;

[[nodiscard]] double mixture_rms(const AudioBuffer& vocals, const AudioBuffer& accompaniment);

/// Audio and what it is of.
struct Sound {
  const Recording* recording = nullptr;
  AudioBuffer audio;
  bool narrow = false;  // a part of it ends at kNarrowTopHz
};

/// Makes the pieces of Recipe::remix: voices over accompaniments of other recordings, and songs as they are,
/// with effects.
class Remixer {
 public:
  /// `pools` must outlive the object.
  Remixer(const Pools& pools, const Cutter& cutter, int sample_rate_hz)
      : pools_(pools), cutter_(cutter), sample_rate_hz_(sample_rate_hz) {}

  /// Throws Error(input) where no audible piece can be drawn.
  [[nodiscard]] Piece draw(Rng& rng) const;
  /// A voice without effects, but for its pitch and tempo; RMS one where it sounds.
  [[nodiscard]] Sound dry_voice(double ratio, Rng& rng) const;

 private:
  struct Mixed {
    Piece piece;
    bool narrow = false;  // as Sound
  };

  [[nodiscard]] Mixed augmented_song(Rng& rng) const;
  [[nodiscard]] Mixed mix(Rng& rng) const;
  void end_somewhere(Piece& piece, Rng& rng) const;
  void produce_again(AudioBuffer& vocals, Rng& rng) const;
  [[nodiscard]] Sound voice(Rng& rng) const;
  [[nodiscard]] Sound dry_accompaniment(const Recording* avoided, double ratio, Rng& rng) const;
  [[nodiscard]] Sound accompaniment(const Recording* avoided, Rng& rng) const;

  const Pools& pools_;
  Cutter cutter_;
  int sample_rate_hz_;
};

}  // namespace svsep
