#include "recipe/mixer.hpp"

#include "core/rng.hpp"
#include "recipe/cutter.hpp"
#include "recipe/level.hpp"
#include "recipe/pools.hpp"
#include "recipe/remixer.hpp"

#include <optional>
#include <string>
#include <utility>

namespace svsep {
namespace {

constexpr std::uint64_t kValidationEpoch = 0;  // training's epochs count from 1

}  // namespace

struct Mixer::Impl {
  Impl(const AudioStore& audio, const MixerOptions& mixer_options)
      : options(mixer_options),
        sample_rate_hz(audio.sample_rate_hz()),
        pools(audio, options),
        cutter{options.piece_samples, options.channels},
        remixer(pools, cutter, sample_rate_hz) {}

  [[nodiscard]] Piece song(std::uint64_t epoch, std::uint64_t index) const;
  [[nodiscard]] Piece plain_mix(Rng& rng) const;

  MixerOptions options;
  int sample_rate_hz;
  Pools pools;
  Cutter cutter;
  Remixer remixer;
};

Piece Mixer::Impl::song(std::uint64_t epoch, std::uint64_t index) const {
  return first_audible("a piece", pools.songs.size(),
                       [&](std::size_t attempt, std::string& last) -> std::optional<Piece> {
                         Rng rng({options.validation ? 0 : options.seed, epoch, index, attempt});
                         Place at = cutter.place(pools.songs.draw(rng), 1.0, rng);
                         const std::uint64_t channel = rng.below(2);
                         at.downmix = {channel == 0 ? 1.0F : 0.0F, channel == 0 ? 0.0F : 1.0F};
                         last = at.recording->name;
                         Piece piece{last, with_channels(cutter.cut(at, kVocals), options.channels),
                                     with_channels(cutter.cut(at, kAccompaniment), options.channels)};
                         if (mixture_rms(piece.vocals, piece.accompaniment) < kSilentRms) return std::nullopt;
                         return piece;
                       });
}

Piece Mixer::Impl::plain_mix(Rng& rng) const {
  Sound singer = remixer.dry_voice(1.0, rng);
  Sound band = first_audible("an accompaniment", pools.accompaniments.size(),
                             [&](std::size_t, std::string& last) -> std::optional<Sound> {
                               const Recording& of = pools.accompaniments.draw(rng);
                               last = of.name;
                               Sound source{&of, cutter.cut(cutter.place(of, 1.0, rng), kAccompaniment)};
                               const double level = rms(source.audio);
                               if (level < kSilentRms) return std::nullopt;
                               scale(source.audio, 1 / level);
                               return source;
                             });
  Piece piece{singer.recording->name + " + " + band.recording->name,
              with_channels(std::move(singer.audio), options.channels),
              with_channels(std::move(band.audio), options.channels)};
  const double gain = kMixtureRms / mixture_rms(piece.vocals, piece.accompaniment);
  scale(piece.vocals, gain);
  scale(piece.accompaniment, gain);
  return piece;
}

Mixer::Mixer(const AudioStore& store, const MixerOptions& options)
    : impl_(std::make_unique<const Impl>(store, options)) {}
Mixer::~Mixer() = default;
Mixer::Mixer(Mixer&&) noexcept = default;
Mixer& Mixer::operator=(Mixer&&) noexcept = default;

std::size_t Mixer::songs() const noexcept { return impl_->pools.songs.size(); }

Piece Mixer::whole_song(std::size_t index) const {
  const Impl& self = *impl_;
  const Recording& recording = self.pools.songs.at(index);
  const Place whole{&recording, 0, recording.samples, 1.0, {0.5F, 0.5F}};
  return {recording.name, with_channels(self.cutter.cut(whole, kVocals), self.options.channels),
          with_channels(self.cutter.cut(whole, kAccompaniment), self.options.channels)};
}

const MixerOptions& Mixer::options() const noexcept { return impl_->options; }
int Mixer::sample_rate_hz() const noexcept { return impl_->sample_rate_hz; }

Piece Mixer::draw(std::uint64_t epoch, std::uint64_t index) const {
  const Impl& self = *impl_;
  if (self.options.validation) {
    Rng rng({0, kValidationEpoch, index});
    return self.pools.songs.empty() ? self.plain_mix(rng) : self.song(kValidationEpoch, index);
  }
  if (self.options.recipe == Recipe::thesis) return self.song(epoch, index);
  Rng rng({self.options.seed, epoch, index});
  return self.remixer.draw(rng);
}

}  // namespace svsep
