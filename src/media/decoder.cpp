#include "svsep/decoder.hpp"

#include "media/ffmpeg.hpp"
#include "media/pipe.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

namespace svsep {
namespace ffmpeg {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& reason) {
  throw_if_cancelled();  // a stop makes reading from a pipe fail
  const std::string name = path == "-" ? "standard input" : path.string();
  throw Error(ErrorKind::input, "cannot decode: " + name + ": " + reason);
}

/// Opens the file, or what `pipe` gives.
InputPtr open(const std::filesystem::path& path, std::unique_ptr<PipeInput> pipe, bool ignore_edit_list) {
  const std::string url = pipe ? "" : file_url(path == "-" ? "/dev/stdin" : path);
  AVIOContext* bytes = nullptr;
  int code = 0;
  if (pipe) {
    bytes = open_pipe(std::move(pipe));
  } else {
    code = avio_open(&bytes, url.c_str(), AVIO_FLAG_READ);
  }
  if (code < 0) fail(path, error_text(code));
  AVFormatContext* context = avformat_alloc_context();
  if (context != nullptr) {
    context->pb = bytes;
    // A playlist must not make us read other files, or addresses.
    av_opt_set(context, "protocol_whitelist", "none", 0);
  }
  AVDictionary* options = nullptr;
  if (ignore_edit_list) av_dict_set(&options, "ignore_editlist", "1", 0);
  code = context == nullptr ? AVERROR(ENOMEM) : avformat_open_input(&context, url.c_str(), nullptr, &options);
  av_dict_free(&options);
  if (code < 0) {  // the context is freed already
    close_input_bytes(bytes);
    fail(path, error_text(code));
  }
  return InputPtr(context);
}

/// To a demuxer, a read that failed is the end of the file: what came before must not pass for all of it.
/// Throws Error(input).
void require_readable(const std::filesystem::path& path, const AVFormatContext& input) {
  if (input.pb != nullptr && input.pb->error < 0) fail(path, error_text(input.pb->error));
}

/// Finds out what the header does not say. What it cannot find out is not fatal: the rest plays.
void find_stream_info(const std::filesystem::path& path, AVFormatContext& input) {
  const int code = avformat_find_stream_info(&input, nullptr);
  if (code == AVERROR(ENOMEM)) fail(path, error_text(code));
  require_readable(path, input);
}

bool is_mp4(const AVFormatContext& input) {
  return std::string_view(input.iformat->name).substr(0, 4) == "mov,";
}

/// Whether an MP4 that begins like this has its media before its index.
bool has_media_first(std::string_view head) {
  while (head.size() >= 8) {
    std::uint64_t size = 0;
    for (int i = 0; i < 4; ++i)
      size = size << 8U | static_cast<unsigned char>(head[static_cast<std::size_t>(i)]);
    const std::string_view type = head.substr(4, 4);
    if (type == "mdat" || type == "moov") return type == "mdat";
    if (size < 8 || size > head.size()) return false;
    head.remove_prefix(size);
  }
  return false;
}

}  // namespace

InputPtr open_input(const std::filesystem::path& path) {
  set_up();
  std::error_code code;
  if (std::filesystem::is_directory(path, code)) fail(path, "is a folder; expected an audio file");
  if (!is_pipe(path)) return open(path, nullptr, false);
  auto owned = std::make_unique<PipeInput>(path);
  PipeInput& pipe = *owned;
  InputPtr input = open(path, std::move(owned), false);
  pipe.keep_no_more();
  if (is_mp4(*input) && has_media_first(pipe.head())) {
    fail(path,
         "the index of this MP4 (moov) is at its end, where a pipe does not reach it in time; expected "
         "one with its index in front (ffmpeg -movflags +faststart), or a file");
  }
  return input;
}

InputPtr open_unedited(const std::filesystem::path& path, const AVFormatContext& input) {
  if (!is_pipe(*input.pb)) return open(path, nullptr, true);
  const auto& pipe = *static_cast<const PipeInput*>(input.pb->opaque);
  return open(path, std::make_unique<PipeInput>(pipe.head()), true);
}

std::vector<AVStream*> audio_streams(const AVFormatContext& input) {
  std::vector<AVStream*> streams;
  for (unsigned i = 0; i < input.nb_streams; ++i) {
    if (input.streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO) streams.push_back(input.streams[i]);
  }
  return streams;
}

}  // namespace ffmpeg

