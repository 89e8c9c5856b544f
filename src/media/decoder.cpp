#include "svsep/decoder.hpp"

#include "core/log.hpp"
#include "media/clock.hpp"
#include "media/declared_end.hpp"
#include "media/exact_time.hpp"
#include "media/frame_converter.hpp"
#include "media/frame_reader.hpp"
#include "media/tags.hpp"
#include "svsep/cancellation.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <string>
#include <utility>

namespace svsep {
namespace {

/// Decoded before the first wanted sample after a seek: lossy codecs need some past to become exact.
constexpr int kPrerollS = 1;
/// Far above any scale in use (32-bit integers reach 2e9), and far from where sums of squares leave a float.
constexpr float kMaxSample = 1e12F;
/// Of a song. More are no damage but a misread file.
constexpr double kMaxUnusableShare = 0.01;
constexpr std::int64_t kSilenceSamples = 16384;

std::int64_t to_samples(double time_s, int sample_rate_hz) {
  return std::llround(std::min(time_s * sample_rate_hz, static_cast<double>(ffmpeg::kMaxTicks)));
}

/// Which of the stream's samples are wanted, and how far decoding is. Sample 0 is the stream's first.
class Selection {
 public:
  /// Throws Error(input) where the range is empty.
  Selection(const std::filesystem::path& path, const TimeRange& range, int rate_hz)
      : begin_(to_samples(range.start_s, rate_hz)),
        end_(range.end_s ? to_samples(*range.end_s, rate_hz) : std::numeric_limits<std::int64_t>::max()) {
    if (end_ <= begin_) ffmpeg::fail_to_decode(path, "the selected range is shorter than one sample");
  }

  [[nodiscard]] std::int64_t begin() const noexcept { return begin_; }
  [[nodiscard]] std::int64_t end() const noexcept { return end_; }
  [[nodiscard]] std::int64_t position() const noexcept { return position_; }
  [[nodiscard]] bool is_over() const noexcept { return position_ >= end_; }
  void end_at(std::int64_t end) noexcept { end_ = std::min(end_, end); }
  void move_to(std::int64_t position) noexcept { position_ = position; }

  /// Cuts `block`, which starts at position(), to the selected range, and moves on.
  void cut(AudioBuffer& block) {
    const auto samples = static_cast<std::int64_t>(block.samples());
    const auto from = std::clamp<std::int64_t>(begin_ - position_, 0, samples);
    const auto to = std::clamp<std::int64_t>(end_ - position_, from, samples);
    position_ += samples;
    for (auto& channel : block.channels) {
      channel.erase(channel.begin() + to, channel.end());
      channel.erase(channel.begin(), channel.begin() + from);
    }
  }

 private:
  std::int64_t position_ = 0;  // of the next decoded sample
  std::int64_t begin_;
  std::int64_t end_;
};

void require_order(const std::filesystem::path& path, const TimeRange& range) {
  const double end_s = range.end_s.value_or(std::numeric_limits<double>::infinity());
  if (range.start_s >= 0.0 && end_s > range.start_s) return;
  ffmpeg::fail_to_decode(path,
                         fmt::format("the selected range is empty; expected 0 <= start < end, got {} to {} s",
                                     range.start_s, end_s));
}

/// Makes what is no usable number 0; how many.
std::int64_t sanitise(AudioBuffer& block) {
  std::int64_t unusable = 0;
  for (auto& channel : block.channels) {
    for (float& value : channel) {
      if (std::abs(value) <= kMaxSample) continue;
      value = 0.0F;
      ++unusable;
    }
  }
  return unusable;
}

std::vector<std::string> warnings_of(const DecodingReport& report, int rate_hz) {
  std::vector<std::string> warnings;
  const auto seconds = [&](std::int64_t samples) { return static_cast<double>(samples) / rate_hz; };
  if (report.is_cut_off) {
    const double length_s = report.length_s.value_or(0);
    const bool is_shorter = report.declared_s && *report.declared_s > length_s;
    warnings.push_back(
        is_shorter ? fmt::format("ends at {:.2f} s of {:.2f} s; is it cut off?", length_s, *report.declared_s)
                   : fmt::format("ends at {:.2f} s, before its container does; is it cut off?", length_s));
  }
  if (report.damaged_packets > 0) {
    warnings.push_back(fmt::format("{} damaged packets were skipped", report.damaged_packets));
  }
  if (report.lead_samples > 0) {
    warnings.push_back(fmt::format("its audio begins {:.3f} s late; there is silence before it",
                                   seconds(report.lead_samples)));
  }
  if (report.filled_samples > 0) {
    warnings.push_back(fmt::format("{:.3f} s are missing in its audio and were filled with silence",
                                   seconds(report.filled_samples)));
  }
  if (report.unusable_samples > 0) {
    warnings.push_back(fmt::format("{} samples that are no numbers, or beyond 1e12, were taken as silence",
                                   report.unusable_samples));
  }
  return warnings;
}

}  // namespace

struct Decoder::Impl {
  Impl(const std::filesystem::path& path, DecoderOptions options)
      : wanted((require_order(path, options.range), std::move(options))),
        reader(std::make_unique<ffmpeg::FrameReader>(path, wanted)),
        selection(path, wanted.range, reader->rate_hz()) {
    clock.emplace(*reader);
    silence = clock->lead();
    if (!wanted.range.keeps_end_padding) {
      if (const auto end = ffmpeg::edited_end(*reader)) selection.end_at(clock->lead() + *end);
    }
    skip_to_begin();
    converter.emplace(path, reader->first(), reader->rate_hz());
  }

