#pragma once

#include "core/rng.hpp"
#include "dataset/audio_store.hpp"
#include "svsep/audio.hpp"

#include <array>
#include <cstddef>

namespace svsep {

using Gains = std::array<double, kPartCount>;  // of parts; 0: left out
inline constexpr Gains kVocals = {1, 0, 0, 0};
inline constexpr Gains kAccompaniment = {0, 1, 1, 1};

/// Where in a recording, and which of its channels.
struct Place {
  const Recording* recording = nullptr;
  std::size_t start = 0;
  std::size_t samples = 0;            // of what is cut
  double ratio = 1.0;                 // of the pitch and tempo that it gets
  std::array<float, 2> downmix = {};  // of two channels to one
};

/// Takes pieces out of recordings.
struct Cutter {
  std::size_t piece_samples = 0;
  std::size_t channels = 1;  ///< of a piece

  /// A random place for a piece whose pitch and tempo then change by `ratio`.
  [[nodiscard]] Place place(const Recording& recording, double ratio, Rng& rng) const;
  /// One channel where a piece has one, or all parts have; else two.
  [[nodiscard]] AudioBuffer cut(const Place& place, const Gains& gains) const;
};

}  // namespace svsep
