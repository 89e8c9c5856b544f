#include "svsep/tags.hpp"

#include "media/ffmpeg.hpp"

#include <array>
#include <bit>
#include <spdlog/spdlog.h>
#include <string_view>

namespace svsep {
namespace {

constexpr std::array kKeys = {"title", "artist", "album", "album_artist", "composer",
                              "date",  "genre",  "track", "disc",         "comment"};
constexpr int kMostCoverBytes = 16 << 20;

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const int ones = std::countl_one(lead);
    const std::size_t length = ones == 0 ? 1 : static_cast<std::size_t>(ones);
    if (ones == 1 || ones > 4 || lead == 0xC0 || lead == 0xC1 || lead > 0xF4 || i + length > text.size()) {
      return false;
    }
    for (std::size_t k = 1; k < length; ++k) {
      if (std::countl_one(static_cast<unsigned char>(text[i + k])) != 1) return false;
    }
    if (length > 2) {  // no overlong form, no half of a UTF-16 pair, nothing beyond Unicode
      const auto second = static_cast<unsigned char>(text[i + 1]);
      if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
          (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) {
        return false;
      }
    }
    i += length;
  }
  return true;
}

/// Valid UTF-8 without control characters. Text that is none is taken as Latin-1, as old ID3 and RIFF tags
/// are.
std::string clean(std::string_view text) {
  const bool utf8 = is_utf8(text);
  std::string cleaned;
  for (const char letter : text) {
    const auto code = static_cast<unsigned char>(letter);
    if ((code < 0x20 && letter != '\n' && letter != '\t') || code == 0x7F) {
      cleaned += ' ';
    } else if (code < 0x80 || utf8) {
      cleaned += letter;
    } else {
      cleaned += static_cast<char>(0xC0U | code >> 6U);
      cleaned += static_cast<char>(0x80U | (code & 0x3FU));
    }
  }
  return cleaned;
}

std::optional<CoverImage> cover_of(const std::filesystem::path& path, const AVFormatContext& input) {
  for (unsigned i = 0; i < input.nb_streams; ++i) {
    const AVStream& stream = *input.streams[i];
    const AVPacket& picture = stream.attached_pic;
    const AVCodecParameters& form = *stream.codecpar;
    if ((stream.disposition & AV_DISPOSITION_ATTACHED_PIC) == 0 || picture.size <= 0) continue;
    const bool is_known = form.codec_id == AV_CODEC_ID_MJPEG || form.codec_id == AV_CODEC_ID_PNG;
    if (!is_known || form.width <= 0 || form.height <= 0 || picture.size > kMostCoverBytes) {
      spdlog::warn("{}: its cover ({}, {} bytes) is left out; expected JPEG or PNG of at most {} MiB",
                   path.string(), avcodec_get_name(form.codec_id), picture.size, kMostCoverBytes >> 20);
      continue;
    }
    return CoverImage{avcodec_get_name(form.codec_id), form.width, form.height,
                      std::vector<std::uint8_t>(picture.data, picture.data + picture.size)};
  }
  return std::nullopt;
}

}  // namespace

Tags ffmpeg::tags_of(const std::filesystem::path& path, const AVFormatContext& input) {
  Tags tags;
  const auto streams = audio_streams(input);
  for (const char* key : kKeys) {
    const AVDictionaryEntry* entry = av_dict_get(input.metadata, key, nullptr, 0);
    if (entry == nullptr && !streams.empty() && input.metadata == nullptr) {  // where Ogg has them
      entry = av_dict_get(streams.front()->metadata, key, nullptr, 0);
    }
    if (entry != nullptr && *entry->value != '\0') tags.values.emplace(key, clean(entry->value));
  }
  tags.cover = cover_of(path, input);
  return tags;
}

}  // namespace svsep
