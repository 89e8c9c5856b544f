#pragma once

#include "svsep/audio.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace svsep::test {

inline constexpr std::size_t kWindow = 4000;
inline constexpr std::size_t kSamples = 18000;

using Sources = std::vector<AudioBuffer>;

struct Case {
  Sources references;
  Sources estimates;
};

/// The signals of scripts/make_golden_bsseval.py.
inline std::vector<double> golden_noise(std::uint32_t seed) {
  std::vector<double> values(kSamples);
  for (double& value : values) {
    seed = 1664525U * seed + 1013904223U;
    value = seed / 2147483648.0 - 1.0;
  }
  return values;
}

inline std::vector<double> smoothed_noise(std::uint32_t seed, double feedback) {
  std::vector<double> values = golden_noise(seed);
  double last = 0.0;
  for (double& value : values) value = last = feedback * last + 0.5 * value;
  return values;
}

inline Sources golden_references() {
  Sources sources(2, AudioBuffer(2, kSamples));
  const std::vector<double> left = smoothed_noise(1, 0.9);
  const std::vector<double> right = smoothed_noise(2, 0.9);
  const std::array rest = {smoothed_noise(3, -0.5), smoothed_noise(4, -0.5)};
  for (std::size_t n = 0; n < kSamples; ++n) {
    sources[0].channels[0][n] = static_cast<float>(left[n]);
    sources[0].channels[1][n] = static_cast<float>(0.7 * left[n] + 0.3 * right[n]);
    for (std::size_t c = 0; c < 2; ++c) sources[1].channels[c][n] = static_cast<float>(rest[c][n]);
  }
  return sources;
}

/// Applies `change(sample, source, channel, n)` to every sample.
template <class Change>
Sources changed(Sources sources, Change&& change) {
  for (std::size_t j = 0; j < sources.size(); ++j) {
    for (std::size_t c = 0; c < sources[j].channels.size(); ++c) {
      for (std::size_t n = 0; n < sources[j].samples(); ++n) {
        float& sample = sources[j].channels[c][n];
        sample = static_cast<float>(change(static_cast<double>(sample), j, c, n));
      }
    }
  }
  return sources;
}

/// Each source with some of the other, 7 samples late, and noise.
inline Sources leaked(const Sources& references, double kept, double leak) {
  std::array<std::vector<double>, 4> hiss;
  for (std::uint32_t i = 0; i < hiss.size(); ++i) hiss[i] = golden_noise(10 + i);
  return changed(references, [&](double sample, std::size_t j, std::size_t c, std::size_t n) {
    const double late = n < 7 ? 0.0 : static_cast<double>(references[1 - j].channels[c][n - 7]);
    return kept * sample + leak * late + 0.02 * hiss[2 * j + c][n];
  });
}

inline Sources cut(Sources sources, std::size_t channels, std::size_t samples) {
  for (AudioBuffer& source : sources) {
    source.channels.resize(channels);
    for (auto& channel : source.channels) channel.resize(samples);
  }
  return sources;
}

inline std::map<std::string, Case> golden_cases() {
  const Sources references = golden_references();
  const Sources good = leaked(references, 0.9, 0.05);
  Case silent{references, good};
  for (auto& channel : silent.references[0].channels) std::fill_n(channel.begin(), kWindow, 0.0F);
  for (auto& channel : silent.estimates[0].channels) {
    std::fill_n(channel.begin() + kWindow, kWindow, 0.0F);
    std::fill_n(channel.begin() + 8500, 2000, 0.0F);
  }
  auto& opposite = silent.estimates[1].channels;
  for (std::size_t n = 3 * kWindow; n < 4 * kWindow; ++n) opposite[1][n] = -opposite[0][n];
  const auto times = [&](double gain, double limit) {
    return changed(good, [=](double sample, auto...) { return std::clamp(gain * sample, -limit, limit); });
  };
  return {{"good", {references, good}},
          {"bad", {references, leaked(references, 0.3, 0.8)}},
          {"scaled", {references, times(0.1, 10.0)}},
          {"clipped", {references, times(3.0, 0.2)}},
          {"silent", silent},
          {"short", {cut(references, 2, 3000), cut(good, 2, 3000)}},
          {"mono", {cut(references, 1, kSamples), cut(good, 1, kSamples)}}};
}

}  // namespace svsep::test
