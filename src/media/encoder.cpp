#include "svsep/media/encoder.hpp"

#include "ffmpeg.hpp"
#include "svsep/core/atomic_file.hpp"
#include "svsep/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

namespace svsep {
namespace {

struct Form {
  const char* muxer;
  AVCodecID codec;
  AVSampleFormat samples;
  int bits;
  const char* name;
};

Form form_of(AudioFormat format) {
  switch (format) {
    case AudioFormat::wav_s16:
      return {"wav", AV_CODEC_ID_PCM_S16LE, AV_SAMPLE_FMT_S16, 16, "16-bit WAV"};
    case AudioFormat::wav_s24:
      return {"wav", AV_CODEC_ID_PCM_S24LE, AV_SAMPLE_FMT_S32, 24, "24-bit WAV"};
    case AudioFormat::wav_f32:
      return {"wav", AV_CODEC_ID_PCM_F32LE, AV_SAMPLE_FMT_FLT, 32, "float WAV"};
    case AudioFormat::flac:
      return {"flac", AV_CODEC_ID_FLAC, AV_SAMPLE_FMT_S32, 24, "FLAC"};
    default:
      break;
  }
  throw Error(ErrorKind::runtime, "cannot encode: no such audio format");
}

constexpr int kPcmFrameSamples = 4096;

}  // namespace

struct Encoder::Impl {
  Impl(const std::filesystem::path& path, AudioFormat format, int sample_rate_hz, int channel_count)
      : file(path), form(form_of(format)), channels(channel_count) {
    ffmpeg::silence();
    AVFormatContext* made = nullptr;
    check(avformat_alloc_output_context2(&made, nullptr, form.muxer, nullptr));
    output.reset(made);
    const AVCodec* encoder = avcodec_find_encoder(form.codec);
    if (encoder == nullptr) check(AVERROR_ENCODER_NOT_FOUND);
    codec = ffmpeg::allocated<ffmpeg::CodecPtr>(avcodec_alloc_context3(encoder));
    codec->sample_fmt = form.samples;
    codec->bits_per_raw_sample = form.bits;
    codec->sample_rate = sample_rate_hz;
    codec->time_base = {1, sample_rate_hz};
    codec->flags |= AV_CODEC_FLAG_BITEXACT;  // the same samples give the same bytes
    output->flags |= AVFMT_FLAG_BITEXACT;
    if ((output->oformat->flags & AVFMT_GLOBALHEADER) != 0) codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (channels > 0) av_channel_layout_default(&codec->ch_layout, channels);
    const int opened =
        sample_rate_hz > 0 && channels > 0 ? avcodec_open2(codec.get(), encoder, nullptr) : AVERROR(EINVAL);
    if (opened < 0) {
      fail(std::string(form.name) + " cannot hold " + std::to_string(channels) + " channels at " +
           std::to_string(sample_rate_hz) + " Hz");
    }

    stream = avformat_new_stream(output.get(), nullptr);
    if (stream == nullptr) throw std::bad_alloc();
    stream->time_base = codec->time_base;
    check(avcodec_parameters_from_context(stream->codecpar, codec.get()));
    check(avio_open(&output->pb, ffmpeg::file_url(file.temporary_path()).c_str(), AVIO_FLAG_WRITE));
    av_opt_set(output->priv_data, "rf64", "auto", 0);  // WAV beyond 4 GiB; FLAC has no such option
    check(avformat_write_header(output.get(), nullptr));

    frame = ffmpeg::allocated<ffmpeg::FramePtr>(av_frame_alloc());
    packet = ffmpeg::allocated<ffmpeg::PacketPtr>(av_packet_alloc());
    frame_samples = codec->frame_size > 0 ? codec->frame_size : kPcmFrameSamples;
    frame->format = codec->sample_fmt;
    frame->sample_rate = sample_rate_hz;
    frame->nb_samples = frame_samples;
    check(av_channel_layout_copy(&frame->ch_layout, &codec->ch_layout));
    check(av_frame_get_buffer(frame.get(), 0));
  }

  [[noreturn]] void fail(const std::string& reason) const {
    throw Error(ErrorKind::output, "cannot write: " + file.path().string() + ": " + reason);
  }
  void check(int code) const {
    if (code < 0) fail(ffmpeg::error_text(code));
  }

