#include "svsep/stem_file.hpp"

#include "core/text.hpp"
#include "media/input.hpp"
#include "media/media_file.hpp"
#include "svsep/error.hpp"

namespace svsep {

Decoder open_stem(const std::filesystem::path& path, Stem stem, const TimeRange& range) {
  const std::size_t streams = ffmpeg::audio_streams(*ffmpeg::open_input(path)).size();
  if (streams != kStemNames.size()) {
    throw Error(
        ErrorKind::input,
        "cannot decode: " + path.string() +
            ": is no stem file; expected 5 audio streams (mixture, drums, bass, other, vocals), got " +
            std::to_string(streams));
  }
  return Decoder(path, static_cast<std::size_t>(stem), range);
}

bool is_stem_file(const std::filesystem::path& path) {
  return lower_case(path.filename().string()).ends_with(".stem.mp4");
}

struct StemFileEncoder::Impl {
  Impl(const std::filesystem::path& path, const EncoderSettings& settings) : file(path, "mp4") {
    for (const std::string_view name : kWrittenStemNames) file.add_track(settings, std::string(name));
    file.start(settings.tags);
  }
  ffmpeg::MediaFile file;
};

StemFileEncoder::StemFileEncoder(const std::filesystem::path& path, int sample_rate_hz, int channels,
                                 std::optional<int> bitrate_kbps, const Tags& tags)
    : impl_(std::make_unique<Impl>(
          path, EncoderSettings{AudioFormat::m4a, sample_rate_hz, channels, bitrate_kbps, tags})) {}
StemFileEncoder::~StemFileEncoder() = default;
StemFileEncoder::StemFileEncoder(StemFileEncoder&&) noexcept = default;
StemFileEncoder& StemFileEncoder::operator=(StemFileEncoder&&) noexcept = default;

void StemFileEncoder::write(WrittenStem stem, const AudioBuffer& block) {
  impl_->file.write(static_cast<std::size_t>(stem), block);
}
void StemFileEncoder::complete() { impl_->file.complete(); }
void StemFileEncoder::finish() { impl_->file.finish(); }
std::int64_t StemFileEncoder::clipped_samples(WrittenStem stem) const noexcept {
  return impl_->file.clipped_samples(static_cast<std::size_t>(stem));
}
float StemFileEncoder::peak(WrittenStem stem) const noexcept {
  return impl_->file.peak(static_cast<std::size_t>(stem));
}

}  // namespace svsep
