#pragma once

#include "svsep/separator.hpp"

#include <cstddef>

namespace svsep {

/// Throws Error(input) unless a separator can take such a song.
void check_song(const SongFormat& song);

/// Throws Error(usage) unless the block has so many channels, all equally long.
void check_block(const AudioBuffer& block, std::size_t channels);

/// The rate of the stems.
[[nodiscard]] int stem_rate_hz(const SongFormat& song, const SeparationSettings& settings);

}  // namespace svsep