namespace {

/// What FFmpeg reads and people keep songs in.
constexpr auto kMediaExtensions = std::to_array<std::string_view>({
    ".aac", ".ac3", ".aif",  ".aifc", ".aiff", ".amr", ".ape", ".au",  ".caf", ".dff",
    ".dsf", ".dts", ".eac3", ".flac", ".m4a",  ".m4b", ".mka", ".mp2", ".mp3", ".mpc",
    ".oga", ".ogg", ".opus", ".ra",   ".spx",  ".tta", ".w64", ".wav", ".wma", ".wv",  // audio
    ".3gp", ".avi", ".f4v",  ".flv",  ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg",
    ".mpg", ".mts", ".ogv",  ".vob",  ".webm", ".wmv",  // video
});

using ffmpeg::fail;
using ffmpeg::is_mp4;

/// Decoded before the first wanted sample after a seek: lossy codecs need some past to become exact.
constexpr int kPrerollS = 1;
/// What the resampler and the converter of samples take.
constexpr int kHighestRateHz = 768000;
constexpr int kMostChannels = 64;
/// Far above any scale in use (32-bit integers reach 2e9), and far from where sums of squares leave a float.
constexpr float kLargestSample = 1e12F;
/// An MP4 edit list counts in ticks that are often no finer than this.
constexpr int kEditTicksPerSecond = 600;
/// Larger times are nonsense, and would overflow.
constexpr std::int64_t kMostTicks = std::int64_t{1} << 50;

std::vector<AVStream*> find_audio_streams(const std::filesystem::path& path, AVFormatContext& input) {
  auto streams = ffmpeg::audio_streams(input);
  if (streams.empty()) fail(path, "holds no audio stream");
  return streams;
}

std::optional<double> duration_s(const AVFormatContext& input, const AVStream& stream) {
  if (stream.duration > 0) return static_cast<double>(stream.duration) * av_q2d(stream.time_base);
  if (input.duration > 0) return static_cast<double>(input.duration) / AV_TIME_BASE;
  return std::nullopt;
}

std::map<std::string, std::string> all_tags(const AVDictionary* dictionary) {
  std::map<std::string, std::string> tags;
  const AVDictionaryEntry* entry = nullptr;
  while ((entry = av_dict_get(dictionary, "", entry, AV_DICT_IGNORE_SUFFIX)) != nullptr) {
    tags.emplace(entry->key, entry->value);
  }
  return tags;
}

/// Whether the packets of an MP4 stream lie at equal distances, so that a time stamp is a count of samples.
bool evenly_spaced(AVStream& stream) {
  const int count = avformat_index_get_entries_count(&stream);
  if (count < 2) return false;
  const auto time = [&](int i) { return avformat_index_get_entry(&stream, i)->timestamp; };
  if (time(0) < -kMostTicks || time(count - 1) > kMostTicks) return false;
  const std::int64_t step = time(1) - time(0);
  for (int i = 2; i < count; ++i) {
    if (time(i) - time(i - 1) != step) return false;
  }
  return true;
}

std::int64_t to_samples(double time_s, int sample_rate_hz) {
  return std::llround(std::min(time_s * sample_rate_hz, static_cast<double>(kMostTicks)));
}

}  // namespace

struct Decoder::Impl {
  Impl(std::filesystem::path file, std::size_t number, const TimeRange& range)
      : path(std::move(file)), stream_number(number) {
    const double end_s = range.end_s.value_or(std::numeric_limits<double>::infinity());
    if (!(range.start_s >= 0.0 && end_s > range.start_s)) {
      fail(path, "the selected range is empty; expected 0 <= start < end, got " +
                     std::to_string(range.start_s) + " to " + std::to_string(end_s) + " s");
    }
    open();
    begin = to_samples(range.start_s, rate_hz());
    end = range.end_s ? to_samples(end_s, rate_hz()) : std::numeric_limits<std::int64_t>::max();
    if (end <= begin) fail(path, "the selected range is shorter than one sample");
    if (begin > 2 * kPrerollS * std::int64_t{rate_hz()} && seekable() && counts_exactly() && !seek()) open();
    if (!range.keeps_end_padding) find_declared_end();
  }

