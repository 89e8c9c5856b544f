#pragma once

#include "media/ffmpeg.hpp"
#include "svsep/audio.hpp"

#include <filesystem>

namespace svsep::ffmpeg {

/// Turns decoded frames into planar float samples of one rate, with the channels of the stream's first frame.
/// A stream that changes its form on the way is converted to how it began.
class FrameConverter {
 public:
  /// `path` is for errors.
  FrameConverter(std::filesystem::path path, const AVFrame& first, int rate_hz);

  /// Appends what the frame holds to `block`. Throws Error(input).
  void push(const AVFrame& frame, AudioBuffer& block);
  /// Appends what the converter holds back.
  void finish(AudioBuffer& block);

 private:
  void convert(const AVFrame* frame, AudioBuffer& block);
  void take_form_of(const AVFrame& frame);

  std::filesystem::path path_;
  FramePtr first_;
  int rate_hz_;
  FramePtr form_;  // a frame of the form that the converter takes
  ConverterPtr converter_;
};

}  // namespace svsep::ffmpeg
