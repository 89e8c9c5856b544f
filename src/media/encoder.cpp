#include "svsep/encoder.hpp"

#include "media/media_file.hpp"

namespace svsep {
namespace {

const char* muxer_of(AudioFormat format, bool to_file) {
  switch (format) {
    case AudioFormat::flac:
      return "flac";
    case AudioFormat::mp3:
      return "mp3";
    case AudioFormat::m4a:
      return to_file ? "ipod" : "mp4";
    case AudioFormat::ogg:
      return "ogg";
    case AudioFormat::opus:
      return "opus";
    default:
      return "wav";
  }
}

}  // namespace

struct Encoder::Impl {
  Impl(const std::optional<std::filesystem::path>& path, const EncoderSettings& settings)
      : file(path, muxer_of(settings.format, path.has_value())) {
    file.add_track(settings);
    file.start(settings.tags);
  }
  ffmpeg::MediaFile file;
};

Encoder::Encoder(const std::filesystem::path& path, const EncoderSettings& settings)
    : impl_(std::make_unique<Impl>(path, settings)) {}
Encoder::Encoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Encoder Encoder::to_stdout(const EncoderSettings& settings) {
  return Encoder(std::make_unique<Impl>(std::nullopt, settings));
}
Encoder::~Encoder() = default;
Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;

void Encoder::write(const AudioBuffer& block) { impl_->file.write(0, block); }
void Encoder::complete() { impl_->file.complete(); }
void Encoder::finish(ExistingFile existing) { impl_->file.finish(existing); }
std::int64_t Encoder::clipped_samples() const noexcept { return impl_->file.clipped_samples(0); }
float Encoder::peak() const noexcept { return impl_->file.peak(0); }

}  // namespace svsep
