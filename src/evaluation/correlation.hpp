#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace svsep {

using Channel = std::span<const float>;

/// Taps of BSSEval's distortion filters.
inline constexpr std::size_t kDistortionTaps = 512;

/// Fills `to` with samples begin, begin + 1, ... of the channel, `count` at most, then with zeros.
void load_samples(Channel channel, std::size_t begin, std::size_t count, std::span<double> to);

/// [leader][follower][lag]: the sum over n of leader[n] * follower[n + lag], lags 0..kDistortionTaps - 1. All
/// channels are equally long. Double precision; the result does not depend on the thread count.
[[nodiscard]] std::vector<double> correlate(const std::vector<Channel>& leaders,
                                            const std::vector<Channel>& followers, int threads);

/// The inner products of the delayed references `first`..`first + count - 1`, from correlate(references,
/// references): Toeplitz blocks [channel][delay][channel][delay].
[[nodiscard]] std::vector<double> gram_matrix(const std::vector<double>& lags, std::size_t channels,
                                              std::size_t first, std::size_t count);

}  // namespace svsep
