#pragma once

#include <cstddef>
#include <vector>

namespace svsep {

/// Planar float audio, full scale -1..1: channels[c][n] is sample n of channel c. All channels are equally
/// long.
struct AudioBuffer {
  std::vector<std::vector<float>> channels;

  AudioBuffer() = default;
  AudioBuffer(std::size_t channel_count, std::size_t samples)
      : channels(channel_count, std::vector<float>(samples)) {}

  /// Samples per channel.
  [[nodiscard]] std::size_t samples() const noexcept {
    return channels.empty() ? 0 : channels.front().size();
  }
};

}  // namespace svsep
