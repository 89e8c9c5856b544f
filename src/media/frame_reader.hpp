#pragma once

#include "media/input.hpp"
#include "media/raw_packets.hpp"
#include "svsep/decoder.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace svsep::ffmpeg {

/// The decoded frames of one audio stream of a file, one after the other.
class FrameReader {
 public:
  /// Opens the file and decodes the stream's first frame, which alone tells what the stream really holds.
  /// Throws Error(input).
  FrameReader(std::filesystem::path path, const DecoderOptions& options);

  /// Decodes the next frame, the first one too; false at the end of the stream. Throws Error(input).
  bool next();
  /// What next() gave.
  [[nodiscard]] const AVFrame& frame() const noexcept { return *frame_; }
  [[nodiscard]] const AVFrame& first() const noexcept { return *first_; }

  /// The first frame's, halved until it is at most kMaxSampleRateHz.
  [[nodiscard]] int rate_hz() const noexcept { return rate_hz_; }
  [[nodiscard]] int channels() const noexcept { return first_->ch_layout.nb_channels; }
  [[nodiscard]] const AVFormatContext& input() const noexcept { return *input_; }
  [[nodiscard]] AVStream& stream() const noexcept { return *stream_; }
  /// Which of the file's audio streams it is, and how many there are.
  [[nodiscard]] std::size_t number() const noexcept { return number_; }
  [[nodiscard]] std::size_t streams() const noexcept { return streams_; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::int64_t damaged_packets() const noexcept { return damaged_; }
  /// Samples (of rate_hz()) whose packets are missing before the frame that next() gave, judged by bytes that
  /// hold none; each is told once.
  [[nodiscard]] std::int64_t take_lost_samples() noexcept;
  /// Whether the last packet of a container without an index breaks off.
  [[nodiscard]] bool breaks_off() const noexcept { return raw_.breaks_off(); }

  /// Moves to a frame well before `begin`, in samples since the first frame's beginning (AAC's noise
  /// substitution then draws other noise); that frame's place, or -1 where it is not known to the sample. The
  /// reader is of no use after that.
  std::int64_t seek(std::int64_t begin);

 private:
  void open_stream(const DecoderOptions& options);
  void open_codec();
  bool decode();
  void feed();
  void require_usable();

  std::filesystem::path path_;
  InputPtr input_;
  AVStream* stream_ = nullptr;  // of input_
  CodecPtr codec_;
  PacketPtr packet_;
  FramePtr frame_;
  FramePtr first_;
  bool frame_waits_ = false;  // frame_ is decoded but not given
  std::int64_t damaged_ = 0;
  std::size_t number_ = 0;
  std::size_t streams_ = 0;
  int rate_hz_ = 0;
  int longest_frame_ = 0;  // in samples, so far
  RawPackets raw_;
};

}  // namespace svsep::ffmpeg
