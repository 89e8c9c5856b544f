#pragma once

#include "core/rng.hpp"
#include "dataset/audio_store.hpp"

#include <cmath>
#include <cstdint>
#include <memory>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

namespace svsep::test {

using Channel = std::vector<std::int16_t>;

/// Noise whose values lie within +-peak.
inline Channel noise_s16(std::size_t samples, int peak, std::uint64_t seed) {
  Rng rng({seed});
  Channel channel(samples);
  for (std::int16_t& value : channel)
    value = static_cast<std::int16_t>(std::lround(rng.uniform(-peak, peak)));
  return channel;
}

inline Channel sine_s16(std::size_t samples, int peak, double hz, int rate_hz) {
  Channel channel(samples);
  for (std::size_t n = 0; n < samples; ++n) {
    const double phase = 2 * std::numbers::pi * hz * static_cast<double>(n) / rate_hz;
    channel[n] = static_cast<std::int16_t>(std::lround(peak * std::sin(phase)));
  }
  return channel;
}

/// Collects recordings in memory.
class StoreBuilder {
 public:
  explicit StoreBuilder(int rate_hz = 22050) : rate_hz_(rate_hz) {}

  /// Parts in the order vocals, drums, bass, other, each of some channels; all channels are equally long.
  StoreBuilder& add(const std::string& name, Role role, std::vector<std::vector<Channel>> parts,
                    bool validation = false, double weight = 1.0) {
    Recording& recording = recordings_.emplace_back();
    recording.name = name;
    recording.role = role;
    recording.validation = validation;
    recording.weight = weight;
    recording.scale = 1.0F / 32768.0F;
    for (std::size_t part = 0; part < parts.size(); ++part) {
      for (Channel& channel : parts[part]) {
        recording.samples = channel.size();
        memory_->push_back(std::make_unique<Channel>(std::move(channel)));
        recording.parts.at(part).emplace_back(*memory_->back());
      }
    }
    return *this;
  }
  StoreBuilder& add_song(const std::string& name, std::size_t samples, std::uint64_t seed,
                         bool validation = false) {
    const auto stereo = [&](int peak) {
      seed += 100;
      return std::vector{noise_s16(samples, peak, seed), noise_s16(samples, peak / 2, seed + 50)};
    };
    return add(name, Role::song, {stereo(8000), stereo(3000), stereo(2000), stereo(4000)}, validation);
  }
  StoreBuilder& add_voice(const std::string& name, std::size_t samples, std::uint64_t seed,
                          bool validation = false) {
    return add(name, Role::vocals, {{noise_s16(samples, 9000, seed)}}, validation);
  }
  StoreBuilder& add_accompaniment(const std::string& name, std::size_t samples, std::uint64_t seed,
                                  bool validation = false) {
    return add(name, Role::accompaniment, {{}, {}, {}, {noise_s16(samples, 5000, seed)}}, validation);
  }
  [[nodiscard]] AudioStore build() const { return {rate_hz_, recordings_, memory_}; }

 private:
  int rate_hz_;
  std::vector<Recording> recordings_;
  std::shared_ptr<std::vector<std::unique_ptr<Channel>>> memory_ =
      std::make_shared<std::vector<std::unique_ptr<Channel>>>();
};

}  // namespace svsep::test
