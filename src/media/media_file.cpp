#include "media/media_file.hpp"

#include "media/pipe.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

extern "C" {
#include <libavutil/base64.h>
}

namespace svsep {
namespace {

constexpr std::array kMp3RatesHz = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000};
constexpr std::array kAacRatesHz = {7350,  8000,  11025, 12000, 16000, 22050, 24000,
                                    32000, 44100, 48000, 64000, 88200, 96000};
constexpr std::array kOpusRatesHz = {48000};
constexpr int kLowestVorbisRateHz = 8000;
constexpr int kHighestVorbisRateHz = 192000;

/// What FFmpeg takes at 44.1 kHz. Its own choice at high rates makes frames of six channels that its reader
/// takes for damaged.
constexpr int kFlacFrameSamples = 4608;

constexpr float kVorbisQuality = 8.0F;  // about 256 kb/s for stereo

struct Form {
  const char* encoder;
  AVSampleFormat samples;
  int bits;
  const char* name;
  int most_channels;
  int kbps_a_channel = 0;              ///< 0: the encoder takes none, or a quality
  std::span<const int> rates_hz = {};  ///< empty: any
};

Form form_of(AudioFormat format) {
  constexpr int kAny = std::numeric_limits<std::uint16_t>::max();
  switch (format) {
    case AudioFormat::wav_s16:
      return {"pcm_s16le", AV_SAMPLE_FMT_S16, 16, "16-bit WAV", kAny};
    case AudioFormat::wav_s24:
      return {"pcm_s24le", AV_SAMPLE_FMT_S32, 24, "24-bit WAV", kAny};
    case AudioFormat::wav_f32:
      return {"pcm_f32le", AV_SAMPLE_FMT_FLT, 32, "float WAV", kAny};
    case AudioFormat::flac:
      return {"flac", AV_SAMPLE_FMT_S32, 24, "FLAC", 8};
    case AudioFormat::mp3:
      return {"libmp3lame", AV_SAMPLE_FMT_FLTP, 0, "MP3", 2, 160, kMp3RatesHz};
    case AudioFormat::m4a:
      return {"aac", AV_SAMPLE_FMT_FLTP, 0, "AAC", 8, 128, kAacRatesHz};
    case AudioFormat::ogg:
      return {"libvorbis", AV_SAMPLE_FMT_FLTP, 0, "Ogg Vorbis", 8};
    case AudioFormat::opus:
      return {"libopus", AV_SAMPLE_FMT_FLT, 0, "Opus", 8, 80, kOpusRatesHz};
  }
  throw Error(ErrorKind::runtime, "cannot encode: no such audio format");
}

bool holds(AudioFormat format, int channels) {
  // FFmpeg's libopus puts the channels of 5.0 and 6.1 in a wrong order.
  if (format == AudioFormat::opus && (channels == 5 || channels == 7)) return false;
  return channels >= 1 && channels <= form_of(format).most_channels;
}

std::string formats_that_hold(int channels) {
  std::vector<std::string_view> names;
  for (const FormatName& one : kFormatNames) {
    if (holds(one.format, channels)) names.push_back(one.name);
  }
  std::string text;
  for (const std::string_view name : names) {
    if (!text.empty()) text += name == names.back() ? " and " : ", ";
    text += name;
  }
  return text;
}

/// The speakers that the codec assumes for that many channels.
void set_layout(AVCodecContext& codec, int channels) {
  const bool is_aac = codec.codec_id == AV_CODEC_ID_AAC;
  if (!is_aac && codec.codec_id != AV_CODEC_ID_VORBIS && codec.codec_id != AV_CODEC_ID_OPUS) {
    av_channel_layout_default(&codec.ch_layout, channels);
    return;
  }
  const std::array<std::uint64_t, 8> layouts = {
      AV_CH_LAYOUT_MONO,         AV_CH_LAYOUT_STEREO,
      AV_CH_LAYOUT_SURROUND,     is_aac ? AV_CH_LAYOUT_4POINT0 : AV_CH_LAYOUT_QUAD,
      AV_CH_LAYOUT_5POINT0_BACK, AV_CH_LAYOUT_5POINT1_BACK,
      AV_CH_LAYOUT_6POINT1,      AV_CH_LAYOUT_7POINT1};
  av_channel_layout_from_mask(&codec.ch_layout, layouts[static_cast<std::size_t>(channels - 1)]);
}

void set_bitrate(AVCodecContext& codec, const Form& form, const EncoderSettings& settings) {
  std::int64_t kbps = settings.bitrate_kbps.value_or(form.kbps_a_channel * settings.channels);
  if (codec.codec_id == AV_CODEC_ID_OPUS) kbps = std::clamp<std::int64_t>(kbps, 6, 256 * settings.channels);
  if (kbps > 0) {
    codec.bit_rate = 1000 * kbps;
  } else if (codec.codec_id == AV_CODEC_ID_VORBIS) {
    codec.flags |= AV_CODEC_FLAG_QSCALE;
    codec.global_quality = static_cast<int>(kVorbisQuality * FF_QP2LAMBDA);
  }
}

/// The picture as a FLAC picture block, which Ogg keeps as text in a comment (xiph.org's VorbisComment).
std::string picture_comment(const CoverImage& cover) {
  std::vector<std::uint8_t> block;
  const auto put = [&](std::size_t value) {
    for (const int shift : {24, 16, 8, 0}) block.push_back(static_cast<std::uint8_t>(value >> shift & 0xFFU));
  };
  const std::string_view type = cover.codec == "png" ? "image/png" : "image/jpeg";
  put(3);  // front cover
  put(type.size());
  block.insert(block.end(), type.begin(), type.end());
  put(0);  // no description
  put(static_cast<std::size_t>(cover.width));
  put(static_cast<std::size_t>(cover.height));
  put(24);  // bits a pixel
  put(0);   // no palette
  put(cover.bytes.size());
  block.insert(block.end(), cover.bytes.begin(), cover.bytes.end());
  std::string text(AV_BASE64_SIZE(block.size()), '\0');
  av_base64_encode(text.data(), static_cast<int>(text.size()), block.data(), static_cast<int>(block.size()));
  text.pop_back();  // its terminating zero
  return text;
}

/// Nearest integer of that many bits, clipped.
std::int32_t quantise(float value, int bits) {
  const float scale = std::ldexp(1.0F, bits - 1);
  return static_cast<std::int32_t>(std::lrint(std::clamp(value * scale, -scale, scale - 1.0F)));
}

constexpr int kPcmFrameSamples = 4096;

/// Fails for want of memory only.
void set(AVDictionary*& dictionary, const std::string& key, const std::string& value) {
  if (av_dict_set(&dictionary, key.c_str(), value.c_str(), 0) < 0) throw std::bad_alloc();
}

/// Options for libavformat.
class Dictionary {
 public:
  Dictionary() = default;
  Dictionary(const Dictionary&) = delete;
  Dictionary& operator=(const Dictionary&) = delete;
  ~Dictionary() { av_dict_free(&entries_); }
  void set(const char* key, const std::string& value) { svsep::set(entries_, key, value); }
  AVDictionary** address() { return &entries_; }

