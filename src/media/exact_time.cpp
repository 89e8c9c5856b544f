#include "media/exact_time.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <string_view>

namespace svsep::ffmpeg {
namespace {

/// An MP4 edit list counts in ticks that are often no finer than this.
constexpr int kEditTicksPerSecond = 600;
/// HE-AAC counts at half the rate that it is played at.
constexpr int kMaxSamplesPerTick = 2;

/// Whether the packets of an MP4 stream lie at equal distances, so that a time stamp is a count of samples.
bool evenly_spaced(AVStream& stream) {
  const int count = avformat_index_get_entries_count(&stream);
  if (count < 2) return false;
  const auto time = [&](int i) { return avformat_index_get_entry(&stream, i)->timestamp; };
  if (time(0) < -kMaxTicks || time(count - 1) > kMaxTicks) return false;
  const std::int64_t step = time(1) - time(0);
  for (int i = 2; i < count; ++i) {
    if (time(i) - time(i - 1) != step) return false;
  }
  return true;
}

/// The song's samples as iTunes states them beside the delay and the padding: " 00000000 00000840 000001CA
/// 00000000003F31F6". libavformat cuts the delay only. Not believed where it is far from what is there.
std::optional<std::int64_t> itunes_samples(const FrameReader& reader) {
  const AVDictionaryEntry* entry = av_dict_get(reader.input().metadata, "iTunSMPB", nullptr, 0);
  unsigned delay = 0;
  unsigned padding = 0;
  std::uint64_t samples = 0;
  if (entry == nullptr || std::sscanf(entry->value, " %*x %x %x %" SCNx64, &delay, &padding, &samples) != 3) {
    return std::nullopt;
  }
  constexpr std::int64_t kMaxPacketSamples = 2048;
  const std::int64_t held = av_rescale_q(std::min(reader.stream().duration, kMaxTicks),
                                         reader.stream().time_base, AVRational{1, reader.rate_hz()});
  const auto stated = static_cast<std::int64_t>(std::min<std::uint64_t>(samples, kMaxTicks));
  const bool fits = stated > 0 && stated <= held && held - stated <= delay + padding + kMaxPacketSamples;
  return fits ? std::optional(stated) : std::nullopt;
}

}  // namespace

bool counts_exactly(const FrameReader& reader) {
  const std::string_view name = reader.input().iformat->name;
  const AVRational tick = reader.stream().time_base;
  if (std::int64_t{tick.num} * reader.rate_hz() > kMaxSamplesPerTick * std::int64_t{tick.den} ||
      reader.first().pts == AV_NOPTS_VALUE) {
    return false;
  }
  if (name == "wav") return av_get_exact_bits_per_sample(reader.stream().codecpar->codec_id) >= 8;  // PCM
  return name == "flac" || (is_mp4(reader.input()) && evenly_spaced(reader.stream()));
}

std::optional<std::int64_t> edited_end(const FrameReader& reader) {
  AVStream& stream = reader.stream();
  if (!is_mp4(reader.input()) || stream.duration <= 0) return std::nullopt;
  if (const auto samples = itunes_samples(reader)) return samples;
  if (!counts_exactly(reader)) return std::nullopt;
  const int count = avformat_index_get_entries_count(&stream);
  const std::int64_t first_time = avformat_index_get_entry(&stream, 0)->timestamp;
  const std::int64_t last_time = avformat_index_get_entry(&stream, count - 1)->timestamp;
  std::int64_t end_time = stream.duration;
  // The edit's length is often rounded to milliseconds; the media's own is exact.
  const auto unedited = open_unedited(reader.path(), reader.input());
  if (unedited->nb_streams != reader.input().nb_streams) return std::nullopt;
  const std::int64_t media_end = std::min(unedited->streams[stream.index]->duration, kMaxTicks) + first_time;
  const AVRational edit_tick = {1, kEditTicksPerSecond};
  if (media_end - end_time < av_rescale_q(1, edit_tick, stream.time_base)) end_time = media_end;
  if (end_time <= last_time) return std::nullopt;  // it claims less than it holds: believe the packets
  return av_rescale_q(end_time - reader.first().pts, stream.time_base, AVRational{1, reader.rate_hz()});
}

}  // namespace svsep::ffmpeg
