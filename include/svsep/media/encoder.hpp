#pragma once

#include "svsep/core/audio.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>

namespace svsep {

enum class AudioFormat { wav_s16, wav_s24, wav_f32, flac };

/// Writes planar float audio to a file that appears under its name only when finish() succeeded. Integer
/// formats clip to full scale, round to nearest and count what they clipped; FLAC is 24-bit. One thread at a
/// time; memory does not grow with the song.
class Encoder {
 public:
  /// Throws Error(output) where the file cannot be written or the format cannot hold that rate or channel
  /// count.
  Encoder(const std::filesystem::path& path, AudioFormat format, int sample_rate_hz, int channels);
  /// Removes the unfinished file unless finish() succeeded.
  ~Encoder();
  Encoder(Encoder&&) noexcept;
  Encoder& operator=(Encoder&&) noexcept;

  /// Appends a block of any length with the constructor's channel count. Throws Error(output), e.g. disk
  /// full.
  void write(const AudioBuffer& block);
  /// Completes the file and gives it its name. Throws Error(output).
  void finish();

  /// Samples beyond full scale so far, over all channels (0 for wav_f32, which holds them).
  [[nodiscard]] std::int64_t clipped_samples() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace svsep
