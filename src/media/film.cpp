#include "media/film.hpp"

#include "core/log.hpp"
#include "core/text.hpp"
#include "media/input.hpp"
#include "media/media_file.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace svsep {
namespace {

namespace fs = std::filesystem;

bool is_copied(const AVStream& stream) {
  const AVMediaType type = stream.codecpar->codec_type;
  return type == AVMEDIA_TYPE_VIDEO || type == AVMEDIA_TYPE_SUBTITLE || type == AVMEDIA_TYPE_ATTACHMENT;
}

bool is_moving(const AVStream& stream) {
  return stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO &&
         (stream.disposition & AV_DISPOSITION_ATTACHED_PIC) == 0;
}

[[noreturn]] void fail_without_picture(const fs::path& film) {
  ffmpeg::fail_to_decode(film, "holds no picture to keep");
}

/// An input whose packets come one by one, for some of its streams.
class FilmInput {
 public:
  FilmInput(const fs::path& path, std::int64_t zero_us)
      : path_(path),
        input_(ffmpeg::open_input(path)),
        packet_(ffmpeg::allocated<ffmpeg::PacketPtr>(av_packet_alloc())) {
    input_->flags |= AVFMT_FLAG_GENPTS;  // AVI has none
    ffmpeg::find_stream_info(path_, *input_);
    if (zero_us == AV_NOPTS_VALUE) zero_us = input_->start_time == AV_NOPTS_VALUE ? 0 : input_->start_time;
    zero_us_ = zero_us;
    outputs_.resize(input_->nb_streams, nullptr);
  }

  [[nodiscard]] const AVFormatContext& input() const { return *input_; }
  [[nodiscard]] const fs::path& path() const { return path_; }
  void map(const AVStream& from, AVStream& to) { outputs_.at(static_cast<std::size_t>(from.index)) = &to; }

  /// Reads up to the next packet of a mapped stream, in that stream's time; false at the end.
  bool advance() {
    for (;;) {
      av_packet_unref(packet_.get());
      const int code = av_read_frame(input_.get(), packet_.get());
      ffmpeg::require_readable(path_, *input_);
      if (code < 0) return has_packet_ = false;
      const auto index = static_cast<std::size_t>(packet_->stream_index);
      const AVStream* to = index < outputs_.size() ? outputs_[index] : nullptr;
      if (to == nullptr) continue;
      const AVRational tick = input_->streams[index]->time_base;
      const std::int64_t shift = av_rescale_q(zero_us_, AV_TIME_BASE_Q, tick);
      if (packet_->pts != AV_NOPTS_VALUE) packet_->pts -= shift;
      if (packet_->dts != AV_NOPTS_VALUE) packet_->dts -= shift;
      av_packet_rescale_ts(packet_.get(), tick, to->time_base);
      packet_->stream_index = to->index;
      packet_->pos = -1;
      return has_packet_ = true;
    }
  }

  [[nodiscard]] bool has_packet() const { return has_packet_; }
  AVPacket& packet() { return *packet_; }
  /// Of the packet, in microseconds.
  [[nodiscard]] std::int64_t time(const AVFormatContext& output) const {
    const AVRational tick = output.streams[packet_->stream_index]->time_base;
    return packet_->dts == AV_NOPTS_VALUE ? 0 : av_rescale_q(packet_->dts, tick, AV_TIME_BASE_Q);
  }

 private:
  fs::path path_;
  ffmpeg::InputPtr input_;
  ffmpeg::PacketPtr packet_;
  std::int64_t zero_us_ = 0;
  bool has_packet_ = false;
  std::vector<AVStream*> outputs_;  // of the output, by the input's index
};

class FilmWriter {
 public:
  FilmWriter(const fs::path& film, const fs::path& audio, const fs::path& output)
      : name_(output.string()),
        film_(film, AV_NOPTS_VALUE),
        audio_(audio, 0),
        file_(std::make_unique<AtomicFile>(output)) {
    const AVOutputFormat* format = av_guess_format(nullptr, output.filename().c_str(), nullptr);
    if (format == nullptr) fail("no container has such a name; expected .mp4, .mkv, .mov or .webm");
    AVFormatContext* made = nullptr;
    check(avformat_alloc_output_context2(&made, format, nullptr,
                                         ffmpeg::file_url(file_->temporary_path()).c_str()));
    output_.reset(made);
  }

  std::unique_ptr<AtomicFile> write() {
    copy_streams();
    copy_chapters();
    check(avio_open(&output_->pb, output_->url, AVIO_FLAG_WRITE));
    ffmpeg::Dictionary options;
    options.set("movflags", "+faststart");
    check(avformat_write_header(output_.get(), options.address()));
    film_.advance();
    audio_.advance();
    while (film_.has_packet() || audio_.has_packet()) {
      throw_if_cancelled();
      const bool film_first =
          film_.has_packet() && (!audio_.has_packet() || film_.time(*output_) <= audio_.time(*output_));
      FilmInput& source = film_first ? film_ : audio_;
      check(av_interleaved_write_frame(output_.get(), &source.packet()));
      source.advance();
    }
    check(av_write_trailer(output_.get()));
    check(avio_closep(&output_->pb));
    file_->flush();
    return std::move(file_);
  }