  /// Opens the file and decodes its first frame, which alone tells what the stream really holds.
  void open() {
    input = ffmpeg::open_input(path);
    ffmpeg::find_stream_info(path, *input);
    throw_if_cancelled();
    const auto streams = find_audio_streams(path, *input);
    if (stream_number >= streams.size()) {
      fail(path, "has no audio stream " + std::to_string(stream_number) + "; expected 0.." +
                     std::to_string(streams.size() - 1));
    }
    stream = streams[stream_number];
    for (unsigned i = 0; i < input->nb_streams; ++i) {
      if (input->streams[i] != stream) input->streams[i]->discard = AVDISCARD_ALL;
    }

    const AVCodec* decoder = avcodec_find_decoder(stream->codecpar->codec_id);
    if (decoder == nullptr) {
      fail(path, std::string("no decoder for ") + avcodec_get_name(stream->codecpar->codec_id));
    }
    codec = ffmpeg::allocated<ffmpeg::CodecPtr>(avcodec_alloc_context3(decoder));
    int code = avcodec_parameters_to_context(codec.get(), stream->codecpar);
    codec->pkt_timebase = stream->time_base;  // without it, delay and padding are not cut exactly
    if (code >= 0) code = avcodec_open2(codec.get(), decoder, nullptr);
    if (code < 0) fail(path, std::string(decoder->name) + ": " + ffmpeg::error_text(code));
    packet = ffmpeg::allocated<ffmpeg::PacketPtr>(av_packet_alloc());
    frame = ffmpeg::allocated<ffmpeg::FramePtr>(av_frame_alloc());
    first.reset();
    position = 0;
    damaged = 0;
    if (!next_frame()) {
      fail(path, damaged == 0 ? "holds no audio samples"
                              : "nothing could be decoded; " + std::to_string(damaged) + " damaged packets");
    }
    if (rate_hz() < 1 || rate_hz() > kHighestRateHz) {
      fail(path, "sample rate; expected 1 to " + std::to_string(kHighestRateHz) + " Hz, got " +
                     std::to_string(rate_hz()));
    }
    if (channels() < 1 || channels() > kMostChannels) {
      fail(path, "channels; expected 1 to " + std::to_string(kMostChannels) + ", got " +
                     std::to_string(channels()));
    }
    first = ffmpeg::allocated<ffmpeg::FramePtr>(av_frame_clone(frame.get()));
    frame_waits = true;
  }

  /// The stream's own: those of its first frame.
  [[nodiscard]] int rate_hz() const { return (first ? first : frame)->sample_rate; }
  [[nodiscard]] int channels() const { return (first ? first : frame)->ch_layout.nb_channels; }

  /// Decodes into `frame`; false at the end of the stream.
  bool next_frame() {
    for (;;) {
      const int code = avcodec_receive_frame(codec.get(), frame.get());
      if (code == AVERROR_EOF) return false;
      if (code == AVERROR(ENOMEM)) fail(path, ffmpeg::error_text(code));
      if (code == AVERROR(EAGAIN)) {
        feed();
      } else if (code < 0) {
        ++damaged;
      } else if (frame->nb_samples > 0) {
        return true;
      }
    }
  }

  /// Gives the codec the stream's next packet, or the end where there is none.
  void feed() {
    int code = 0;
    int idle = 0;
    do {
      av_packet_unref(packet.get());
      code = av_read_frame(input.get(), packet.get());
    } while (code >= 0 ? packet->stream_index != stream->index
                       : code == AVERROR(EAGAIN) && ++idle < 1000);  // demuxers may ask for another call
    ffmpeg::require_readable(path, *input);
    if (code == AVERROR(ENOMEM)) fail(path, ffmpeg::error_text(code));
    if (code < 0 && code != AVERROR_EOF) {
      throw_if_cancelled();
      ++damaged;  // cut off here: the rest is lost
    }
    code = avcodec_send_packet(codec.get(), code < 0 ? nullptr : packet.get());
    if (code == AVERROR(ENOMEM)) fail(path, ffmpeg::error_text(code));
    if (code < 0) ++damaged;
  }

  [[nodiscard]] bool seekable() const {
    return input->pb != nullptr && (input->pb->seekable & AVIO_SEEKABLE_NORMAL) != 0;
  }

  /// Whether time stamps count samples exactly from any place in the file, not only from its beginning.
  /// Elsewhere (MP3, ADTS, Matroska, ...) they are estimates or rounded, so one has to count from the start.
  [[nodiscard]] bool counts_exactly() const {
    const std::string_view name = input->iformat->name;
    const AVRational tick = stream->time_base;
    if (std::int64_t{tick.num} * rate_hz() > tick.den || first->pts == AV_NOPTS_VALUE) return false;
    if (name == "wav") return av_get_exact_bits_per_sample(stream->codecpar->codec_id) >= 8;  // PCM
    return name == "flac" || (is_mp4(*input) && evenly_spaced(*stream));
  }

