#pragma once

#include "media/ffmpeg.hpp"

#include <cstdint>
#include <filesystem>

namespace svsep::ffmpeg {

/// Watches the packets of a stream that is nothing but packets (MP3, ADTS, AC-3, DTS): bytes between two
/// packets that are no tag were packets once, and a last packet that is shorter than its header says breaks
/// off.
class RawPackets {
 public:
  RawPackets() = default;
  RawPackets(std::filesystem::path path, const AVFormatContext& input, const AVStream& stream);

  void push(const AVPacket& packet);
  /// Those missing since the last call, judged by their mean size; below 0 where the
  /// container counted packets that were none.
  std::int64_t take_lost_packets() noexcept;
  /// Of the latest packet.
  [[nodiscard]] bool breaks_off() const noexcept { return breaks_off_; }

 private:
  void add_lost(double bytes);
  [[nodiscard]] bool holds_tag(std::int64_t place) const;

  std::filesystem::path path_;
  bool is_raw_ = false;
  AVCodecID codec_ = AV_CODEC_ID_NONE;
  std::int64_t next_place_ = -1;  // in the file, where the next packet should begin
  double mean_bytes_ = 0.0;
  std::int64_t lost_ = 0;
  bool breaks_off_ = false;
};

}  // namespace svsep::ffmpeg