  /// Seeks where that gives the same samples as decoding from the start.
  void skip_to_begin() {
    const std::int64_t preroll = std::int64_t{kPrerollS} * reader->rate_hz();
    const std::int64_t target = selection.begin() - preroll - clock->lead();
    const AVIOContext* bytes = reader->input().pb;
    const bool seekable = bytes != nullptr && (bytes->seekable & AVIO_SEEKABLE_NORMAL) != 0;
    if (target <= preroll || !seekable || !ffmpeg::counts_exactly(*reader)) return;
    const std::int64_t place = reader->seek(target);
    if (place >= 0 && place <= target + preroll / 2) {
      selection.move_to(place + clock->lead());
      silence = 0;
    } else {
      reader = std::make_unique<ffmpeg::FrameReader>(reader->path(), wanted);
      clock.emplace(*reader);
    }
  }

  bool read(AudioBuffer& block) {
    block.channels.resize(static_cast<std::size_t>(reader->channels()));
    for (bool more = true; more && !selection.is_over();) {
      throw_if_cancelled();
      for (auto& channel : block.channels) channel.clear();
      more = decode(block);
      if (!more) judge_end(static_cast<std::int64_t>(block.samples()));
      selection.cut(block);
      if (block.samples() == 0) continue;
      unusable += sanitise(block);
      given += static_cast<std::int64_t>(block.samples());
      return true;
    }
    if (given == 0) fail_empty();
    require_usable();
    block = AudioBuffer(static_cast<std::size_t>(reader->channels()), 0);
    return false;
  }

  /// Appends the next samples, or the silence between them; false at the end of the stream.
  bool decode(AudioBuffer& block) {
    if (silence > 0) {
      const auto count = std::min<std::int64_t>(silence, kSilenceSamples);
      silence -= count;
      for (auto& channel : block.channels) channel.resize(static_cast<std::size_t>(count));
      return true;
    }
    if (!std::exchange(frame_waits, false)) {
      if (!reader->next()) {
        converter->finish(block);
        return false;
      }
      silence = std::max<std::int64_t>(
          clock->gap_before(reader->frame(), selection.position()) + reader->take_lost_samples(), 0);
      if (silence > 0) {
        filled += silence;
        frame_waits = true;
        converter->finish(block);
        return true;
      }
    }
    converter->push(reader->frame(), block);
    return true;
  }

  /// At the end of the stream, `last` samples behind the position.
  void judge_end(std::int64_t last) {
    const std::int64_t end = selection.position() + last;
    length = end;
    cut_off = ffmpeg::is_cut_off(*reader, end - clock->lead());
  }

