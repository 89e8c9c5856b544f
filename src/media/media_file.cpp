#include "media/media_file.hpp"

#include "media/comment_split.hpp"
#include "media/cover.hpp"
#include "media/pipe.hpp"
#include "media/written_tags.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

namespace svsep::ffmpeg {

void FreeOutput::operator()(AVFormatContext* context) const noexcept {
  if ((context->flags & AVFMT_FLAG_CUSTOM_IO) == 0) {
    avio_closep(&context->pb);
  } else if (context->pb != nullptr) {
    av_freep(&context->pb->buffer);
    avio_context_free(&context->pb);
  }
  avformat_free_context(context);
}

MediaFile::MediaFile(const std::optional<std::filesystem::path>& path, const char* muxer)
    : name_(path ? path->string() : "standard output") {
  if (path) file_ = std::make_unique<AtomicFile>(*path);
  const std::string url = file_ ? file_url(file_->temporary_path()) : "";
  AVFormatContext* made = nullptr;
  check(avformat_alloc_output_context2(&made, nullptr, muxer, url.c_str()));
  output_.reset(made);
  output_->flags |= AVFMT_FLAG_BITEXACT;
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
  const bool global_header = (output_->oformat->flags & AVFMT_GLOBALHEADER) != 0;
  TrackEncoder encoder(name_, settings, global_header);
  AVStream& stream = add_stream();
  stream.time_base = encoder.codec().time_base;
  check(avcodec_parameters_from_context(stream.codecpar, &encoder.codec()));
  if (!title.empty()) {
    Dictionary::set(stream.metadata, "title", title);
    Dictionary::set(stream.metadata, "handler_name", title);  // what MP4 readers show
  }
  if (tracks_.empty()) stream.disposition |= AV_DISPOSITION_DEFAULT;
  tracks_.push_back({std::move(encoder), &stream});
}

/// Puts the picture where the container has a place for it.
void MediaFile::add_cover(const CoverImage& cover) {
  const std::string_view muxer = output_->oformat->name;
  if (is_wav()) return;  // its ID3 tag has it
  if (muxer == "ogg" || muxer == "opus") {
    Dictionary::set(tracks_.front().stream->metadata, "METADATA_BLOCK_PICTURE", picture_comment(cover));
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
  const int rate_hz = tracks_.front().encoder.codec().sample_rate;
  set_tags(*output_, tags, rate_hz);
  const bool is_flac = std::string_view(output_->oformat->name) == "flac";
  if (is_flac && file_ && set_several_values(*output_, tags)) on_complete(split_comments);
  is_broadcast_ = tags.time_reference_s.has_value();
  if (is_wav() && file_) id3_tag_ = id3_tag(tags);
  if (tags.cover) add_cover(*tags.cover);
  open_bytes();
  write_header();
  if (cover_ != nullptr) write_cover(*tags.cover);
}

void MediaFile::open_bytes() {
  if (file_) {
    check(avio_open(&output_->pb, output_->url, AVIO_FLAG_WRITE));
  } else {
    output_->pb = open_stdout();
    output_->flags |= AVFMT_FLAG_CUSTOM_IO;
  }
}

void MediaFile::write_header() {
  Dictionary options;           // each for the containers that know it
  options.set("rf64", "auto");  // WAV beyond 4 GiB
  if (is_broadcast_) options.set("write_bext", "1");
  options.set("id3v2_version", "3");  // what every player reads
  const int rate_hz = tracks_.front().encoder.codec().sample_rate;
  options.set("movie_timescale", std::to_string(rate_hz));  // an exact edit list
  if (file_) {
    options.set("movflags", "+faststart");  // can be piped on
  } else {
    options.set("movflags", "+empty_moov+delay_moov+default_base_moof");
    options.set("frag_duration", std::to_string(AV_TIME_BASE));
  }
  check(avformat_write_header(output_.get(), options.address()));
}

void MediaFile::write_cover(const CoverImage& cover) {
  const auto packet = allocated<PacketPtr>(av_packet_alloc());
  check(av_new_packet(packet.get(), static_cast<int>(cover.bytes.size())));
  std::copy(cover.bytes.begin(), cover.bytes.end(), packet->data);
  packet->stream_index = cover_->index;
  packet->flags |= AV_PKT_FLAG_KEY;
  packet->pts = packet->dts = 0;
  check(av_write_frame(output_.get(), packet.get()));
}

void MediaFile::write(std::size_t number, const AudioBuffer& block) {
  Track& track = tracks_.at(number);
  track.encoder.write(block, [&](AVPacket& packet) { write_packet(track, packet); });
}

void MediaFile::write_packet(Track& track, AVPacket& packet) {
  packet.stream_index = track.stream->index;
  av_packet_rescale_ts(&packet, track.encoder.codec().time_base, track.stream->time_base);
  check(tracks_.size() > 1 ? av_interleaved_write_frame(output_.get(), &packet)
                           : av_write_frame(output_.get(), &packet));
  // Readers cut the end of a Vorbis stream only where it has a page before its last.
  if (track.encoder.codec().codec_id == AV_CODEC_ID_VORBIS && track.packets++ == 0) {
    check(av_write_frame(output_.get(), nullptr));
  }
}

void MediaFile::complete() {
  if (complete_) return;
  for (Track& track : tracks_) {
    track.encoder.finish([&](AVPacket& packet) { write_packet(track, packet); });
  }
  check(av_write_trailer(output_.get()));
  if (!id3_tag_.empty()) append_id3_chunk();
  avio_flush(output_->pb);
  check(output_->pb->error);
  if (file_) {
    check(avio_closep(&output_->pb));
    if (last_touch_) last_touch_(file_->temporary_path());
    file_->flush();
  }
  complete_ = true;
}

bool MediaFile::is_wav() const { return std::string_view(output_->oformat->name) == "wav"; }

/// Behind the samples, where readers that do not know it pass over it. RF64 keeps its sizes elsewhere.
void MediaFile::append_id3_chunk() {
  constexpr std::int64_t kHeaderBytes = 8;
  AVIOContext* bytes = output_->pb;
  const auto size = static_cast<std::int64_t>(id3_tag_.size());
  avio_flush(bytes);
  const std::int64_t place = avio_size(bytes);
  const std::int64_t end = place + kHeaderBytes + size + size % 2;
  if (place < 0 || end - kHeaderBytes > std::numeric_limits<std::uint32_t>::max()) return;
  avio_seek(bytes, place, SEEK_SET);
  avio_write(bytes, reinterpret_cast<const unsigned char*>("id3 "), 4);
  avio_wl32(bytes, static_cast<unsigned>(size));
  avio_write(bytes, reinterpret_cast<const unsigned char*>(id3_tag_.data()), static_cast<int>(size));
  if (size % 2 != 0) avio_w8(bytes, 0);
  avio_seek(bytes, 4, SEEK_SET);
  avio_wl32(bytes, static_cast<unsigned>(end - kHeaderBytes));
}

void MediaFile::finish(ExistingFile existing) {
  complete();
  if (file_) file_->commit(existing);
}

}  // namespace svsep::ffmpeg