 private:
  [[noreturn]] void fail(const std::string& reason) const {
    throw Error(ErrorKind::output, "cannot write: " + name_ + ": " + reason);
  }
  void check(int code) const {
    if (code < 0) fail(ffmpeg::error_text(code));
  }

  bool holds(const AVStream& stream) const {
    return avformat_query_codec(output_->oformat, stream.codecpar->codec_id, FF_COMPLIANCE_NORMAL) == 1;
  }

  void add(FilmInput& source, const AVStream& from) {
    AVStream* to = avformat_new_stream(output_.get(), nullptr);
    if (to == nullptr) throw std::bad_alloc();
    check(avcodec_parameters_copy(to->codecpar, from.codecpar));
    to->codecpar->codec_tag = 0;  // the other container's
    to->time_base = from.time_base;
    to->avg_frame_rate = from.avg_frame_rate;
    to->sample_aspect_ratio = from.sample_aspect_ratio;
    to->disposition = from.disposition;
    check(av_dict_copy(&to->metadata, from.metadata, 0));
    source.map(from, *to);
  }

  void copy_streams() {
    bool has_picture = false;
    for (unsigned i = 0; i < film_.input().nb_streams; ++i) {
      const AVStream& stream = *film_.input().streams[i];
      if (!is_copied(stream)) continue;
      const char* codec = avcodec_get_name(stream.codecpar->codec_id);
      if (!holds(stream)) {
        if (is_moving(stream)) fail(std::string("this container cannot hold its picture (") + codec + ")");
        logger().warn("{}: stream {} ({}) is left out: the container of {} cannot hold it",
                      film_.path().string(), i, codec, name_);
        continue;
      }
      has_picture = has_picture || is_moving(stream);
      add(film_, stream);
    }
    if (!has_picture) fail_without_picture(film_.path());
    const auto tracks = ffmpeg::require_audio_streams(audio_.path(), audio_.input());
    if (!holds(*tracks.front())) {
      fail(std::string("this container cannot hold its sound (") +
           avcodec_get_name(tracks.front()->codecpar->codec_id) + ")");
    }
    add(audio_, *tracks.front());
    output_->streams[output_->nb_streams - 1]->disposition |= AV_DISPOSITION_DEFAULT;
    check(av_dict_copy(&output_->metadata, film_.input().metadata, 0));
  }

  /// On the film's time line, which begins at its start.
  void copy_chapters() {
    const AVFormatContext& input = film_.input();
    if (input.nb_chapters == 0) return;
    output_->chapters = static_cast<AVChapter**>(av_calloc(input.nb_chapters, sizeof(AVChapter*)));
    if (output_->chapters == nullptr) throw std::bad_alloc();
    for (unsigned i = 0; i < input.nb_chapters; ++i) {
      const AVChapter& from = *input.chapters[i];
      auto* to = static_cast<AVChapter*>(av_mallocz(sizeof(AVChapter)));
      if (to == nullptr) throw std::bad_alloc();
      output_->chapters[output_->nb_chapters++] = to;
      const std::int64_t zero = input.start_time == AV_NOPTS_VALUE
                                    ? 0
                                    : av_rescale_q(input.start_time, AV_TIME_BASE_Q, from.time_base);
      to->id = from.id;
      to->time_base = from.time_base;
      to->start = std::max<std::int64_t>(from.start - zero, 0);
      to->end = std::max(from.end - zero, to->start);
      check(av_dict_copy(&to->metadata, from.metadata, 0));
    }
  }

  std::string name_;
  FilmInput film_;
  FilmInput audio_;
  std::unique_ptr<AtomicFile> file_;  // before the handle on it
  ffmpeg::OutputPtr output_;
};

}  // namespace

std::string film_extension(const fs::path& film) {
  const std::string own = lower_case(film.extension().string());
  for (const char* extension : {"mp4", "m4v", "mov", "webm"}) {
    if (own == std::string(".") + extension) return extension;
  }
  return "mkv";
}

AudioFormat film_audio_format(const std::string& extension) {
  if (extension == "webm") return AudioFormat::opus;
  if (extension == "mkv") return AudioFormat::flac;  // has no delay, which Matroska could not place before 0
  return AudioFormat::m4a;
}

void require_picture(const fs::path& film) {
  const ffmpeg::InputPtr input = ffmpeg::open_input(film);
  ffmpeg::find_stream_info(film, *input);
  for (unsigned i = 0; i < input->nb_streams; ++i) {
    if (is_moving(*input->streams[i])) return;
  }
  fail_without_picture(film);
}

std::unique_ptr<AtomicFile> replace_audio(const fs::path& film, const fs::path& audio,
                                          const fs::path& output) {
  return FilmWriter(film, audio, output).write();
}

}  // namespace svsep
