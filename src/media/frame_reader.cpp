#include "media/frame_reader.hpp"

#include "core/limits.hpp"
#include "media/exact_time.hpp"
#include "svsep/cancellation.hpp"

#include <string>
#include <utility>

namespace svsep::ffmpeg {
namespace {

constexpr int kMaxChannels = 64;
/// Demuxers may ask for another call, but not for ever.
constexpr int kMaxIdleReads = 1000;

}  // namespace

FrameReader::FrameReader(std::filesystem::path path, std::size_t number)
    : path_(std::move(path)),
      input_(open_input(path_)),
      packet_(allocated<PacketPtr>(av_packet_alloc())),
      frame_(allocated<FramePtr>(av_frame_alloc())) {
  find_stream_info(path_, *input_);
  throw_if_cancelled();
  open_stream(number);
  open_codec();
  if (!decode()) {
    fail_to_decode(path_, damaged_ == 0
                              ? "holds no audio samples"
                              : "nothing could be decoded; " + std::to_string(damaged_) + " damaged packets");
  }
  require_usable();
  first_ = allocated<FramePtr>(av_frame_clone(frame_.get()));
  frame_waits_ = true;
}

void FrameReader::open_stream(std::size_t number) {
  const auto streams = require_audio_streams(path_, *input_);
  if (number >= streams.size()) {
    fail_to_decode(path_, "has no audio stream " + std::to_string(number) + "; expected 0.." +
                              std::to_string(streams.size() - 1));
  }
  stream_ = streams[number];
  for (unsigned i = 0; i < input_->nb_streams; ++i) {
    if (input_->streams[i] != stream_) input_->streams[i]->discard = AVDISCARD_ALL;
  }
}

void FrameReader::open_codec() {
  const AVCodec* decoder = avcodec_find_decoder(stream_->codecpar->codec_id);
  if (decoder == nullptr) {
    fail_to_decode(path_, std::string("no decoder for ") + avcodec_get_name(stream_->codecpar->codec_id));
  }
  codec_ = allocated<CodecPtr>(avcodec_alloc_context3(decoder));
  int code = avcodec_parameters_to_context(codec_.get(), stream_->codecpar);
  codec_->pkt_timebase = stream_->time_base;  // without it, delay and padding are not cut exactly
  if (code >= 0) code = avcodec_open2(codec_.get(), decoder, nullptr);
  if (code < 0) fail_to_decode(path_, std::string(decoder->name) + ": " + error_text(code));
}

void FrameReader::require_usable() const {
  if (frame_->sample_rate < 1 || frame_->sample_rate > kMaxSampleRateHz) {
    fail_to_decode(path_, "sample rate; expected 1 to " + std::to_string(kMaxSampleRateHz) + " Hz, got " +
                              std::to_string(frame_->sample_rate));
  }
  const int channels = frame_->ch_layout.nb_channels;
  if (channels < 1 || channels > kMaxChannels) {
    fail_to_decode(path_, "channels; expected 1 to " + std::to_string(kMaxChannels) + ", got " +
                              std::to_string(channels));
  }
}

bool FrameReader::next() { return std::exchange(frame_waits_, false) || decode(); }

/// Decodes into frame_; false at the end of the stream.
bool FrameReader::decode() {
  for (;;) {
    const int code = avcodec_receive_frame(codec_.get(), frame_.get());
    if (code == AVERROR_EOF) return false;
    if (code == AVERROR(ENOMEM)) fail_to_decode(path_, error_text(code));
    if (code == AVERROR(EAGAIN)) {
      feed();
    } else if (code < 0) {
      ++damaged_;
    } else if (frame_->nb_samples > 0) {
      return true;
    }
  }
}

/// Gives the codec the stream's next packet, or the end where there is none.
void FrameReader::feed() {
  int code = 0;
  int idle = 0;
  do {
    av_packet_unref(packet_.get());
    code = av_read_frame(input_.get(), packet_.get());
  } while (code >= 0 ? packet_->stream_index != stream_->index
                     : code == AVERROR(EAGAIN) && ++idle < kMaxIdleReads);
  require_readable(path_, *input_);
  if (code == AVERROR(ENOMEM)) fail_to_decode(path_, error_text(code));
  if (code < 0 && code != AVERROR_EOF) {
    throw_if_cancelled();
    ++damaged_;  // cut off here: the rest is lost
  }
  code = avcodec_send_packet(codec_.get(), code < 0 ? nullptr : packet_.get());
  if (code == AVERROR(ENOMEM)) fail_to_decode(path_, error_text(code));
  if (code < 0) ++damaged_;
}

std::int64_t FrameReader::seek(std::int64_t begin) {
  const AVRational sample = {1, rate_hz()};
  const std::int64_t target = first_->pts + av_rescale_q(begin, sample, stream_->time_base);
  if (av_seek_frame(input_.get(), stream_->index, target, AVSEEK_FLAG_BACKWARD) < 0) return -1;
  avcodec_flush_buffers(codec_.get());
  if (!decode() || frame_->pts == AV_NOPTS_VALUE) return -1;
  frame_waits_ = true;
  return av_rescale_q(frame_->pts - first_->pts, stream_->time_base, sample);
}

}  // namespace svsep::ffmpeg
