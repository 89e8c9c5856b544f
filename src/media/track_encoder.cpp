#include "media/track_encoder.hpp"

#include "media/audio_format.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

namespace svsep::ffmpeg {
namespace {

/// What FFmpeg takes at 44.1 kHz. Its own choice at high rates makes frames of six channels that its reader
/// takes for damaged.
constexpr int kFlacFrameSamples = 4608;
constexpr int kPcmFrameSamples = 4096;

/// Nearest integer of that many bits, clipped.
std::int32_t quantise(float value, int bits) {
  const float scale = std::ldexp(1.0F, bits - 1);
  return static_cast<std::int32_t>(std::lrint(std::clamp(value * scale, -scale, scale - 1.0F)));
}

/// What goes into a frame: samples [from, from + count) of a channel, to `at` and on.
struct ChannelPart {
  std::span<const float> samples;
  int channel;
  int at;
};

template <class T, class ValueOf>
void put(AVFrame& frame, const ChannelPart& part, ValueOf&& value_of) {
  const bool planar = av_sample_fmt_is_planar(static_cast<AVSampleFormat>(frame.format)) != 0;
  const int step = planar ? 1 : frame.ch_layout.nb_channels;
  T* to = reinterpret_cast<T*>(frame.extended_data[planar ? part.channel : 0]) + part.at * step +
          (planar ? 0 : part.channel);
  for (const float value : part.samples) {
    *to = value_of(value);
    to += step;
  }
}

std::string channels_text(int channels) { return std::to_string(channels) + " channels"; }

}  // namespace

TrackEncoder::TrackEncoder(std::string name, const EncoderSettings& settings, bool global_header)
    : name_(std::move(name)), packet_(allocated<PacketPtr>(av_packet_alloc())) {
  require_holdable(settings);
  open_codec(settings, global_header);
  make_frame();
}

void TrackEncoder::fail(const std::string& reason) const {
  throw Error(ErrorKind::output, "cannot write: " + name_ + ": " + reason);
}

void TrackEncoder::check(int code) const {
  if (code >= 0) return;
  throw_if_cancelled();
  fail(error_text(code));
}

void TrackEncoder::require_holdable(const EncoderSettings& settings) const {
  const std::string format = form_of(settings.format).name;
  const int rate_hz = settings.sample_rate_hz;
  if (!holds(settings.format, settings.channels)) {
    const std::string others = formats_that_hold(settings.channels);
    fail(format + " cannot hold " + channels_text(settings.channels) +
         (others.empty() ? "" : "; " + others + " can"));
  }
  if (const int nearest_hz = nearest_sample_rate(settings.format, rate_hz); nearest_hz != rate_hz) {
    fail(format + " cannot hold " + std::to_string(rate_hz) + " Hz; the nearest is " +
         std::to_string(nearest_hz) + " Hz");
  }
}

void TrackEncoder::open_codec(const EncoderSettings& settings, bool global_header) {
  const Form form = form_of(settings.format);
  const AVCodec* encoder = avcodec_find_encoder_by_name(form.encoder);
  if (encoder == nullptr) fail(std::string("this FFmpeg has no encoder ") + form.encoder);
  codec_ = allocated<CodecPtr>(avcodec_alloc_context3(encoder));
  codec_->sample_fmt = form.samples;
  codec_->bits_per_raw_sample = form.bits;
  codec_->sample_rate = settings.sample_rate_hz;
  codec_->time_base = {1, settings.sample_rate_hz};
  if (settings.format == AudioFormat::flac) codec_->frame_size = kFlacFrameSamples;
  codec_->flags |= AV_CODEC_FLAG_BITEXACT;  // the same samples give the same bytes
  if (global_header) codec_->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  if (!set_layout(*codec_, settings.channels, settings.tags.speakers)) {
    fail(std::string(form.name) + " cannot hold the speakers " + speakers_text(settings.tags.speakers) +
         "; wav24 and flac can");
  }
  set_bitrate(*codec_, form, settings.bitrate_kbps);
  // Stems are mixed again, so their phase matters: no noise or intensity in place of the waveform.
  if (codec_->codec_id == AV_CODEC_ID_AAC) {
    av_opt_set_int(codec_->priv_data, "aac_pns", 0, 0);
    av_opt_set_int(codec_->priv_data, "aac_is", 0, 0);
  }
  if (settings.sample_rate_hz <= 0 || avcodec_open2(codec_.get(), encoder, nullptr) < 0) {
    const std::string bitrate =
        settings.bitrate_kbps ? " with " + std::to_string(*settings.bitrate_kbps) + " kb/s" : "";
    fail(std::string(form.name) + " cannot hold " + channels_text(settings.channels) + " at " +
         std::to_string(settings.sample_rate_hz) + " Hz" + bitrate);
  }
  clips_ = codec_->codec_id != AV_CODEC_ID_PCM_F32LE;
}

void TrackEncoder::make_frame() {
  frame_ = allocated<FramePtr>(av_frame_alloc());
  frame_samples_ = codec_->frame_size > 0 ? codec_->frame_size : kPcmFrameSamples;
  frame_->format = codec_->sample_fmt;
  frame_->sample_rate = codec_->sample_rate;
  frame_->nb_samples = frame_samples_;
  check(av_channel_layout_copy(&frame_->ch_layout, &codec_->ch_layout));
  check(av_frame_get_buffer(frame_.get(), 0));
}

void TrackEncoder::write(const AudioBuffer& block, const Sink& sink) {
  const auto channels = static_cast<std::size_t>(codec_->ch_layout.nb_channels);
  if (block.samples() > 0 && block.channels.size() != channels) {
    throw Error(ErrorKind::runtime, "cannot write: " + name_ + ": expected " + std::to_string(channels) +
                                        " channels, got " + std::to_string(block.channels.size()));
  }
  for (std::size_t done = 0; done < block.samples();) {
    if (filled_ == 0) check(av_frame_make_writable(frame_.get()));
    const auto count = std::min(block.samples() - done, static_cast<std::size_t>(frame_samples_ - filled_));
    fill(block, done, count);
    done += count;
    if (filled_ == frame_samples_) send_frame(sink);
  }
}

/// Puts samples [from, from + count) of the block into the frame.
void TrackEncoder::fill(const AudioBuffer& block, std::size_t from, std::size_t count) {
  for (std::size_t c = 0; c < block.channels.size(); ++c) {
    const ChannelPart part = {std::span(block.channels[c]).subspan(from, count), static_cast<int>(c),
                              filled_};
    if (codec_->sample_fmt == AV_SAMPLE_FMT_S16) {
      put<std::int16_t>(*frame_, part,
                        [this](float v) { return static_cast<std::int16_t>(quantise(measured(v), 16)); });
    } else if (codec_->sample_fmt == AV_SAMPLE_FMT_S32) {  // 24 bits lie in the upper part of 32
      put<std::int32_t>(*frame_, part, [this](float v) { return quantise(measured(v), 24) * 256; });
    } else {
      put<float>(*frame_, part, [this](float v) { return measured(v); });
    }
  }
  filled_ += static_cast<int>(count);
}

/// The value as it is written, but for rounding; counts it.
float TrackEncoder::measured(float value) {
  if (std::isnan(value)) return 0.0F;
  const float magnitude = std::abs(value);
  if (std::isfinite(magnitude)) peak_ = std::max(peak_, magnitude);
  if (magnitude <= 1.0F || !clips_) return value;
  ++clipped_;
  return std::copysign(1.0F, value);
}

void TrackEncoder::send_frame(const Sink& sink) {
  frame_->nb_samples = std::exchange(filled_, 0);
  frame_->pts = std::exchange(time_, time_ + frame_->nb_samples);
  encode(frame_.get(), sink);
}

/// Encodes a frame, or (null) what the codec holds back, and passes the packets on.
void TrackEncoder::encode(const AVFrame* frame, const Sink& sink) {
  check(avcodec_send_frame(codec_.get(), frame));
  for (;;) {
    const int code = avcodec_receive_packet(codec_.get(), packet_.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return;
    check(code);
    add_up_padding();
    sink(*packet_);
  }
}

/// An encoder may spread its padding over two packets; what the header of an MP3 states is that of the last
/// one.
void TrackEncoder::add_up_padding() {
  constexpr std::size_t kEndAt = 4;  // in FFmpeg's side data: samples to skip, to cut; little-endian
  std::size_t size = 0;
  std::uint8_t* skip = av_packet_get_side_data(packet_.get(), AV_PKT_DATA_SKIP_SAMPLES, &size);
  if (skip == nullptr || size < kEndAt + 4) return;
  for (std::size_t i = 0; i < 4; ++i) padding_ += std::uint32_t{skip[kEndAt + i]} << (8 * i);
  for (std::size_t i = 0; i < 4; ++i) skip[kEndAt + i] = static_cast<std::uint8_t>(padding_ >> (8 * i));
}

void TrackEncoder::finish(const Sink& sink) {
  if (filled_ > 0) send_frame(sink);
  encode(nullptr, sink);
}

}  // namespace svsep::ffmpeg
