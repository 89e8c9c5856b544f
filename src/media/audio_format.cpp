#include "media/audio_format.hpp"

#include "svsep/error.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace svsep {
namespace ffmpeg {
namespace {

constexpr std::array kMp3RatesHz = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000};
constexpr std::array kAacRatesHz = {7350,  8000,  11025, 12000, 16000, 22050, 24000,
                                    32000, 44100, 48000, 64000, 88200, 96000};
constexpr std::array kOpusRatesHz = {48000};
constexpr int kMinVorbisRateHz = 8000;
constexpr int kMaxVorbisRateHz = 192000;

constexpr float kVorbisQuality = 8.0F;  // about 256 kb/s for stereo

}  // namespace

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
  return channels >= 1 && channels <= form_of(format).max_channels;
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

namespace {

/// The speakers that the codec assumes.
void set_usual_layout(AVCodecContext& codec, int channels) {
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

/// The speakers beside the listener as those behind, where there are no others behind.
std::uint64_t sides_as_backs(std::uint64_t speakers) {
  constexpr std::uint64_t kSides = AV_CH_SIDE_LEFT | AV_CH_SIDE_RIGHT;
  constexpr std::uint64_t kBacks = AV_CH_BACK_LEFT | AV_CH_BACK_RIGHT;
  if ((speakers & kSides) != kSides || (speakers & kBacks) != 0) return speakers;
  return (speakers & ~kSides) | kBacks;
}

}  // namespace

bool set_layout(AVCodecContext& codec, int channels, std::uint64_t speakers) {
  set_usual_layout(codec, channels);
  if (channels <= 2 || std::popcount(speakers) != channels) return true;
  if (codec.codec_id == AV_CODEC_ID_VORBIS || codec.codec_id == AV_CODEC_ID_OPUS) {  // by the count alone
    return codec.ch_layout.u.mask == speakers ||
           sides_as_backs(codec.ch_layout.u.mask) == sides_as_backs(speakers);
  }
  if (codec.codec_id == AV_CODEC_ID_AAC) {  // others come back without names
    constexpr auto kReadable = std::to_array<std::uint64_t>(
        {AV_CH_LAYOUT_SURROUND, AV_CH_LAYOUT_4POINT0, AV_CH_LAYOUT_QUAD, AV_CH_LAYOUT_5POINT0_BACK,
         AV_CH_LAYOUT_5POINT1_BACK, AV_CH_LAYOUT_7POINT1});
    if (speakers != AV_CH_LAYOUT_7POINT1) speakers = sides_as_backs(speakers);
    if (std::find(kReadable.begin(), kReadable.end(), speakers) == kReadable.end()) return false;
  }
  av_channel_layout_uninit(&codec.ch_layout);
  av_channel_layout_from_mask(&codec.ch_layout, speakers);
  return true;
}

std::string speakers_text(std::uint64_t speakers) {
  AVChannelLayout layout = {};
  std::array<char, 256> text{};
  if (av_channel_layout_from_mask(&layout, speakers) < 0) return "unknown";
  av_channel_layout_describe(&layout, text.data(), text.size());
  return text.data();
}

void set_bitrate(AVCodecContext& codec, const Form& form, std::optional<int> bitrate_kbps) {
  const int channels = codec.ch_layout.nb_channels;
  std::int64_t kbps = bitrate_kbps.value_or(form.kbps_per_channel * channels);
  if (codec.codec_id == AV_CODEC_ID_OPUS) kbps = std::clamp<std::int64_t>(kbps, 6, 256 * channels);
  if (kbps > 0) {
    codec.bit_rate = 1000 * kbps;
  } else if (codec.codec_id == AV_CODEC_ID_VORBIS) {
    codec.flags |= AV_CODEC_FLAG_QSCALE;
    codec.global_quality = static_cast<int>(kVorbisQuality * FF_QP2LAMBDA);
  }
}

}  // namespace ffmpeg

int nearest_sample_rate(AudioFormat format, int rate_hz) {
  if (format == AudioFormat::ogg)
    return std::clamp(rate_hz, ffmpeg::kMinVorbisRateHz, ffmpeg::kMaxVorbisRateHz);
  const auto rates_hz = ffmpeg::form_of(format).rates_hz;
  if (rates_hz.empty()) return rate_hz;
  const auto found = std::lower_bound(rates_hz.begin(), rates_hz.end(), rate_hz);
  return found == rates_hz.end() ? rates_hz.back() : *found;
}

}  // namespace svsep
