#include "svsep/stem_file.hpp"

#include "core/text.hpp"
#include "media/input.hpp"
#include "media/media_file.hpp"
#include "media/stem_box.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <string_view>

namespace svsep {
namespace {

constexpr const char* kSilent = "silence";

/// Where MUSDB18 has a stem; an accompaniment lies with other, so that drums, bass and other are its sum
/// there, too.
std::size_t usual_place(const std::string& name) {
  if (name == "accompaniment" || name == "instrumental") return static_cast<std::size_t>(Stem::other);
  const auto found = std::find(kStemNames.begin(), kStemNames.end(), name);
  return static_cast<std::size_t>(found - kStemNames.begin());
}

/// The streams' places in the file: the usual ones, and for others those that are left.
std::vector<std::size_t> places_of(const std::vector<std::string>& names) {
  const std::size_t count = std::max(names.size(), kStemNames.size());
  constexpr std::size_t kNone = ~std::size_t{0};
  std::vector<std::size_t> places(names.size(), kNone);
  std::vector<bool> taken(count, false);
  const bool is_many = names.size() > kStemNames.size();
  for (std::size_t stream = 0; stream < names.size(); ++stream) {
    const std::size_t place = is_many ? stream : usual_place(names[stream]);
    if (place >= count || taken[place]) continue;
    places[stream] = place;
    taken[place] = true;
  }
  for (std::size_t& place : places) {
    if (place != kNone) continue;
    place = static_cast<std::size_t>(std::find(taken.begin(), taken.end(), false) - taken.begin());
    taken[place] = true;
  }
  return places;
}

}  // namespace

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
      : places(places_of(names)), file(path, "mp4") {
    Tags tags = settings.tags;
    if (names.size() <= kStemNames.size()) {
      titles.assign(kStemNames.size(), kSilent);
      for (std::size_t stream = 0; stream < names.size(); ++stream) titles[places[stream]] = names[stream];
      const std::vector<std::string_view> stems(titles.begin() + 1, titles.end());
      tags.values[ffmpeg::kStemPlaceholder] = ffmpeg::stem_description(stems);
      file.on_complete(ffmpeg::move_stem_box);
    } else {
      titles = names;
    }
    for (const std::string& title : titles) file.add_track(settings, title);
    file.start(tags);
  }

  void write(std::size_t stream, const AudioBuffer& block) {
    file.write(places.at(stream), block);
    if (stream != 0) return;
    const AudioBuffer silence(block.channels.size(), block.samples());
    for (std::size_t place = 0; place < titles.size(); ++place) {
      if (titles[place] == kSilent) file.write(place, silence);
    }
  }

  std::vector<std::size_t> places;  ///< in the file, of the streams that we are given
  std::vector<std::string> titles;
  ffmpeg::MediaFile file;
};

StemFileEncoder::StemFileEncoder(const std::filesystem::path& path, const std::vector<std::string>& streams,
                                 const EncoderSettings& settings)
    : impl_(std::make_unique<Impl>(path, streams, settings)) {}
StemFileEncoder::~StemFileEncoder() = default;
StemFileEncoder::StemFileEncoder(StemFileEncoder&&) noexcept = default;
StemFileEncoder& StemFileEncoder::operator=(StemFileEncoder&&) noexcept = default;

void StemFileEncoder::write(std::size_t stream, const AudioBuffer& block) { impl_->write(stream, block); }
void StemFileEncoder::complete() { impl_->file.complete(); }
void StemFileEncoder::finish(ExistingFile existing) { impl_->file.finish(existing); }
std::size_t StemFileEncoder::streams() const noexcept { return impl_->places.size(); }
std::int64_t StemFileEncoder::clipped_samples(std::size_t stream) const noexcept {
  return impl_->file.clipped_samples(impl_->places[stream]);
}
float StemFileEncoder::peak(std::size_t stream) const noexcept {
  return impl_->file.peak(impl_->places[stream]);
}

}  // namespace svsep
