#pragma once

#include "media/frame_reader.hpp"

#include <cstdint>

namespace svsep::ffmpeg {

/// Reads the time line off the frames' time stamps: where it jumps forward, audio is missing. Only jumps
/// count; stamps that drift against the count of samples do not. All counts are samples of the reader's rate.
class Clock {
 public:
  explicit Clock(const FrameReader& reader);

  /// Where the first frame lies on the song's time line: more than 0 where the audio begins late.
  [[nodiscard]] std::int64_t lead() const noexcept { return lead_; }

  /// The silence that belongs before this frame, which would otherwise come at `position`.
  std::int64_t gap_before(const AVFrame& frame, std::int64_t position);

 private:
  [[nodiscard]] std::int64_t samples_of(const AVFrame& frame) const;
  [[nodiscard]] std::int64_t start_of(const AVFrame& frame) const;

  const FrameReader& reader_;
  std::int64_t lead_ = 0;
  std::int64_t tolerance_ = 0;
  std::int64_t longest_ = 0;   // frame so far
  std::int64_t expected_ = 0;  // start of the next frame, by the stamps
  std::int64_t frames_ = 0;
  std::int64_t decoded_ = 0;  // samples so far
  std::int64_t filled_ = 0;
  bool has_stamps_ = false;
};

}  // namespace svsep::ffmpeg
