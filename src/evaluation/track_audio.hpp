#pragma once

#include "svsep/audio.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace svsep {

/// One audio stream of a file.
struct AudioStream {
  std::filesystem::path path;
  std::size_t index = 0;
};

/// Reads audio streams that must all have the rate, channel count and length of the first.
class TrackReader {
 public:
  /// A length that differs from the first stream's by `tolerance` samples at most is made equal, with zeros
  /// where it is shorter. Damage and unusable samples are told in a warning. Throws Error(input), which names
  /// both values where they differ; Cancelled.
  [[nodiscard]] AudioBuffer read(const AudioStream& stream, std::size_t tolerance = 0);

  /// As read(). What a lossy codec cannot keep may differ: its padding (2048 samples) and, of Opus, the rate,
  /// which is then resampled, with a warning.
  [[nodiscard]] AudioBuffer read_estimate(const AudioStream& stream, std::size_t tolerance = 0);

  /// Of the first stream that was read.
  [[nodiscard]] int sample_rate_hz() const { return sample_rate_hz_.value(); }

 private:
  AudioBuffer checked(const AudioStream& stream, AudioBuffer audio, std::size_t tolerance);

  std::optional<int> sample_rate_hz_;
  std::optional<std::size_t> channels_;
  std::optional<std::size_t> samples_;
};

/// The stems in a folder by name in lower case, whatever their format; the mixture is none. Hidden files are
/// left out. Throws Error(input): no such folder, or two files of one stem.
[[nodiscard]] std::map<std::string, std::filesystem::path> stems_in(const std::filesystem::path& folder);

/// The stems that svsep separate wrote, by name in lower case: as stems_in, or the streams of a stem file by
/// their titles. Throws Error(input).
[[nodiscard]] std::map<std::string, AudioStream> estimates_in(
    const std::filesystem::path& folder_or_stem_file);

/// Rounds to 16 bits, as the musdb package (0.4) reads stem files, and with it all scores that museval ever
/// gave of MUSDB18. It matters: above the codec's cut-off, rounding is all that a stem holds, and filters
/// that could amplify less than that would find interference and artifacts where the others' scores have
/// none.
void round_to_16_bits(AudioBuffer& audio);

/// Adds another buffer of the same shape.
void add(AudioBuffer& audio, const AudioBuffer& other);

}  // namespace svsep
