#pragma once

#include "dataset/audio_store.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace svsep {

/// Above this, a part is silent: 80 dB below full scale.
inline constexpr float kSilentPeak = 1e-4F;

/// What a file of the cache is for. Anything else in its header makes it another's.
struct CacheKey {
  std::uint64_t content = 0;  ///< of the files that it was made from, and of what was taken from them
  int sample_rate_hz = 0;
};

/// A decoded item in a memory-mapped file of the cache: a header of 48 bytes, then the channels of every part
/// in turn as 16-bit integers, all in the processor's byte order (little endian). No part: nothing audible.
struct CachedAudio {
  std::size_t samples = 0;  ///< of every channel
  float scale = 1.0F;       ///< sample value = integer * scale
  std::array<std::vector<std::span<const std::int16_t>>, kPartCount> parts;
  std::shared_ptr<const void> memory;  ///< what the spans point to

  [[nodiscard]] bool silent() const;
};

/// Maps a file of the cache; nothing where it is missing, truncated, of another version or not for `key`. No
/// number of its header is trusted. Throws Error(runtime) where the system has no more mappings to give.
[[nodiscard]] std::optional<CachedAudio> map_cached_audio(const std::filesystem::path& path,
                                                          const CacheKey& key);

/// The channels of a part while an item is decoded: any number of samples a channel, 0 to 2 channels.
/// They lie in files that have no name and so go when the program does, whatever ends it: so memory does not
/// grow with the recording.
class SampleSpool {
 public:
  /// Files lie in `folder`. Throws Error(output), as append() and read().
  explicit SampleSpool(const std::filesystem::path& folder);

  void append(std::span<const float> samples);
  /// From the start, in blocks.
  void read(const std::function<void(std::span<const float>)>& sink);

  [[nodiscard]] std::size_t samples() const noexcept { return samples_; }
  [[nodiscard]] float peak() const noexcept { return peak_; }  ///< largest magnitude

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  std::filesystem::path folder_;
  std::unique_ptr<std::FILE, CloseFile> file_;
  std::size_t samples_ = 0;
  float peak_ = 0.0F;
};

/// Writes a file of the cache, whole or not at all. Channels that are shorter than the longest end in
/// silence; parts that are silent throughout are left out. Throws Error(output).
void write_cached_audio(const std::filesystem::path& path, const CacheKey& key,
                        std::array<std::vector<SampleSpool>, kPartCount>& parts);

}  // namespace svsep