  /// Moves to a frame well before `begin` (AAC's noise substitution then draws other noise); false where its
  /// position is not known to the sample.
  bool seek() {
    const AVRational sample = {1, rate_hz()};
    const std::int64_t preroll = std::int64_t{kPrerollS} * rate_hz();
    const std::int64_t target = first->pts + av_rescale_q(begin - preroll, sample, stream->time_base);
    if (av_seek_frame(input.get(), stream->index, target, AVSEEK_FLAG_BACKWARD) < 0) return false;
    avcodec_flush_buffers(codec.get());
    if (!next_frame() || frame->pts == AV_NOPTS_VALUE) return false;
    position = av_rescale_q(frame->pts - first->pts, stream->time_base, sample);
    return position >= 0 && position <= begin - preroll / 2;
  }

  /// libavformat cuts the delay that an MP4 edit list declares at the front, but not the padding of the last
  /// packet.
  void find_declared_end() {
    if (!is_mp4(*input) || !counts_exactly() || stream->duration <= 0) return;
    const AVRational sample = {1, rate_hz()};
    const int count = avformat_index_get_entries_count(stream);
    const std::int64_t first_time = avformat_index_get_entry(stream, 0)->timestamp;
    const std::int64_t last_time = avformat_index_get_entry(stream, count - 1)->timestamp;
    std::int64_t end_time = stream->duration;
    // The edit's length is often rounded to milliseconds; the media's own is exact.
    const auto unedited = ffmpeg::open_unedited(path, *input);
    if (unedited->nb_streams != input->nb_streams) return;
    const std::int64_t media_end =
        std::min(unedited->streams[stream->index]->duration, kMostTicks) + first_time;
    const AVRational edit_tick = {1, kEditTicksPerSecond};
    if (media_end - end_time < av_rescale_q(1, edit_tick, stream->time_base)) end_time = media_end;
    if (end_time <= last_time) return;  // it claims less than it holds: believe the packets
    end = std::min(end, av_rescale_q(end_time - first->pts, stream->time_base, sample));
  }

  /// Appends what `source` holds, or (null) what the converter holds back, to `block` in the stream's own
  /// form.
  void convert(const AVFrame* source, AudioBuffer& block) {
    const std::size_t before = block.samples();
    const int room = swr_get_out_samples(converter.get(), source == nullptr ? 0 : source->nb_samples);
    if (room <= 0) return;
    std::vector<std::uint8_t*> planes;
    for (auto& channel : block.channels) {
      channel.resize(before + static_cast<std::size_t>(room));
      planes.push_back(reinterpret_cast<std::uint8_t*>(channel.data() + before));
    }
    const int given =
        swr_convert(converter.get(), planes.data(), room,
                    source == nullptr ? nullptr : const_cast<const std::uint8_t**>(source->extended_data),
                    source == nullptr ? 0 : source->nb_samples);
    if (given < 0) fail(path, "cannot convert samples: " + ffmpeg::error_text(given));
    for (auto& channel : block.channels) channel.resize(before + static_cast<std::size_t>(given));
  }

  /// As convert(), for any frame: makes a new converter where the stream changed its form.
  void convert_frame(AudioBuffer& block) {
    const bool same = converter && frame->format == form->format && frame->sample_rate == form->sample_rate &&
                      av_channel_layout_compare(&frame->ch_layout, &form->ch_layout) == 0;
    if (!same) {
      if (converter) convert(nullptr, block);
      SwrContext* made = nullptr;
      int code = swr_alloc_set_opts2(&made, &first->ch_layout, AV_SAMPLE_FMT_FLTP, first->sample_rate,
                                     &frame->ch_layout, static_cast<AVSampleFormat>(frame->format),
                                     frame->sample_rate, 0, nullptr);
      converter.reset(made);
      if (code >= 0) code = swr_init(made);
      if (code < 0) fail(path, "cannot convert samples: " + ffmpeg::error_text(code));
      form = ffmpeg::allocated<ffmpeg::FramePtr>(av_frame_clone(frame.get()));
    }
    convert(frame.get(), block);
  }

  /// Cuts `block`, which starts at `position`, to the selected range, and moves on.
  void select(AudioBuffer& block) {
    const auto samples = static_cast<std::int64_t>(block.samples());
    const auto from = std::clamp<std::int64_t>(begin - position, 0, samples);
    const auto to = std::clamp<std::int64_t>(end - position, from, samples);
    position += samples;
    for (auto& channel : block.channels) {
      channel.erase(channel.begin() + to, channel.end());
      channel.erase(channel.begin(), channel.begin() + from);
    }
  }

