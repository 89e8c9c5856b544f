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
  Impl(const std::filesystem::path& path, const std::vector<std::string>& names,
       const EncoderSettings& settings)
      : streams(names.size()), file(path, "mp4") {
    for (const std::string& name : names) file.add_track(settings, name);
    file.start(settings.tags);
  }
  std::size_t streams;
  ffmpeg::MediaFile file;
};

StemFileEncoder::StemFileEncoder(const std::filesystem::path& path, const std::vector<std::string>& streams,
                                 const EncoderSettings& settings)
    : impl_(std::make_unique<Impl>(path, streams, settings)) {}
StemFileEncoder::~StemFileEncoder() = default;
StemFileEncoder::StemFileEncoder(StemFileEncoder&&) noexcept = default;
StemFileEncoder& StemFileEncoder::operator=(StemFileEncoder&&) noexcept = default;

void StemFileEncoder::write(std::size_t stream, const AudioBuffer& block) {
  impl_->file.write(stream, block);
}
void StemFileEncoder::complete() { impl_->file.complete(); }
void StemFileEncoder::finish(ExistingFile existing) { impl_->file.finish(existing); }
std::size_t StemFileEncoder::streams() const noexcept { return impl_->streams; }
std::int64_t StemFileEncoder::clipped_samples(std::size_t stream) const noexcept {
  return impl_->file.clipped_samples(stream);
}
float StemFileEncoder::peak(std::size_t stream) const noexcept { return impl_->file.peak(stream); }

}  // namespace svsep
