#pragma once

#include "core/atomic_file.hpp"
#include "media/ffmpeg.hpp"
#include "media/track_encoder.hpp"
#include "svsep/encoder.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace svsep::ffmpeg {

/// With the AVIOContext that it writes to.
struct FreeOutput {
  void operator()(AVFormatContext* context) const noexcept;
};
using OutputPtr = std::unique_ptr<AVFormatContext, FreeOutput>;

/// A media file in the making: a container on a file or on standard output, and its audio tracks. Private to
/// media/.
class MediaFile {
 public:
  /// Without a path: standard output. Throws Error(output), as all that follow.
  MediaFile(const std::optional<std::filesystem::path>& path, const char* muxer);

  /// Before start(). An untitled track bears no title.
  void add_track(const EncoderSettings& settings, const std::string& title = {});
  /// Changes the whole file before it gets its name.
  void on_complete(std::function<void(const std::filesystem::path&)> touch) {
    last_touch_ = std::move(touch);
  }
  /// Writes the header. Tracks then count from 0.
  void start(const Tags& tags);
  void write(std::size_t number, const AudioBuffer& block);
  /// Writes all that is left and brings it to the disk; finish() then only gives the file its name.
  void complete();
  void finish(ExistingFile existing);

  [[nodiscard]] std::int64_t clipped_samples(std::size_t number) const {
    return tracks_[number].encoder.clipped_samples();
  }
  [[nodiscard]] float peak(std::size_t number) const { return tracks_[number].encoder.peak(); }

 private:
  struct Track {
    TrackEncoder encoder;
    AVStream* stream;  // of output_
    std::int64_t packets = 0;
  };

  [[noreturn]] void fail(const std::string& reason) const;
  void check(int code) const;
  AVStream& add_stream();
  void add_cover(const CoverImage& cover);
  void open_bytes();
  void write_header();
  void write_cover(const CoverImage& cover);
  void write_packet(Track& track, AVPacket& packet);
  [[nodiscard]] bool is_wav() const;
  void append_id3_chunk();

  std::string name_;                  // for messages
  std::unique_ptr<AtomicFile> file_;  // first, so that the handle on it is closed before it goes
  OutputPtr output_;
  std::vector<Track> tracks_;
  AVStream* cover_ = nullptr;  // of output_
  bool is_broadcast_ = false;
  std::string id3_tag_;
  std::function<void(const std::filesystem::path&)> last_touch_;
  bool complete_ = false;
};

}  // namespace svsep::ffmpeg
