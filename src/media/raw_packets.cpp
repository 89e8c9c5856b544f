#include "media/raw_packets.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

extern "C" {
#include <libavcodec/ac3_parser.h>
}

namespace svsep::ffmpeg {
namespace {

constexpr auto kRaw = std::to_array<std::string_view>({"mp3", "aac", "ac3", "eac3", "dts"});
/// More would be another file behind this one.
constexpr double kMaxLostBytes = 16 << 20;
constexpr double kMeanWeight = 1.0 / 16;

using Bytes = std::span<const std::uint8_t>;

/// ISO 13818-7: 13 bits from the 31st on.
int adts_bytes(Bytes head) {
  if (head.size() < 7 || head[0] != 0xFF || (head[1] & 0xF6U) != 0xF0U) return 0;
  return static_cast<int>((head[3] & 3U) << 11U | static_cast<unsigned>(head[4]) << 3U | head[5] >> 5U);
}

int ac3_bytes(Bytes head) {
  std::uint8_t id = 0;
  std::uint16_t bytes = 0;
  return av_ac3_parse_header(head.data(), head.size(), &id, &bytes) < 0 ? 0 : bytes;
}

/// ISO 11172-3 and 13818-3, layers II and III.
int mpeg_bytes(Bytes head) {
  constexpr std::array<std::array<int, 15>, 4> kKbps = {
      {{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},  // MPEG-1, layer II
       {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},   // MPEG-1, layer III
       {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},       // MPEG-2, layers II and III
       {}}};
  constexpr std::array kRatesHz = {44100, 48000, 32000, 0};
  if (head.size() < 4 || head[0] != 0xFF || (head[1] & 0xE0U) != 0xE0U) return 0;
  const unsigned version = head[1] >> 3U & 3U;  // 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
  const unsigned layer = 4 - (head[1] >> 1U & 3U);
  const unsigned rate = head[2] >> 2U & 3U;
  const unsigned bitrate = head[2] >> 4U;
  if (version == 1 || (layer != 2 && layer != 3) || rate == 3 || bitrate == 15 || bitrate == 0) return 0;
  const int rate_hz = kRatesHz[rate] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
  const int kbps = kKbps[version == 3 ? layer - 2 : 2][bitrate];
  const int samples = layer == 3 && version != 3 ? 576 : 1152;
  return samples / 8 * 1000 * kbps / rate_hz + static_cast<int>(head[2] >> 1U & 1U);
}

/// How long a packet's header says that it is; 0 where it does not.
int declared_bytes(AVCodecID codec, Bytes head) {
  switch (codec) {
    case AV_CODEC_ID_AAC:
      return adts_bytes(head);
    case AV_CODEC_ID_AC3:
    case AV_CODEC_ID_EAC3:
      return ac3_bytes(head);
    case AV_CODEC_ID_MP2:
    case AV_CODEC_ID_MP3:
      return mpeg_bytes(head);
    default:
      return 0;
  }
}

bool knows_sizes(AVCodecID codec) {
  return codec == AV_CODEC_ID_AAC || codec == AV_CODEC_ID_AC3 || codec == AV_CODEC_ID_EAC3 ||
         codec == AV_CODEC_ID_MP2 || codec == AV_CODEC_ID_MP3;
}

bool is_tag(std::string_view text) {
  return text.starts_with("ID3") || text.starts_with("TAG") || text.starts_with("APETAGEX") ||
         text.starts_with("LYRICS");
}

}  // namespace

RawPackets::RawPackets(std::filesystem::path path, const AVFormatContext& input, const AVStream& stream)
    : path_(std::move(path)),
      is_raw_(std::find(kRaw.begin(), kRaw.end(), input.iformat->name) != kRaw.end()),
      codec_(stream.codecpar->codec_id) {}

void RawPackets::push(const AVPacket& packet) {
  if (!is_raw_ || packet.size <= 0) return;
  const Bytes bytes(packet.data, static_cast<std::size_t>(packet.size));
  if (mean_bytes_ > 0 && is_tag({reinterpret_cast<const char*>(bytes.data()), bytes.size()})) {
    --lost_;  // counts as a packet, and is none
    next_place_ = packet.pos + packet.size;
    return;
  }
  if (packet.pos >= 0) {
    const std::int64_t missing = next_place_ < 0 ? 0 : packet.pos - next_place_;
    if (missing > 0 && !holds_tag(next_place_)) add_lost(static_cast<double>(missing));
    next_place_ = packet.pos + packet.size;
  }
  const int declared = declared_bytes(codec_, bytes);
  // What the parser cannot read comes in front of the next packet.
  if (knows_sizes(codec_)) add_lost(packet.size - (declared > 0 ? declared : mean_bytes_));
  const double typical = declared > 0 ? declared : packet.size;
  mean_bytes_ = mean_bytes_ <= 0 ? typical : mean_bytes_ + kMeanWeight * (typical - mean_bytes_);
  breaks_off_ = declared > packet.size;
}

void RawPackets::add_lost(double bytes) {
  if (mean_bytes_ <= 0 || bytes < mean_bytes_ / 2 || bytes > kMaxLostBytes) return;
  lost_ += std::llround(bytes / mean_bytes_);
}

std::int64_t RawPackets::take_lost_packets() noexcept { return std::exchange(lost_, 0); }

/// Whether a tag begins there, as where two files were joined. A pipe cannot be asked: there, too.
bool RawPackets::holds_tag(std::int64_t place) const {
  std::error_code code;
  if (!std::filesystem::is_regular_file(path_, code)) return true;
  std::ifstream file(path_, std::ios::binary);
  std::array<char, 8> head{};
  if (!file.seekg(place) || !file.read(head.data(), head.size())) return true;
  return is_tag({head.data(), head.size()});
}

}  // namespace svsep::ffmpeg
