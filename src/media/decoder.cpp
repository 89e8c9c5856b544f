#include "svsep/decoder.hpp"

#include "media/exact_time.hpp"
#include "media/frame_converter.hpp"
#include "media/frame_reader.hpp"
#include "media/tags.hpp"
#include "svsep/cancellation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace svsep {
namespace {

/// Decoded before the first wanted sample after a seek: lossy codecs need some past to become exact.
constexpr int kPrerollS = 1;
/// Far above any scale in use (32-bit integers reach 2e9), and far from where sums of squares leave a float.
constexpr float kMaxSample = 1e12F;

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
  ffmpeg::fail_to_decode(path, "the selected range is empty; expected 0 <= start < end, got " +
                                   std::to_string(range.start_s) + " to " + std::to_string(end_s) + " s");
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

}  // namespace

struct Decoder::Impl {
  Impl(const std::filesystem::path& path, std::size_t stream, const TimeRange& range)
      : reader((require_order(path, range), std::make_unique<ffmpeg::FrameReader>(path, stream))),
        selection(path, range, reader->rate_hz()) {
    skip_to_begin(stream);
    if (!range.keeps_end_padding) {
      if (const auto end = ffmpeg::edited_end(*reader)) selection.end_at(*end);
    }
    converter.emplace(path, reader->first());
  }

  /// Seeks where that gives the same samples as decoding from the start.
  void skip_to_begin(std::size_t stream) {
    const std::int64_t preroll = std::int64_t{kPrerollS} * reader->rate_hz();
    const AVIOContext* bytes = reader->input().pb;
    const bool seekable = bytes != nullptr && (bytes->seekable & AVIO_SEEKABLE_NORMAL) != 0;
    if (selection.begin() <= 2 * preroll || !seekable || !ffmpeg::counts_exactly(*reader)) return;
    const std::int64_t place = reader->seek(selection.begin() - preroll);
    if (place >= 0 && place <= selection.begin() - preroll / 2) {
      selection.move_to(place);
    } else {
      reader = std::make_unique<ffmpeg::FrameReader>(reader->path(), stream);
    }
  }

  bool read(AudioBuffer& block) {
    block.channels.resize(static_cast<std::size_t>(reader->channels()));
    for (bool more = true; more && !selection.is_over();) {
      throw_if_cancelled();
      for (auto& channel : block.channels) channel.clear();
      more = reader->next();
      if (more) {
        converter->push(reader->frame(), block);
      } else {
        converter->finish(block);
      }
      selection.cut(block);
      if (block.samples() == 0) continue;
      unusable += sanitise(block);
      gave_samples = true;
      return true;
    }
    if (!gave_samples) fail_empty();
    block = AudioBuffer(static_cast<std::size_t>(reader->channels()), 0);
    return false;
  }

  [[noreturn]] void fail_empty() const {
    const double rate_hz = reader->rate_hz();
    const double length_s = static_cast<double>(std::min(selection.position(), selection.end())) / rate_hz;
    ffmpeg::fail_to_decode(
        reader->path(), "nothing in the selected range; expected a start before " + std::to_string(length_s) +
                            " s, got " + std::to_string(static_cast<double>(selection.begin()) / rate_hz) +
                            " s");
  }

  std::unique_ptr<ffmpeg::FrameReader> reader;
  Selection selection;
  std::optional<ffmpeg::FrameConverter> converter;
  bool gave_samples = false;
  std::int64_t unusable = 0;
};

Decoder::Decoder(const std::filesystem::path& path, std::size_t stream, const TimeRange& range)
    : impl_(std::make_unique<Impl>(path, stream, range)) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

int Decoder::sample_rate_hz() const noexcept { return impl_->reader->rate_hz(); }
int Decoder::channels() const noexcept { return impl_->reader->channels(); }
std::int64_t Decoder::unusable_samples() const noexcept { return impl_->unusable; }
std::int64_t Decoder::damaged_packets() const noexcept { return impl_->reader->damaged_packets(); }
Tags Decoder::tags() const { return ffmpeg::tags_of(impl_->reader->path(), impl_->reader->input()); }
bool Decoder::read(AudioBuffer& block) { return impl_->read(block); }

std::optional<std::int64_t> Decoder::expected_samples() const noexcept {
  const auto claimed_s = ffmpeg::duration_s(impl_->reader->input(), impl_->reader->stream());
  if (!claimed_s) return std::nullopt;
  const auto& selection = impl_->selection;
  const std::int64_t end = std::min(selection.end(), to_samples(*claimed_s, impl_->reader->rate_hz()));
  return std::max<std::int64_t>(end - selection.begin(), 0);
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