  /// Nearest integer of `form.bits`, clipped and counted.
  std::int32_t quantise(float value) {
    if (std::isnan(value)) return 0;
    if (std::abs(value) > 1.0F) ++clipped;
    const float scale = std::ldexp(1.0F, form.bits - 1);
    return static_cast<std::int32_t>(std::lrint(std::clamp(value * scale, -scale, scale - 1.0F)));
  }

  /// Puts samples into the frame, interleaved, from `filled` on.
  void fill(std::span<const float> samples, int channel) {
    const auto put = [&]<class T>(T* to, auto&& value_of) {
      to += filled * channels + channel;
      for (const float value : samples) {
        *to = value_of(value);
        to += channels;
      }
    };
    std::uint8_t* data = frame->data[0];
    if (form.samples == AV_SAMPLE_FMT_FLT) {
      put(reinterpret_cast<float*>(data), [](float v) { return std::isnan(v) ? 0.0F : v; });
    } else if (form.samples == AV_SAMPLE_FMT_S16) {
      put(reinterpret_cast<std::int16_t*>(data),
          [&](float v) { return static_cast<std::int16_t>(quantise(v)); });
    } else {  // 24 bits lie in the upper part of 32
      put(reinterpret_cast<std::int32_t*>(data), [&](float v) { return quantise(v) * 256; });
    }
  }

  void write(const AudioBuffer& block) {
    if (block.samples() > 0 && block.channels.size() != static_cast<std::size_t>(channels)) {
      throw Error(ErrorKind::runtime, "cannot write: " + file.path().string() + ": expected " +
                                          std::to_string(channels) + " channels, got " +
                                          std::to_string(block.channels.size()));
    }
    for (std::size_t done = 0; done < block.samples();) {
      if (filled == 0) check(av_frame_make_writable(frame.get()));
      const auto count = std::min(block.samples() - done, static_cast<std::size_t>(frame_samples - filled));
      for (int c = 0; c < channels; ++c) {
        fill(std::span(block.channels[static_cast<std::size_t>(c)]).subspan(done, count), c);
      }
      filled += static_cast<int>(count);
      done += count;
      if (filled == frame_samples) send_frame();
    }
  }

  void send_frame() {
    frame->nb_samples = std::exchange(filled, 0);
    frame->pts = std::exchange(time, time + frame->nb_samples);
    encode(frame.get());
  }

  /// Encodes a frame, or (null) what the codec holds back, and writes the packets.
  void encode(const AVFrame* source) {
    check(avcodec_send_frame(codec.get(), source));
    for (;;) {
      const int code = avcodec_receive_packet(codec.get(), packet.get());
      if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return;
      check(code);
      av_packet_rescale_ts(packet.get(), codec->time_base, stream->time_base);
      check(av_write_frame(output.get(), packet.get()));
    }
  }

  void finish() {
    if (filled > 0) send_frame();
    encode(nullptr);
    check(av_write_trailer(output.get()));
    avio_flush(output->pb);
    check(output->pb->error);
    check(avio_closep(&output->pb));
    file.commit();
  }

  AtomicFile file;  // first, so that the handle on it is closed before it goes
  Form form;
  int channels;
  ffmpeg::OutputPtr output;
  ffmpeg::CodecPtr codec;
  AVStream* stream = nullptr;  // of output
  ffmpeg::FramePtr frame;      // being filled
  ffmpeg::PacketPtr packet;
  int frame_samples = 0;
  int filled = 0;         // samples per channel in frame
  std::int64_t time = 0;  // of frame's first sample
  std::int64_t clipped = 0;
};

int nearest_sample_rate(AudioFormat format, int rate_hz) {
  return format == AudioFormat::opus ? 48000 : rate_hz;
}

Encoder::Encoder(const std::filesystem::path& path, const EncoderSettings& settings)
    : impl_(std::make_unique<Impl>(path, settings.format, settings.sample_rate_hz, settings.channels)) {}
Encoder::Encoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Encoder Encoder::to_stdout(const EncoderSettings& settings) {
  return Encoder(
      std::make_unique<Impl>("/dev/stdout", settings.format, settings.sample_rate_hz, settings.channels));
}
Encoder::~Encoder() = default;
Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;

void Encoder::write(const AudioBuffer& block) { impl_->write(block); }
void Encoder::finish() { impl_->finish(); }
std::int64_t Encoder::clipped_samples() const noexcept { return impl_->clipped; }
float Encoder::peak() const noexcept { return 0.0F; }

}  // namespace svsep
