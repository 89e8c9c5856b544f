#pragma once

#include "media/input.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace svsep::ffmpeg {

/// The decoded frames of one audio stream of a file, one after the other.
class FrameReader {
 public:
  /// Opens the file and decodes the stream's first frame, which alone tells what the stream really holds.
  /// `number` counts audio streams from 0. Throws Error(input).
  FrameReader(std::filesystem::path path, std::size_t number);

  /// Decodes the next frame, the first one too; false at the end of the stream. Throws Error(input).
  bool next();
  /// What next() gave.
  [[nodiscard]] const AVFrame& frame() const noexcept { return *frame_; }
  [[nodiscard]] const AVFrame& first() const noexcept { return *first_; }

  [[nodiscard]] int rate_hz() const noexcept { return first_->sample_rate; }
  [[nodiscard]] int channels() const noexcept { return first_->ch_layout.nb_channels; }
  [[nodiscard]] const AVFormatContext& input() const noexcept { return *input_; }
  [[nodiscard]] AVStream& stream() const noexcept { return *stream_; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::int64_t damaged_packets() const noexcept { return damaged_; }

  /// Moves to a frame well before `begin`, in samples since the first frame's beginning (AAC's noise
  /// substitution then draws other noise); that frame's place, or -1 where it is not known to the sample. The
  /// reader is of no use after that.
  std::int64_t seek(std::int64_t begin);

 private:
  void open_stream(std::size_t number);
  void open_codec();
  bool decode();
  void feed();
  void require_usable() const;

  std::filesystem::path path_;
  InputPtr input_;
  AVStream* stream_ = nullptr;  // of input_
  CodecPtr codec_;
  PacketPtr packet_;
  FramePtr frame_;
  FramePtr first_;
  bool frame_waits_ = false;  // frame_ is decoded but not given
  std::int64_t damaged_ = 0;
};

}  // namespace svsep::ffmpeg
