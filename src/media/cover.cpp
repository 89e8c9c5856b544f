#include "media/cover.hpp"

#include "core/log.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

extern "C" {
#include <libavutil/base64.h>
}

namespace svsep::ffmpeg {
namespace {

constexpr int kMaxCoverBytes = 16 << 20;

bool is_known(const AVStream& stream) {
  const AVCodecParameters& form = *stream.codecpar;
  return (form.codec_id == AV_CODEC_ID_MJPEG || form.codec_id == AV_CODEC_ID_PNG) && form.width > 0 &&
         form.height > 0 && stream.attached_pic.size <= kMaxCoverBytes;
}

/// As ID3 and FLAC say it, among other pictures.
bool is_front(const AVStream& stream) {
  const AVDictionaryEntry* kind = av_dict_get(stream.metadata, "comment", nullptr, 0);
  return kind != nullptr && std::string_view(kind->value) == "Cover (front)";
}

}  // namespace

std::optional<CoverImage> cover_of(const std::filesystem::path& path, const AVFormatContext& input) {
  const AVStream* cover = nullptr;
  for (unsigned i = 0; i < input.nb_streams; ++i) {
    const AVStream& stream = *input.streams[i];
    if ((stream.disposition & AV_DISPOSITION_ATTACHED_PIC) == 0 || stream.attached_pic.size <= 0) continue;
    if (!is_known(stream)) {
      logger().warn("{}: its picture ({}, {} bytes) is left out; expected JPEG or PNG of at most {} MiB",
                    path.string(), avcodec_get_name(stream.codecpar->codec_id), stream.attached_pic.size,
                    kMaxCoverBytes >> 20);
    } else if (cover == nullptr || (is_front(stream) && !is_front(*cover))) {
      cover = &stream;
    }
  }
  if (cover == nullptr) return std::nullopt;
  const AVCodecParameters& form = *cover->codecpar;
  const AVPacket& picture = cover->attached_pic;
  return CoverImage{avcodec_get_name(form.codec_id), form.width, form.height,
                    std::vector<std::uint8_t>(picture.data, picture.data + picture.size)};
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
  put(24);  // bits per pixel
  put(0);   // no palette
  put(cover.bytes.size());
  block.insert(block.end(), cover.bytes.begin(), cover.bytes.end());
  std::string text(AV_BASE64_SIZE(block.size()), '\0');
  av_base64_encode(text.data(), static_cast<int>(text.size()), block.data(), static_cast<int>(block.size()));
  text.pop_back();  // its terminating zero
  return text;
}

}  // namespace svsep::ffmpeg
