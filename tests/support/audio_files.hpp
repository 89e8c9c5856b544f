#pragma once

#include "core/rng.hpp"
#include "svsep/audio.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <numbers>
#include <stdexcept>
#include <string>
#include <vector>

namespace svsep::test {

/// A tone of the same phase in every channel; channel c has the amplitude / (c + 1).
inline AudioBuffer sine(int sample_rate_hz, std::size_t samples, std::size_t channels = 1,
                        double frequency_hz = 440.0, double amplitude = 0.5) {
  AudioBuffer buffer(channels, samples);
  const double step = 2.0 * std::numbers::pi * frequency_hz / sample_rate_hz;
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t n = 0; n < samples; ++n) {
      buffer.channels[c][n] = static_cast<float>(amplitude / static_cast<double>(c + 1) *
                                                 std::sin(step * static_cast<double>(n)));
    }
  }
  return buffer;
}

/// White noise, uniform in -amplitude..amplitude, different in every channel.
inline AudioBuffer noise(std::size_t samples, std::size_t channels = 1, double amplitude = 0.5,
                         std::uint64_t seed = 0) {
  AudioBuffer buffer(channels, samples);
  for (std::size_t c = 0; c < channels; ++c) {
    Rng rng({seed, c});
    for (float& value : buffer.channels[c]) value = static_cast<float>(rng.uniform(-amplitude, amplitude));
  }
  return buffer;
}

/// A tone that rises linearly from 100 Hz to a quarter of the rate: no two places of it sound alike. Channel
/// c begins (and ends) c * 50 Hz higher.
inline AudioBuffer sweep(int sample_rate_hz, std::size_t samples, std::size_t channels = 1,
                         double amplitude = 0.5) {
  AudioBuffer buffer(channels, samples);
  for (std::size_t c = 0; c < channels; ++c) {
    const double low_hz = 100.0 + 50.0 * static_cast<double>(c);
    const double slope = 0.25 * sample_rate_hz / static_cast<double>(samples);  // Hz a sample
    for (std::size_t n = 0; n < samples; ++n) {
      const auto t = static_cast<double>(n);
      const double cycles = (low_hz * t + slope * t * t / 2.0) / sample_rate_hz;
      buffer.channels[c][n] =
          static_cast<float>(amplitude * std::sin(2.0 * std::numbers::pi * (cycles - std::floor(cycles))));
    }
  }
  return buffer;
}

namespace detail {

inline void append(std::string& bytes, std::uint64_t value, int count) {
  for (int i = 0; i < count; ++i) bytes.push_back(static_cast<char>(value >> (8 * i) & 0xFFU));
}

/// A WAV file of interleaved little-endian samples; `format_tag` 1 is PCM, 3 IEEE float.
template <class SampleBits>
void write_wav(const std::filesystem::path& path, const AudioBuffer& buffer, int sample_rate_hz,
               unsigned format_tag, int sample_bytes, SampleBits&& bits_of) {
  std::string data;
  for (std::size_t n = 0; n < buffer.samples(); ++n) {
    for (const auto& channel : buffer.channels) append(data, bits_of(channel[n]), sample_bytes);
  }
  const std::uint64_t block = buffer.channels.size() * static_cast<std::size_t>(sample_bytes);
  const auto rate = static_cast<std::uint64_t>(sample_rate_hz);
  std::string bytes = "RIFF";
  append(bytes, 36 + data.size(), 4);
  bytes += "WAVEfmt ";
  append(bytes, 16, 4);
  append(bytes, format_tag, 2);
  append(bytes, buffer.channels.size(), 2);
  append(bytes, rate, 4);
  append(bytes, rate * block, 4);
  append(bytes, block, 2);
  append(bytes, static_cast<std::uint64_t>(sample_bytes) * 8, 2);
  bytes += "data";
  append(bytes, data.size(), 4);
  bytes += data;
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

}  // namespace detail

/// Writes 16-bit WAV by hand, so that tests do not rest on svsep's Encoder. Clips.
inline void write_wav_s16(const std::filesystem::path& path, const AudioBuffer& buffer, int sample_rate_hz) {
  detail::write_wav(path, buffer, sample_rate_hz, 1, 2, [](float value) {
    const float scaled = std::clamp(value * 32768.0F, -32768.0F, 32767.0F);
    return static_cast<std::uint64_t>(static_cast<std::uint16_t>(std::lrint(scaled)));
  });
}

/// Writes float WAV by hand; any value goes, NaN too.
inline void write_wav_f32(const std::filesystem::path& path, const AudioBuffer& buffer, int sample_rate_hz) {
  detail::write_wav(path, buffer, sample_rate_hz, 3, 4, [](float value) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    return static_cast<std::uint64_t>(bits);
  });
}

}  // namespace svsep::test