 private:
  AVDictionary* entries_ = nullptr;
};

}  // namespace

int nearest_sample_rate(AudioFormat format, int rate_hz) {
  if (format == AudioFormat::ogg) return std::clamp(rate_hz, kLowestVorbisRateHz, kHighestVorbisRateHz);
  const auto rates_hz = form_of(format).rates_hz;
  if (rates_hz.empty()) return rate_hz;
  const auto found = std::lower_bound(rates_hz.begin(), rates_hz.end(), rate_hz);
  return found == rates_hz.end() ? rates_hz.back() : *found;
}

namespace ffmpeg {

MediaFile::MediaFile(const std::optional<std::filesystem::path>& path, const char* muxer)
    : name_(path ? path->string() : "standard output") {
  set_up();
  if (path) file_ = std::make_unique<AtomicFile>(*path);
  const std::string url = file_ ? file_url(file_->temporary_path()) : "";
  AVFormatContext* made = nullptr;
  check(avformat_alloc_output_context2(&made, nullptr, muxer, url.c_str()));
  output_.reset(made);
  output_->flags |= AVFMT_FLAG_BITEXACT;
  packet_ = allocated<PacketPtr>(av_packet_alloc());
}

void MediaFile::fail(const std::string& reason) const {
  throw Error(ErrorKind::output, "cannot write: " + name_ + ": " + reason);
}

void MediaFile::check(int code) const {
  if (code >= 0) return;
  throw_if_cancelled();  // a stop makes writing to a pipe fail
  fail(error_text(code));
}

AVStream& MediaFile::add_stream() {
  AVStream* stream = avformat_new_stream(output_.get(), nullptr);
  if (stream == nullptr) throw std::bad_alloc();
  return *stream;
}

void MediaFile::add_track(const EncoderSettings& settings, const std::string& title) {
  const Form form = form_of(settings.format);
  const int rate_hz = settings.sample_rate_hz;
  const std::string channels_text = std::to_string(settings.channels) + " channels";
  if (!holds(settings.format, settings.channels)) {
    const std::string others = formats_that_hold(settings.channels);
    fail(std::string(form.name) + " cannot hold " + channels_text +
         (others.empty() ? "" : "; " + others + " can"));
  }
  if (const int nearest_hz = nearest_sample_rate(settings.format, rate_hz); nearest_hz != rate_hz) {
    fail(std::string(form.name) + " cannot hold " + std::to_string(rate_hz) + " Hz; the nearest is " +
         std::to_string(nearest_hz) + " Hz");
  }

  Track track;
  const AVCodec* encoder = avcodec_find_encoder_by_name(form.encoder);
  if (encoder == nullptr) fail(std::string("this FFmpeg has no encoder ") + form.encoder);
  track.codec = allocated<CodecPtr>(avcodec_alloc_context3(encoder));
  AVCodecContext& codec = *track.codec;
  codec.sample_fmt = form.samples;
  codec.bits_per_raw_sample = form.bits;
  codec.sample_rate = rate_hz;
  codec.time_base = {1, rate_hz};
  if (settings.format == AudioFormat::flac) codec.frame_size = kFlacFrameSamples;
  codec.flags |= AV_CODEC_FLAG_BITEXACT;  // the same samples give the same bytes
  if ((output_->oformat->flags & AVFMT_GLOBALHEADER) != 0) codec.flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  set_layout(codec, settings.channels);
  set_bitrate(codec, form, settings);
  // Stems are mixed again, so their phase matters: no noise or intensity in place of the waveform.
  if (codec.codec_id == AV_CODEC_ID_AAC) {
    av_opt_set_int(codec.priv_data, "aac_pns", 0, 0);
    av_opt_set_int(codec.priv_data, "aac_is", 0, 0);
  }
  if (rate_hz <= 0 || avcodec_open2(&codec, encoder, nullptr) < 0) {
    const std::string bitrate =
        settings.bitrate_kbps ? " with " + std::to_string(*settings.bitrate_kbps) + " kb/s" : "";
    fail(std::string(form.name) + " cannot hold " + channels_text + " at " + std::to_string(rate_hz) + " Hz" +
         bitrate);
  }

  track.stream = &add_stream();
  track.stream->time_base = codec.time_base;
  check(avcodec_parameters_from_context(track.stream->codecpar, &codec));
  if (!title.empty()) {
    set(track.stream->metadata, "title", title);
    set(track.stream->metadata, "handler_name", title);  // what MP4 readers show
  }
  if (tracks_.empty()) track.stream->disposition |= AV_DISPOSITION_DEFAULT;

  track.frame = allocated<FramePtr>(av_frame_alloc());
  track.frame_samples = codec.frame_size > 0 ? codec.frame_size : kPcmFrameSamples;
  track.frame->format = codec.sample_fmt;
  track.frame->sample_rate = rate_hz;
  track.frame->nb_samples = track.frame_samples;
  check(av_channel_layout_copy(&track.frame->ch_layout, &codec.ch_layout));
  check(av_frame_get_buffer(track.frame.get(), 0));
  tracks_.push_back(std::move(track));
}

/// Puts the picture where the container has a place for it.
void MediaFile::add_cover(const CoverImage& cover) {
  const std::string_view muxer = output_->oformat->name;
  if (muxer == "wav") return;
  if (muxer == "ogg" || muxer == "opus") {
    set(tracks_.front().stream->metadata, "METADATA_BLOCK_PICTURE", picture_comment(cover));
    return;
  }
  cover_ = &add_stream();
  cover_->disposition = AV_DISPOSITION_ATTACHED_PIC;
  cover_->time_base = {1, 90000};
  cover_->codecpar->codec_type = AVMEDIA_TYPE_VIDEO;
  cover_->codecpar->codec_id = cover.codec == "png" ? AV_CODEC_ID_PNG : AV_CODEC_ID_MJPEG;
  cover_->codecpar->width = cover.width;
  cover_->codecpar->height = cover.height;
}

void MediaFile::start(const Tags& tags) {
  for (const auto& [key, value] : tags.values) {
    set(output_->metadata, key, value);
  }
  if (tags.cover) add_cover(*tags.cover);

  if (file_) {
    check(avio_open(&output_->pb, output_->url, AVIO_FLAG_WRITE));
  } else {
    output_->pb = open_stdout();
    output_->flags |= AVFMT_FLAG_CUSTOM_IO;
  }
  Dictionary options;                 // each for the containers that know it
  options.set("rf64", "auto");        // WAV beyond 4 GiB
  options.set("id3v2_version", "3");  // what every player reads
  options.set("movie_timescale", std::to_string(tracks_.front().codec->sample_rate));  // an exact edit list
  if (file_) {
    options.set("movflags", "+faststart");  // can be piped on
  } else {
    options.set("movflags", "+empty_moov+delay_moov+default_base_moof");
    options.set("frag_duration", std::to_string(AV_TIME_BASE));
  }
  check(avformat_write_header(output_.get(), options.address()));

  if (cover_ != nullptr) {
    check(av_new_packet(packet_.get(), static_cast<int>(tags.cover->bytes.size())));
    std::copy(tags.cover->bytes.begin(), tags.cover->bytes.end(), packet_->data);
    packet_->stream_index = cover_->index;
    packet_->flags |= AV_PKT_FLAG_KEY;
    packet_->pts = packet_->dts = 0;
    check(av_write_frame(output_.get(), packet_.get()));
    av_packet_unref(packet_.get());
  }
}

namespace {

/// What goes into a frame: samples [from, from + count) of a channel, to `at` and on.
struct Piece {
  std::span<const float> samples;
  int channel;
  int at;
};

template <class T, class ValueOf>
void put(AVFrame& frame, const Piece& piece, ValueOf&& value_of) {
  const bool planar = av_sample_fmt_is_planar(static_cast<AVSampleFormat>(frame.format)) != 0;
  const int step = planar ? 1 : frame.ch_layout.nb_channels;
  T* to = reinterpret_cast<T*>(frame.extended_data[planar ? piece.channel : 0]) + piece.at * step +
          (planar ? 0 : piece.channel);
  for (const float value : piece.samples) {
    *to = value_of(value);
    to += step;
  }
}

}  // namespace

void MediaFile::write(std::size_t number, const AudioBuffer& block) {
  Track& track = tracks_.at(number);
  const AVCodecContext& codec = *track.codec;
  const auto channels = static_cast<std::size_t>(codec.ch_layout.nb_channels);
  if (block.samples() > 0 && block.channels.size() != channels) {
    throw Error(ErrorKind::runtime, "cannot write: " + name_ + ": expected " + std::to_string(channels) +
                                        " channels, got " + std::to_string(block.channels.size()));
  }
  // Nothing but float PCM holds what lies beyond full scale.
  const bool clips = codec.codec_id != AV_CODEC_ID_PCM_F32LE;
  const auto measured = [&](float value) {
    if (std::isnan(value)) return 0.0F;
    const float magnitude = std::abs(value);
    if (std::isfinite(magnitude)) track.peak = std::max(track.peak, magnitude);
    if (magnitude <= 1.0F || !clips) return value;
    ++track.clipped;
    return std::copysign(1.0F, value);
  };
  for (std::size_t done = 0; done < block.samples();) {
    if (track.filled == 0) check(av_frame_make_writable(track.frame.get()));
    const auto count =
        std::min(block.samples() - done, static_cast<std::size_t>(track.frame_samples - track.filled));
    for (std::size_t c = 0; c < channels; ++c) {
      const Piece piece = {std::span(block.channels[c]).subspan(done, count), static_cast<int>(c),
                           track.filled};
      if (codec.sample_fmt == AV_SAMPLE_FMT_S16) {
        put<std::int16_t>(*track.frame, piece,
                          [&](float v) { return static_cast<std::int16_t>(quantise(measured(v), 16)); });
      } else if (codec.sample_fmt == AV_SAMPLE_FMT_S32) {  // 24 bits lie in the upper part of 32
        put<std::int32_t>(*track.frame, piece, [&](float v) { return quantise(measured(v), 24) * 256; });
      } else {
        put<float>(*track.frame, piece, measured);
      }
    }
    track.filled += static_cast<int>(count);
    done += count;
    if (track.filled == track.frame_samples) send_frame(track);
  }
}

void MediaFile::send_frame(Track& track) {
  track.frame->nb_samples = std::exchange(track.filled, 0);
  track.frame->pts = std::exchange(track.time, track.time + track.frame->nb_samples);
  encode(track, track.frame.get());
}

/// Encodes a frame, or (null) what the codec holds back, and writes the packets.
void MediaFile::encode(Track& track, const AVFrame* frame) {
  check(avcodec_send_frame(track.codec.get(), frame));
  for (;;) {
    const int code = avcodec_receive_packet(track.codec.get(), packet_.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return;
    check(code);
    packet_->stream_index = track.stream->index;
    av_packet_rescale_ts(packet_.get(), track.codec->time_base, track.stream->time_base);
    add_up_padding(track);
    check(tracks_.size() > 1 ? av_interleaved_write_frame(output_.get(), packet_.get())
                             : av_write_frame(output_.get(), packet_.get()));
    // Readers cut the end of a Vorbis stream only where it has a page before its last.
    if (track.codec->codec_id == AV_CODEC_ID_VORBIS && track.packets++ == 0) {
      check(av_write_frame(output_.get(), nullptr));
    }
  }
}

/// An encoder may spread its padding over two packets; what the header of an MP3 states is that of the last
/// one.
void MediaFile::add_up_padding(Track& track) {
  constexpr std::size_t kEndAt = 4;  // in FFmpeg's side data: samples to skip, to cut; little-endian
  std::size_t size = 0;
  std::uint8_t* skip = av_packet_get_side_data(packet_.get(), AV_PKT_DATA_SKIP_SAMPLES, &size);
  if (skip == nullptr || size < kEndAt + 4) return;
  for (std::size_t i = 0; i < 4; ++i) track.padding += std::uint32_t{skip[kEndAt + i]} << (8 * i);
  for (std::size_t i = 0; i < 4; ++i) skip[kEndAt + i] = static_cast<std::uint8_t>(track.padding >> (8 * i));
}

void MediaFile::complete() {
  if (complete_) return;
  for (Track& track : tracks_) {
    if (track.filled > 0) send_frame(track);
    encode(track, nullptr);
  }
  check(av_write_trailer(output_.get()));
  avio_flush(output_->pb);
  check(output_->pb->error);
  if (file_) {
    check(avio_closep(&output_->pb));
    file_->flush();
  }
  complete_ = true;
}

void MediaFile::finish() {
  complete();
  if (file_) file_->commit();
}

}  // namespace ffmpeg
}  // namespace svsep
