#include "media/clock.hpp"

#include "media/exact_time.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

namespace svsep::ffmpeg {
namespace {

/// A longer jump is another clock, not a hole.
constexpr int kMaxGapS = 600;
/// Without a picture beside it, a shorter delay is the encoder's.
constexpr double kMinLeadS = 0.1;
/// Stamps of other containers jitter more.
constexpr double kJitterS = 0.1;
constexpr double kExactJitterS = 0.01;

/// Containers whose stamps are good to a tick.
constexpr auto kExact = std::to_array<std::string_view>(
    {"flac", "ogg", "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mpegts", "mpeg", "nut", "wv", "tta", "mp3"});
/// Containers whose time line begins at 0, not at their first stamp.
constexpr auto kBeginAtZero =
    std::to_array<std::string_view>({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "nut"});
/// Containers that have stamps of their own for audio, or whose demuxer counts packets.
constexpr auto kWithoutStamps = std::to_array<std::string_view>({"avi", "aac", "ac3", "eac3", "dts", "wav"});

template <class Names>
bool is_one_of(const Names& names, const AVFormatContext& input) {
  return std::find(names.begin(), names.end(), input.iformat->name) != names.end();
}

bool has_picture(const AVFormatContext& input) {
  for (unsigned i = 0; i < input.nb_streams; ++i) {
    const AVStream& stream = *input.streams[i];
    if (stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO &&
        (stream.disposition & (AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS)) == 0) {
      return true;
    }
  }
  return false;
}

/// Samples from the song's beginning to the first frame.
std::int64_t lead_of(const FrameReader& reader) {
  const AVFormatContext& input = reader.input();
  const std::int64_t pts = reader.first().pts;
  if (pts == AV_NOPTS_VALUE || std::abs(pts) > kMaxTicks) return 0;
  const AVRational tick = reader.stream().time_base;
  std::int64_t start = av_rescale_q(pts, tick, AVRational{1, reader.rate_hz()});
  const bool film = has_picture(input);
  if (film && input.start_time != AV_NOPTS_VALUE) {
    start -= av_rescale_q(input.start_time, AV_TIME_BASE_Q, AVRational{1, reader.rate_hz()});
  } else if (!is_one_of(kBeginAtZero, input)) {
    return 0;
  }
  const std::int64_t rounding = av_rescale_q_rnd(2, tick, AVRational{1, reader.rate_hz()}, AV_ROUND_UP);
  const auto least = film ? rounding : static_cast<std::int64_t>(kMinLeadS * reader.rate_hz());
  const bool fits = start > least && start <= std::int64_t{kMaxGapS} * reader.rate_hz();
  return fits ? start : 0;
}

}  // namespace

Clock::Clock(const FrameReader& reader) : reader_(reader), lead_(lead_of(reader)) {
  has_stamps_ = !is_one_of(kWithoutStamps, reader.input());
  const double jitter_s = is_one_of(kExact, reader.input()) ? kExactJitterS : kJitterS;
  const auto rounding =
      av_rescale_q_rnd(3, reader.stream().time_base, AVRational{1, reader.rate_hz()}, AV_ROUND_UP);
  tolerance_ = std::max(rounding, static_cast<std::int64_t>(jitter_s * reader.rate_hz()));
}

std::int64_t Clock::samples_of(const AVFrame& frame) const {
  return av_rescale(frame.nb_samples, reader_.rate_hz(), std::max(frame.sample_rate, 1));
}

std::int64_t Clock::start_of(const AVFrame& frame) const {
  return av_rescale_q(frame.pts - reader_.first().pts, reader_.stream().time_base,
                      AVRational{1, reader_.rate_hz()}) +
         lead_;
}

std::int64_t Clock::gap_before(const AVFrame& frame, std::int64_t position) {
  const std::int64_t samples = samples_of(frame);
  const bool stamped = has_stamps_ && frame.pts != AV_NOPTS_VALUE && std::abs(frame.pts) <= kMaxTicks &&
                       reader_.first().pts != AV_NOPTS_VALUE;
  const std::int64_t start = stamped ? start_of(frame) : expected_;
  const std::int64_t jump = frames_++ == 0 ? 0 : start - expected_;
  expected_ = start + samples;
  longest_ = std::max(longest_, samples);
  decoded_ += samples;
  const std::int64_t longest_gap = std::int64_t{kMaxGapS} * reader_.rate_hz();
  if (jump <= std::max(tolerance_, longest_ / 2) || jump > longest_gap) return 0;
  const std::int64_t behind = start - position;  // what the stamps say since the beginning, if they agree
  const std::int64_t gap = std::abs(behind - jump) <= tolerance_ ? std::max<std::int64_t>(behind, 0) : jump;
  if (filled_ + gap > longest_gap + decoded_) return 0;  // a small file must not make hours of silence
  filled_ += gap;
  return gap;
}

}  // namespace svsep::ffmpeg