  void require_usable() const {
    const double all = static_cast<double>(given) * reader->channels();
    if (static_cast<double>(unusable) <= kMaxUnusableShare * all) return;
    ffmpeg::fail_to_decode(
        reader->path(), fmt::format("{:.0f} % of its samples are not numbers, or beyond 1e12; expected audio",
                                    100.0 * static_cast<double>(unusable) / all));
  }

  [[noreturn]] void fail_empty() const {
    const double rate_hz = reader->rate_hz();
    const double length_s = static_cast<double>(std::min(selection.position(), selection.end())) / rate_hz;
    ffmpeg::fail_to_decode(
        reader->path(),
        fmt::format("nothing in the selected range; expected a start before {:.6f} s, got {:.6f} s", length_s,
                    static_cast<double>(selection.begin()) / rate_hz));
  }

  [[nodiscard]] double seconds(std::int64_t samples) const {
    return static_cast<double>(samples) / reader->rate_hz();
  }

  [[nodiscard]] DecodingReport report() const {
    DecodingReport report;
    report.stream = reader->number();
    report.streams = reader->streams();
    report.lead_samples = clock->lead();
    report.filled_samples = filled;
    report.unusable_samples = unusable;
    report.damaged_packets = reader->damaged_packets();
    if (length > 0) report.length_s = seconds(length);
    if (const auto declared_s = ffmpeg::declared_length_s(*reader)) {
      report.declared_s = *declared_s + seconds(clock->lead());
    }
    report.is_cut_off = cut_off;
    report.warnings = warnings_of(report, reader->rate_hz());
    return report;
  }

  DecoderOptions wanted;
  std::unique_ptr<ffmpeg::FrameReader> reader;
  Selection selection;
  std::optional<ffmpeg::Clock> clock;
  std::optional<ffmpeg::FrameConverter> converter;
  bool frame_waits = false;  // for the silence before it
  bool cut_off = false;
  std::int64_t silence = 0;  // that comes next
  std::int64_t filled = 0;
  std::int64_t given = 0;
  std::int64_t length = 0;  // of the song, once it is known
  std::int64_t unusable = 0;
};

Decoder::Decoder(const std::filesystem::path& path, const DecoderOptions& options)
    : impl_(std::make_unique<Impl>(path, options)) {}
Decoder::Decoder(const std::filesystem::path& path, std::size_t stream, const TimeRange& range)
    : Decoder(path, DecoderOptions{.stream = stream, .range = range}) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

int Decoder::sample_rate_hz() const noexcept { return impl_->reader->rate_hz(); }
int Decoder::channels() const noexcept { return impl_->reader->channels(); }
std::int64_t Decoder::unusable_samples() const noexcept { return impl_->unusable; }
std::int64_t Decoder::damaged_packets() const noexcept { return impl_->reader->damaged_packets(); }
DecodingReport Decoder::report() const { return impl_->report(); }
bool Decoder::read(AudioBuffer& block) { return impl_->read(block); }

Tags Decoder::tags() const {
  Tags tags = ffmpeg::tags_of(impl_->reader->path(), impl_->reader->input());
  const AVChannelLayout& layout = impl_->reader->first().ch_layout;
  if (layout.order == AV_CHANNEL_ORDER_NATIVE) tags.speakers = layout.u.mask;
  if (tags.time_reference_s) *tags.time_reference_s += impl_->seconds(impl_->selection.begin());
  return tags;
}

std::optional<std::int64_t> Decoder::expected_samples() const noexcept {
  const AVStream& stream = impl_->reader->stream();
  const auto claimed_s = ffmpeg::duration_s(impl_->reader->input(), stream);
  if (!claimed_s) return std::nullopt;
  const auto& selection = impl_->selection;
  const std::int64_t lead = stream.duration > 0 ? impl_->clock->lead() : 0;
  const std::int64_t claimed = lead + to_samples(*claimed_s, impl_->reader->rate_hz());
  return std::max<std::int64_t>(std::min(selection.end(), claimed) - selection.begin(), 0);
}

void log_warnings(const std::filesystem::path& path, const DecodingReport& report) {
  const std::string name = path == "-" ? "standard input" : path.string();
  for (const std::string& warning : report.warnings) logger().warn("{}: {}", name, warning);
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

}  // namespace svsep
