#pragma once

#include "media/ffmpeg.hpp"
#include "svsep/audio.hpp"
#include "svsep/encoder.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace svsep::ffmpeg {

/// One audio track in the making: samples in, packets of the format's codec out.
class TrackEncoder {
 public:
  /// Takes each packet in the codec's time base; it may move the packet away.
  using Sink = std::function<void(AVPacket& packet)>;

  /// `name` is the file's, for messages. Throws Error(output) where the format cannot hold that rate, channel
  /// count or bit rate.
  TrackEncoder(std::string name, const EncoderSettings& settings, bool global_header);

  /// Appends a block with the settings' channel count. Throws Error.
  void write(const AudioBuffer& block, const Sink& sink);
  /// Encodes what is left.
  void finish(const Sink& sink);

  [[nodiscard]] const AVCodecContext& codec() const noexcept { return *codec_; }
  /// Samples beyond full scale so far, over all channels.
  [[nodiscard]] std::int64_t clipped_samples() const noexcept { return clipped_; }
  /// The largest finite magnitude so far, before clipping.
  [[nodiscard]] float peak() const noexcept { return peak_; }

 private:
  [[noreturn]] void fail(const std::string& reason) const;
  void check(int code) const;
  void require_holdable(const EncoderSettings& settings) const;
  void open_codec(const EncoderSettings& settings, bool global_header);
  void make_frame();
  void fill(const AudioBuffer& block, std::size_t from, std::size_t count);
  float measured(float value);
  void send_frame(const Sink& sink);
  void encode(const AVFrame* frame, const Sink& sink);
  void add_up_padding();

  std::string name_;
  CodecPtr codec_;
  PacketPtr packet_;
  FramePtr frame_;  // being filled
  int frame_samples_ = 0;
  int filled_ = 0;             // samples per channel in frame_
  std::int64_t time_ = 0;      // of frame_'s first sample
  std::uint32_t padding_ = 0;  // samples at the end of the packets that are not the song's
  bool clips_ = true;          // but float PCM, which holds what lies beyond full scale
  std::int64_t clipped_ = 0;
  float peak_ = 0.0F;
};

}  // namespace svsep::ffmpeg
