#include "media/written_tags.hpp"

#include "core/text.hpp"
#include "media/comment_split.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>

namespace svsep::ffmpeg {
namespace {

using Names = std::pair<std::string_view, std::string_view>;

/// Our names in small letters, and ID3's.
constexpr auto kId3Names = std::to_array<Names>({{"bpm", "TBPM"},
                                                 {"initialkey", "TKEY"},
                                                 {"isrc", "TSRC"},
                                                 {"label", "TPUB"},
                                                 {"publisher", "TPUB"},
                                                 {"mood", "TMOO"},
                                                 {"media", "TMED"},
                                                 {"remixer", "TPE4"},
                                                 {"lyricist", "TEXT"},
                                                 {"originalartist", "TOPE"},
                                                 {"originalalbum", "TOAL"}});
/// What the INFO list of a WAV file holds.
constexpr auto kInfoFields = std::to_array<std::string_view>(
    {"title", "artist", "album", "comment", "date", "genre", "track", "copyright", "description"});

/// The names under which libavformat writes Vorbis comments.
constexpr auto kCommentNames = std::to_array<Names>({{"album_artist", "ALBUMARTIST"},
                                                     {"track", "TRACKNUMBER"},
                                                     {"disc", "DISCNUMBER"},
                                                     {"comment", "DESCRIPTION"}});

std::string comment_name(const std::string& key) {
  const std::string small = lower_case(key);
  for (const auto& [ours, theirs] : kCommentNames) {
    if (small == ours) return std::string(theirs);
  }
  return key;
}

std::string id3_name(const std::string& key) {
  const std::string small = lower_case(key);
  for (const auto& [ours, theirs] : kId3Names) {
    if (small == ours) return std::string(theirs);
  }
  return key;
}

/// A context that muxes into memory.
class MemoryFile {
 public:
  explicit MemoryFile(const char* muxer) {
    if (avformat_alloc_output_context2(&context_, nullptr, muxer, nullptr) < 0) throw std::bad_alloc();
    if (avio_open_dyn_buf(&context_->pb) < 0) {
      avformat_free_context(context_);
      throw std::bad_alloc();
    }
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() {
    if (context_->pb != nullptr) take();
    avformat_free_context(context_);
  }
  AVFormatContext& context() { return *context_; }
  std::string take() {
    std::uint8_t* bytes = nullptr;
    const int size = avio_close_dyn_buf(std::exchange(context_->pb, nullptr), &bytes);
    std::string text(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(std::max(size, 0)));
    av_free(bytes);
    return text;
  }

 private:
  AVFormatContext* context_ = nullptr;
};

AVCodecParameters& add_stream(AVFormatContext& context, AVMediaType type, AVCodecID codec) {
  AVStream* stream = avformat_new_stream(&context, nullptr);
  if (stream == nullptr) throw std::bad_alloc();
  stream->codecpar->codec_type = type;
  stream->codecpar->codec_id = codec;
  return *stream->codecpar;
}

void add_picture(AVFormatContext& context, const CoverImage& cover) {
  AVCodecParameters& form =
      add_stream(context, AVMEDIA_TYPE_VIDEO, cover.codec == "png" ? AV_CODEC_ID_PNG : AV_CODEC_ID_MJPEG);
  form.width = cover.width;
  form.height = cover.height;
  AVStream& stream = *context.streams[context.nb_streams - 1];
  stream.disposition = AV_DISPOSITION_ATTACHED_PIC;
  Dictionary::set(stream.metadata, "comment", "Cover (front)");
}

bool write_picture(AVFormatContext& context, const CoverImage& cover) {
  const auto packet = allocated<PacketPtr>(av_packet_alloc());
  if (av_new_packet(packet.get(), static_cast<int>(cover.bytes.size())) < 0) throw std::bad_alloc();
  std::copy(cover.bytes.begin(), cover.bytes.end(), packet->data);
  packet->stream_index = static_cast<int>(context.nb_streams) - 1;
  packet->pts = packet->dts = 0;
  return av_write_frame(&context, packet.get()) >= 0;
}

}  // namespace

void set_tags(AVFormatContext& output, const Tags& tags, int rate_hz) {
  const std::string_view muxer = output.oformat->name;
  for (const auto& [key, value] : tags.values) {
    Dictionary::set(output.metadata, muxer == "mp3" ? id3_name(key) : key, value);
  }
  if (muxer == "wav" && tags.time_reference_s) {
    Dictionary::set(output.metadata, "time_reference",
                    std::to_string(std::llround(*tags.time_reference_s * rate_hz)));
  }
}

bool set_several_values(AVFormatContext& output, const Tags& tags) {
  bool any = false;
  for (const auto& [key, values] : tags.several) {
    const auto field = tags.values.find(key);
    if (field == tags.values.end() || field->second != joined_values(values)) continue;  // changed since
    Dictionary::set(output.metadata, key, placeholder_of(comment_name(key), values));
    any = true;
  }
  return any;
}

std::string id3_tag(const Tags& tags) {
  const bool fits = std::all_of(tags.values.begin(), tags.values.end(), [](const auto& tag) {
    return std::find(kInfoFields.begin(), kInfoFields.end(), tag.first) != kInfoFields.end();
  });
  if (fits && !tags.cover) return {};
  constexpr int kAnyRateHz = 44100;
  MemoryFile file("mp3");  // a file of no audio is its tag alone
  AVFormatContext& context = file.context();
  context.flags |= AVFMT_FLAG_BITEXACT;
  AVCodecParameters& form = add_stream(context, AVMEDIA_TYPE_AUDIO, AV_CODEC_ID_MP3);
  form.sample_rate = kAnyRateHz;
  av_channel_layout_default(&form.ch_layout, 1);
  if (tags.cover) add_picture(context, *tags.cover);
  set_tags(context, tags, kAnyRateHz);
  Dictionary options;
  options.set("id3v2_version", "3");
  options.set("write_xing", "0");
  bool written = avformat_write_header(&context, options.address()) >= 0;
  if (written && tags.cover) written = write_picture(context, *tags.cover);
  if (!written) return {};
  av_write_trailer(&context);
  return file.take();
}

}  // namespace svsep::ffmpeg
