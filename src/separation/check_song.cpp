#include "separation/check_song.hpp"

#include "core/limits.hpp"
#include "svsep/error.hpp"

#include <fmt/format.h>

namespace svsep {
namespace {

constexpr int kMaxChannels = 64;

void check_rate(int sample_rate_hz) {
  if (sample_rate_hz >= 1 && sample_rate_hz <= kMaxSampleRateHz) return;
  throw Error(ErrorKind::input, fmt::format("cannot separate: sample rate; expected 1 to {} Hz, got {}",
                                            kMaxSampleRateHz, sample_rate_hz));
}

}  // namespace

void check_song(const SongFormat& song) {
  check_rate(song.sample_rate_hz);
  if (song.channels >= 1 && song.channels <= kMaxChannels) return;
  throw Error(ErrorKind::input, fmt::format("cannot separate: channels; expected 1 to {}, got {}",
                                            kMaxChannels, song.channels));
}

void check_block(const AudioBuffer& block, std::size_t channels) {
  if (block.channels.size() != channels) {
    throw Error(ErrorKind::usage, fmt::format("cannot separate: block; expected {} channels, got {}",
                                              channels, block.channels.size()));
  }
  for (const std::vector<float>& channel : block.channels) {
    if (channel.size() == block.samples()) continue;
    throw Error(ErrorKind::usage,
                fmt::format("cannot separate: block; expected equally long channels, got {} and {} samples",
                            block.samples(), channel.size()));
  }
}

int stem_rate_hz(const SongFormat& song, const SeparationSettings& settings) {
  if (settings.output_sample_rate_hz == 0) return song.sample_rate_hz;
  check_rate(settings.output_sample_rate_hz);
  return settings.output_sample_rate_hz;
}

}  // namespace svsep
