#pragma once

#include "svsep/audio.hpp"
#include "svsep/audio_format.hpp"
#include "svsep/existing_file.hpp"
#include "svsep/tags.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

namespace svsep {

struct EncoderSettings {
  AudioFormat format = AudioFormat::wav_s24;
  int sample_rate_hz = 0;
  int channels = 0;
  /// Lossy formats only, for all channels together; absent, for stereo: MP3 320, AAC 256, Opus 160, Vorbis
  /// quality 8. What is too much or too little for the format becomes its nearest (Vorbis: an error).
  std::optional<int> bitrate_kbps = {};
  Tags tags = {};  ///< a format leaves out what it has no place for (standard output: no picture in WAV)
};

/// Writes planar float audio to a file that appears under its name only when finish() succeeded. Readers get
/// the exact sample count back: lossy formats state their delay and padding. All formats but float WAV clip
/// to full scale and count what they clipped; integers are rounded to nearest, FLAC's have 24 bits. NaN
/// becomes 0. One thread at a time; memory does not grow with the song.
class Encoder {
 public:
  /// Throws Error(output) where the file cannot be written or the format cannot hold that rate, channel count
  /// or bit rate; the text names formats that can hold the channels.
  Encoder(const std::filesystem::path& path, const EncoderSettings& settings);
  /// To standard output, which need not be seekable: WAV then has the sizes of a stream (0xFFFFFFFF), m4a is
  /// fragmented, and MP3 and FLAC state no length (MP3 no delay either).
  [[nodiscard]] static Encoder to_stdout(const EncoderSettings& settings);
  /// Removes the unfinished file unless finish() succeeded.
  ~Encoder();
  Encoder(Encoder&&) noexcept;
  Encoder& operator=(Encoder&&) noexcept;

  /// Appends a block of any length with the settings' channel count. Throws Error(output), e.g. disk full.
  void write(const AudioBuffer& block);
  /// Writes all that is left and brings it to the disk, under a temporary name still, so that the files of
  /// several encoders can get their names together. Throws Error(output).
  void complete();
  /// As complete(), and gives the file its name. Throws Error(output).
  void finish(ExistingFile existing = ExistingFile::replace);

  /// Samples beyond full scale so far, over all channels (0 for wav_f32, which holds them).
  [[nodiscard]] std::int64_t clipped_samples() const noexcept;
  /// The largest finite magnitude so far, before clipping; full scale is 1.
  [[nodiscard]] float peak() const noexcept;

 private:
  struct Impl;
  explicit Encoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace svsep
