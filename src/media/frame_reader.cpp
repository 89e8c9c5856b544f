#include "media/frame_reader.hpp"

#include "core/limits.hpp"
#include "media/wav_words.hpp"
#include "svsep/cancellation.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace svsep::ffmpeg {
namespace {

constexpr int kMaxChannels = 64;
/// What can be halved to what the rest of the program takes: DSD1024 gives 5.6 MHz.
constexpr int kMaxDecodedRateHz = 32 * kMaxSampleRateHz;
/// Demuxers may ask for another call, but not for ever.
constexpr int kMaxIdleReads = 1000;

std::string_view language_of(const AVStream& stream) {
  const AVDictionaryEntry* entry = av_dict_get(stream.metadata, "language", nullptr, 0);
  return entry == nullptr ? "" : entry->value;
}

std::size_t choose(const std::filesystem::path& path, const std::vector<AVStream*>& streams,
                   const DecoderOptions& options) {
  if (options.stream && *options.stream >= streams.size()) {
    fail_to_decode(path, "has no audio stream " + std::to_string(*options.stream) + "; expected 0.." +
                             std::to_string(streams.size() - 1));
  }
  if (options.stream) return *options.stream;
  const auto place = [&](auto&& fits) {
    return static_cast<std::size_t>(std::find_if(streams.begin(), streams.end(), fits) - streams.begin());
  };
  if (options.language.empty()) {
    const std::size_t flagged =
        place([](const AVStream* stream) { return (stream->disposition & AV_DISPOSITION_DEFAULT) != 0; });
    return flagged == streams.size() ? 0 : flagged;
  }
  const std::size_t spoken =
      place([&](const AVStream* stream) { return language_of(*stream) == options.language; });
  if (spoken < streams.size()) return spoken;
  std::string languages;
  for (const AVStream* stream : streams) {
    languages += languages.empty() ? "" : ", ";
    languages += language_of(*stream).empty() ? "unnamed" : language_of(*stream);
  }
  fail_to_decode(path, "has no audio stream of that language; expected one of " + languages + ", got " +
                           options.language);
}

}  // namespace

FrameReader::FrameReader(std::filesystem::path path, const DecoderOptions& options)
    : path_(std::move(path)),
      input_(open_input(path_)),
      packet_(allocated<PacketPtr>(av_packet_alloc())),
      frame_(allocated<FramePtr>(av_frame_alloc())) {
  find_stream_info(path_, *input_);
  throw_if_cancelled();
  open_stream(options);
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

void FrameReader::open_stream(const DecoderOptions& options) {
  const auto streams = require_audio_streams(path_, *input_);
  streams_ = streams.size();
  number_ = choose(path_, streams, options);
  stream_ = streams[number_];
  correct_word_size(path_, *input_, *stream_);
  raw_ = RawPackets(path_, *input_, *stream_);
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

void FrameReader::require_usable() {
  if (frame_->sample_rate < 1 || frame_->sample_rate > kMaxDecodedRateHz) {
    fail_to_decode(path_, "sample rate; expected 1 to " + std::to_string(kMaxDecodedRateHz) + " Hz, got " +
                              std::to_string(frame_->sample_rate));
  }
  const int channels = frame_->ch_layout.nb_channels;
  if (channels < 1 || channels > kMaxChannels) {
    fail_to_decode(path_, "channels; expected 1 to " + std::to_string(kMaxChannels) + ", got " +
                              std::to_string(channels));
  }
  rate_hz_ = frame_->sample_rate;
  while (rate_hz_ > kMaxSampleRateHz) rate_hz_ /= 2;
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
      longest_frame_ = std::max(longest_frame_, frame_->nb_samples);
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
  if (code >= 0) raw_.push(*packet_);
  code = avcodec_send_packet(codec_.get(), code < 0 ? nullptr : packet_.get());
  if (code == AVERROR(ENOMEM)) fail_to_decode(path_, error_text(code));
  if (code < 0) ++damaged_;
}

std::int64_t FrameReader::take_lost_samples() noexcept {
  const std::int64_t lost = raw_.take_lost_packets();
  return av_rescale(lost * longest_frame_, rate_hz_, std::max(frame_->sample_rate, 1));
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
