#pragma once

#include "core/atomic_file.hpp"
#include "media/ffmpeg.hpp"
#include "svsep/encoder.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace svsep::ffmpeg {

/// A media file in the making: a container on a file or on standard output, and its audio tracks. Private to
/// media/.
class MediaFile {
 public:
  /// Without a path: standard output. Throws Error(output), as all that follow.
  MediaFile(const std::optional<std::filesystem::path>& path, const char* muxer);

  /// Before start(). An untitled track bears no title.
  void add_track(const EncoderSettings& settings, const std::string& title = {});
  /// Writes the header. Tracks then count from 0.
  void start(const Tags& tags);
  void write(std::size_t number, const AudioBuffer& block);
  /// Writes all that is left and brings it to the disk; finish() then only gives the file its name.
  void complete();
  void finish();

  [[nodiscard]] std::int64_t clipped_samples(std::size_t number) const { return tracks_[number].clipped; }
  [[nodiscard]] float peak(std::size_t number) const { return tracks_[number].peak; }

 private:
  struct Track {
    CodecPtr codec;
    AVStream* stream = nullptr;  // of output_
    FramePtr frame;              // being filled
    int frame_samples = 0;
    int filled = 0;         // samples per channel in frame
    std::int64_t time = 0;  // of frame's first sample
    std::int64_t packets = 0;
    std::uint32_t padding = 0;  // samples at the end of the packets that are none of the song's
    std::int64_t clipped = 0;
    float peak = 0.0F;
  };

  [[noreturn]] void fail(const std::string& reason) const;
  void check(int code) const;
  AVStream& add_stream();
  void add_cover(const CoverImage& cover);
  void send_frame(Track& track);
  void encode(Track& track, const AVFrame* frame);
  void add_up_padding(Track& track);

  std::string name_;                  // for messages
  std::unique_ptr<AtomicFile> file_;  // first, so that the handle on it is closed before it goes
  OutputPtr output_;
  std::vector<Track> tracks_;
  AVStream* cover_ = nullptr;  // of output_
  bool complete_ = false;
  PacketPtr packet_;
};

}  // namespace svsep::ffmpeg
