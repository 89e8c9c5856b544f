#pragma once

#include "svsep/audio.hpp"
#include "svsep/tags.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

namespace svsep {

/// What part of a file to decode, on the file's own time line. The first sample is round(start_s * rate), the
/// end (exclusive) round(end_s * rate). The samples are those that decoding the whole file gives there (but
/// AAC's noise substitution may draw other noise).
struct TimeRange {
  double start_s = 0.0;
  std::optional<double> end_s = {};  ///< absent: to the end of the stream
  bool keeps_end_padding = false;  ///< do not cut what the container declares as padding, as FFmpeg's command
};

/// Decodes one audio stream of anything FFmpeg opens to planar float blocks, at the stream's own sample rate
/// and channel count. Encoder delay and padding that the container declares are removed, so the sample count
/// is the song's; a stream that changes rate or channel count on its way is converted to how it began.
/// Samples that are NaN or beyond +-1e12 become 0 and are counted. A damaged packet is skipped and counted,
/// as players do. One thread at a time; memory does not grow with the song.
///
/// The path "-" is standard input. That and named pipes need not be seekable (but an MP4 must then have its
/// index in front), and a stop (core/cancellation) interrupts the wait for them with Cancelled.
class Decoder {
 public:
  /// `stream` counts audio streams from 0. Throws Error(input) where the file is missing or not decodable,
  /// has no such stream, a rate above 768,000 Hz or more than 64 channels, or `range` is empty.
  explicit Decoder(const std::filesystem::path& path, std::size_t stream = 0, const TimeRange& range = {});
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;

  [[nodiscard]] int sample_rate_hz() const noexcept;
  [[nodiscard]] int channels() const noexcept;
  /// Samples per channel that read() will give, as the container claims: for progress, never for correctness.
  /// Absent where it claims nothing, as many do in a pipe.
  [[nodiscard]] std::optional<std::int64_t> expected_samples() const noexcept;

  /// Replaces `block` with the next samples (1 or more per channel); false at the end. Throws Error(input)
  /// where nothing of the stream could be decoded.
  bool read(AudioBuffer& block);

  /// What the file says of the song.
  [[nodiscard]] Tags tags() const;

  /// Samples so far that became 0 because they were no usable numbers.
  [[nodiscard]] std::int64_t unusable_samples() const noexcept;
  /// Packets so far that the codec refused.
  [[nodiscard]] std::int64_t damaged_packets() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The rest of the stream in one buffer, for short pieces.
[[nodiscard]] AudioBuffer read_all(Decoder& decoder);

}  // namespace svsep
