#pragma once

#include "core/rng.hpp"
#include "svsep/separator.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <gtest/gtest.h>
#include <span>
#include <string>
#include <vector>

namespace svsep {

/// White noise in -0.5..0.5, another in every channel.
inline AudioBuffer noise(std::size_t channels, std::size_t samples) {
  AudioBuffer audio(channels, samples);
  for (std::size_t channel = 0; channel < channels; ++channel) {
    Rng rng({channel, samples});
    for (float& value : audio.channels[channel]) value = static_cast<float>(rng.uniform(-0.5, 0.5));
  }
  return audio;
}

inline AudioBuffer slice(const AudioBuffer& audio, std::size_t begin, std::size_t end) {
  AudioBuffer part;
  for (const auto& channel : audio.channels) {
    part.channels.emplace_back(channel.begin() + static_cast<std::ptrdiff_t>(begin),
                               channel.begin() + static_cast<std::ptrdiff_t>(end));
  }
  return part;
}

inline void append(AudioBuffer& to, const AudioBuffer& block) {
  to.channels.resize(block.channels.size());
  for (std::size_t channel = 0; channel < block.channels.size(); ++channel) {
    to.channels[channel].insert(to.channels[channel].end(), block.channels[channel].begin(),
                                block.channels[channel].end());
  }
}

/// The stems of `song`, cut into blocks whose sizes cycle through `block_samples`, in the order wanted.
inline std::vector<AudioBuffer> separate_stems(Estimator& estimator, const AudioBuffer& song,
                                               int sample_rate_hz, const SeparationSettings& settings = {},
                                               const std::vector<std::size_t>& block_samples = {4096}) {
  std::vector<AudioBuffer> stems;
  const auto separator = estimator.make_separator({sample_rate_hz, static_cast<int>(song.channels.size())},
                                                  settings, [&](std::span<const AudioBuffer> blocks) {
                                                    stems.resize(blocks.size());
                                                    for (std::size_t stem = 0; stem < blocks.size(); ++stem) {
                                                      ASSERT_EQ(blocks[stem].samples(), blocks[0].samples());
                                                      append(stems[stem], blocks[stem]);
                                                    }
                                                  });
  stems.resize(separator->stems().size(), AudioBuffer(song.channels.size(), 0));
  std::size_t begin = 0;
  for (std::size_t turn = 0; begin < song.samples(); ++turn) {
    const std::size_t end = std::min(song.samples(), begin + block_samples[turn % block_samples.size()]);
    separator->push(slice(song, begin, end));
    begin = end;
  }
  separator->finish();
  return stems;
}

inline double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (std::size_t n = 0; n < std::min(a.size(), b.size()); ++n) {
    largest = std::max(largest, std::abs(static_cast<double>(a[n]) - static_cast<double>(b[n])));
  }
  return largest;
}

}  // namespace svsep