  bool read(AudioBuffer& block) {
    block.channels.resize(static_cast<std::size_t>(channels()));
    for (bool more = true; more && position < end;) {
      throw_if_cancelled();
      for (auto& channel : block.channels) channel.clear();
      more = std::exchange(frame_waits, false) || next_frame();
      if (more) {
        convert_frame(block);
      } else if (converter) {
        convert(nullptr, block);
        converter.reset();
      }
      select(block);
      if (block.samples() == 0) continue;
      for (auto& channel : block.channels) {
        for (float& value : channel) {
          if (!(std::abs(value) <= kLargestSample)) {
            value = 0.0F;
            ++unusable;
          }
        }
      }
      gave_samples = true;
      return true;
    }
    if (!gave_samples) {
      const double length_s = static_cast<double>(std::min(position, end)) / rate_hz();
      fail(path, "nothing in the selected range; expected a start before " + std::to_string(length_s) +
                     " s, got " + std::to_string(static_cast<double>(begin) / rate_hz()) + " s");
    }
    block = AudioBuffer(static_cast<std::size_t>(channels()), 0);
    return false;
  }

  std::filesystem::path path;
  std::size_t stream_number;
  ffmpeg::InputPtr input;
  AVStream* stream = nullptr;  // of input
  ffmpeg::CodecPtr codec;
  ffmpeg::PacketPtr packet;
  ffmpeg::FramePtr frame;
  ffmpeg::FramePtr first;  // the stream's first frame: what we convert to
  ffmpeg::FramePtr form;   // a frame of the form that the converter takes
  ffmpeg::ConverterPtr converter;
  bool frame_waits = false;  // `frame` is decoded but not given
  bool gave_samples = false;
  std::int64_t position = 0;  // of the next decoded sample; 0 is the stream's first
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t unusable = 0;
  std::int64_t damaged = 0;
};

Decoder::Decoder(const std::filesystem::path& path, std::size_t stream, const TimeRange& range)
    : impl_(std::make_unique<Impl>(path, stream, range)) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

int Decoder::sample_rate_hz() const noexcept { return impl_->rate_hz(); }
int Decoder::channels() const noexcept { return impl_->channels(); }
std::int64_t Decoder::unusable_samples() const noexcept { return impl_->unusable; }
std::int64_t Decoder::damaged_packets() const noexcept { return impl_->damaged; }
Tags Decoder::tags() const { return ffmpeg::tags_of(impl_->path, *impl_->input); }
bool Decoder::read(AudioBuffer& block) { return impl_->read(block); }

std::optional<std::int64_t> Decoder::expected_samples() const noexcept {
  const auto claimed_s = duration_s(*impl_->input, *impl_->stream);
  if (!claimed_s) return std::nullopt;
  const std::int64_t end = std::min(impl_->end, to_samples(*claimed_s, impl_->rate_hz()));
  return std::max<std::int64_t>(end - impl_->begin, 0);
}

AudioBuffer read_all(Decoder& decoder) {
  AudioBuffer all(static_cast<std::size_t>(decoder.channels()), 0);
  for (AudioBuffer block; decoder.read(block);) {
    for (std::size_t c = 0; c < all.channels.size(); ++c) {
      all.channels[c].insert(all.channels[c].end(), block.channels[c].begin(), block.channels[c].end());
    }
  }
  return all;
}

bool has_media_extension(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return std::find(kMediaExtensions.begin(), kMediaExtensions.end(), extension) != kMediaExtensions.end();
}

MediaInfo probe(const std::filesystem::path& path) {
  const auto input = ffmpeg::open_input(path);
  ffmpeg::find_stream_info(path, *input);
  const auto streams = find_audio_streams(path, *input);
  MediaInfo info;
  info.container = input->iformat->name;
  info.tags = all_tags(input->metadata);
  if (info.tags.empty()) info.tags = all_tags(streams.front()->metadata);  // where Ogg has them
  for (const AVStream* stream : streams) {
    const AVDictionaryEntry* title = av_dict_get(stream->metadata, "title", nullptr, 0);
    info.audio_streams.push_back({.codec = avcodec_get_name(stream->codecpar->codec_id),
                                  .title = title == nullptr ? "" : title->value,
                                  .sample_rate_hz = stream->codecpar->sample_rate,
                                  .channels = stream->codecpar->ch_layout.nb_channels,
                                  .duration_s = duration_s(*input, *stream)});
  }
  return info;
}

}  // namespace svsep
