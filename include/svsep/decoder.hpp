#pragma once

#include "svsep/audio.hpp"
#include "svsep/tags.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace svsep {

/// What part of a file to decode, on the file's own time line. The first sample is round(start_s * rate), the
/// end (exclusive) round(end_s * rate). The samples are those that decoding the whole file gives there (but
/// AAC's noise substitution may draw other noise).
struct TimeRange {
  double start_s = 0.0;
  std::optional<double> end_s = {};  ///< absent: to the end of the stream
  bool keeps_end_padding = false;  ///< do not cut what the container declares as padding, as FFmpeg's command
};

/// Which stream of a file, and what part of it. Where neither number nor language is given: the first audio
/// stream flagged as default, or else the first.
struct DecoderOptions {
  std::optional<std::size_t> stream = {};  ///< counts audio streams from 0
  std::string language = {};               ///< as the file has it: "eng", "deu", ...
  TimeRange range = {};
};

/// What decoding found out about a song, so far.
struct DecodingReport {
  std::size_t stream = 0;                 ///< that was decoded
  std::size_t streams = 1;                ///< audio streams in the file
  std::int64_t lead_samples = 0;          ///< silence before audio that begins late
  std::int64_t filled_samples = 0;        ///< silence in holes of the time line and for lost packets
  std::int64_t unusable_samples = 0;      ///< that were no usable numbers and became 0, over all channels
  std::int64_t damaged_packets = 0;       ///< that the codec refused
  std::optional<double> length_s = {};    ///< where the stream ends, once it has been read to its end
  std::optional<double> declared_s = {};  ///< where it should end, as the file declares; absent: it does not
  bool is_cut_off = false;                ///< ends before it should
  /// The same in English, a sentence each without a full stop, of what a user should know.
  std::vector<std::string> warnings = {};
};

/// Decodes one audio stream of anything FFmpeg opens to planar float blocks, at the stream's own sample rate
/// (halved until it is 768,000 Hz or less) and channel count. Sample n is sample n of the song's time line:
/// of a film, of what the container calls 0, without the encoder delay and padding that it declares. Where
/// the audio begins late, has holes or lost packets, there is silence. A stream that changes rate or channel
/// count on its way is converted to how it began. Samples that are NaN or beyond +-1e12 become 0 and are
/// counted; where they are more than 1 %, that is an error. A damaged packet is counted. One thread at a
/// time; memory does not grow with the song.
///
/// The path "-" is standard input. That and named pipes need not be seekable (but an MP4 must then have its
/// index in front), and a stop (core/cancellation) interrupts the wait for them with Cancelled.
class Decoder {
 public:
  /// Throws Error(input) where the file is missing or not decodable, has no such stream, a rate above 24 MHz
  /// or more than 64 channels, or the range is empty.
  explicit Decoder(const std::filesystem::path& path, const DecoderOptions& options = {});
  Decoder(const std::filesystem::path& path, std::size_t stream, const TimeRange& range = {});
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;

  [[nodiscard]] int sample_rate_hz() const noexcept;
  [[nodiscard]] int channels() const noexcept;
  /// Samples per channel that read() will give, as the container claims: for progress, never for correctness.
  /// Absent where it claims nothing, as many do in a pipe.
  [[nodiscard]] std::optional<std::int64_t> expected_samples() const noexcept;

  /// Replaces `block` with the next samples (1 or more per channel); false at the end. Throws Error(input)
  /// where nothing of the stream could be decoded, or too much of it is unusable.
  bool read(AudioBuffer& block);

  /// What the file says of the song.
  [[nodiscard]] Tags tags() const;

  /// Complete once read() gave false.
  [[nodiscard]] DecodingReport report() const;
  [[nodiscard]] std::int64_t unusable_samples() const noexcept;
  [[nodiscard]] std::int64_t damaged_packets() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The rest of the stream in one buffer, for short pieces.
[[nodiscard]] AudioBuffer read_all(Decoder& decoder);

/// Logs what report() warns of, a line each that begins with the path.
void log_warnings(const std::filesystem::path& path, const DecodingReport& report);

}  // namespace svsep
