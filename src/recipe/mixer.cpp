#include "recipe/mixer.hpp"

#include "core/rng.hpp"
#include "recipe/bandwidth.hpp"
#include "recipe/effects.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace svsep {
namespace {

constexpr double kSilentRms = 1e-3;  // -60 dBFS
constexpr double kMixtureRms = 0.1;
constexpr std::size_t kDrawsPerRecording = 20;  // then even one good recording among many was met
constexpr std::uint64_t kValidationEpoch = 0;   // training's epochs count from 1

// The shares of Recipe::remix.
// Those of songs are for many songs; few songs teach their own voices.
constexpr double kFewSongs = 5;                 // that get half the share
constexpr double kSongShare = 0.3;              // of pieces that are a song as it is, augmented
constexpr double kVoicesOfSongs = 0.5;          // of voices, where there are also voices alone
constexpr double kAccompanimentsOfSongs = 0.5;  // of accompaniments, where there is also music without voices
constexpr double kLargestShiftSemitones = 4.0;
constexpr double kVoicesFree = 0.08;
constexpr double kVoicesOnly = 0.02;
constexpr double kDownmixed = 0.25;  // of pieces of two channels that are alike
constexpr double kEnds = 0.25;       // of pieces that are the beginning or the end of a song, or both

using Gains = std::array<double, kPartCount>;  // of parts; 0: left out
constexpr Gains kVocals = {1, 0, 0, 0};
constexpr Gains kAccompaniment = {0, 1, 1, 1};

double gain_of_db(double db) { return std::pow(10.0, db / 20); }
bool chance(double share, Rng& rng) { return rng.uniform() < share; }
double semitones(double range, Rng& rng) { return std::exp2(rng.uniform(-range, range) / 12); }

bool has_part(const Recording& recording, Part part) { return !recording.part(part).empty(); }
bool has_accompaniment(const Recording& recording) {
  return has_part(recording, Part::drums) || has_part(recording, Part::bass) ||
         has_part(recording, Part::other);
}

/// out[n] += gain * samples[(start + n) mod samples].
void add_repeated(std::span<const std::int16_t> samples, std::size_t start, float gain,
                  std::span<float> out) {
  while (!out.empty()) {
    const std::size_t count = std::min(out.size(), samples.size() - start);
    const std::int16_t* from = samples.data() + start;
    for (std::size_t n = 0; n < count; ++n) out[n] += gain * static_cast<float>(from[n]);
    out = out.subspan(count);
    start = 0;
  }
}

double mixture_rms(const AudioBuffer& vocals, const AudioBuffer& accompaniment) {
  AudioBuffer mixture = vocals;
  add(mixture, accompaniment, 1.0);
  return rms(mixture);
}

/// Recordings to choose from, each as often as its share says.
class Pool {
 public:
  void add(const Recording& recording, double share) {
    recordings_.push_back(&recording);
    shares_up_to_.push_back(share + (shares_up_to_.empty() ? 0.0 : shares_up_to_.back()));
  }
  [[nodiscard]] const Recording& draw(Rng& rng) const {
    const double at = rng.uniform(0.0, shares_up_to_.back());
    const auto found = std::upper_bound(shares_up_to_.begin(), shares_up_to_.end() - 1, at);
    return *recordings_[static_cast<std::size_t>(found - shares_up_to_.begin())];
  }
  [[nodiscard]] const Recording& at(std::size_t index) const { return *recordings_.at(index); }
  [[nodiscard]] std::size_t size() const noexcept { return recordings_.size(); }
  [[nodiscard]] bool empty() const noexcept { return recordings_.empty(); }

 private:
  std::vector<const Recording*> recordings_;
  std::vector<double> shares_up_to_;
};

/// Where in a recording, and which of its channels.
struct Place {
  const Recording* recording = nullptr;
  std::size_t start = 0;
  std::size_t samples = 0;            // of what is cut
  double ratio = 1.0;                 // of the pitch and tempo that it gets
  std::array<float, 2> downmix = {};  // of two channels to one
};

/// Audio and what it is of.
struct Source {
  const Recording* recording = nullptr;
  AudioBuffer audio;
  bool narrow = false;  // a part of it ends at kNarrowTopHz
};

struct Mixed {
  Piece piece;
  bool narrow = false;  // as Source
};

}  // namespace

struct Mixer::Impl {
  Impl(const AudioStore& audio, const MixerOptions& mixer_options);

  [[nodiscard]] Place place(const Recording& recording, double ratio, Rng& rng) const;
  [[nodiscard]] AudioBuffer cut(const Place& place, const Gains& gains) const;

  [[nodiscard]] Piece song(std::uint64_t epoch, std::uint64_t index) const;
  [[nodiscard]] Piece plain_mix(Rng& rng) const;
  [[nodiscard]] Piece remix(Rng& rng) const;
  [[nodiscard]] Mixed augmented_song(Rng& rng) const;
  [[nodiscard]] Mixed mix(Rng& rng) const;
  void end_somewhere(Piece& piece, Rng& rng) const;
  void produce_again(AudioBuffer& vocals, Rng& rng) const;

  [[nodiscard]] Source dry_voice(double ratio, Rng& rng) const;
  [[nodiscard]] Source voice(Rng& rng) const;
  [[nodiscard]] Source dry_accompaniment(const Recording* avoided, double ratio, Rng& rng) const;
  [[nodiscard]] Source accompaniment(const Recording* avoided, Rng& rng) const;

  /// The first result of draw(attempt) that is one. Throws Error(input).
  template <typename Draw>
  [[nodiscard]] auto first_audible(const char* what, std::size_t recordings, const Draw& draw) const;

  MixerOptions options;
  int sample_rate_hz;
  /// Of something made of songs.
  [[nodiscard]] bool of_songs(double share, const Pool& pool, Rng& rng) const {
    const auto count = static_cast<double>(pool.size());
    return chance(share * count / (count + kFewSongs), rng);
  }

  Pool songs;
  Pool voices, accompaniments;            // of their own
  Pool song_voices, song_accompaniments;  // songs that have these parts
  std::set<const Recording*> narrow;      // recordings whose voices are
};

Mixer::Impl::Impl(const AudioStore& audio, const MixerOptions& mixer_options)
    : options(mixer_options), sample_rate_hz(audio.sample_rate_hz()) {
  for (const Recording& recording : audio.recordings()) {
    if (recording.validation != options.validation || recording.samples == 0) continue;
    const bool augments = options.recipe == Recipe::remix && !options.validation;
    if (augments && is_narrow(recording, Part::vocals, sample_rate_hz)) narrow.insert(&recording);
    const auto samples = static_cast<double>(recording.samples);
    const bool sings = has_part(recording, Part::vocals);
    const bool plays = has_accompaniment(recording);
    if (recording.role == Role::song && (sings || plays)) {
      songs.add(recording, recording.weight);
      if (sings) song_voices.add(recording, recording.weight);
      if (plays) song_accompaniments.add(recording, recording.weight);
    } else if (recording.role == Role::vocals && sings) {
      voices.add(recording, recording.weight * samples);
    } else if (recording.role == Role::accompaniment && plays) {
      // Long recordings are often much of the same.
      accompaniments.add(recording, recording.weight * std::pow(samples, 0.7));
    }
  }
  const std::string purpose = options.validation ? "validate" : "train";
  const bool mixable =
      !(voices.empty() && song_voices.empty()) && !(accompaniments.empty() && song_accompaniments.empty());
  const bool needs_songs = options.recipe == Recipe::thesis && !options.validation;
  if (needs_songs ? songs.empty() : songs.empty() && !mixable) {
    throw Error(ErrorKind::input, "cannot " + purpose + ": audio to " + purpose + " on; expected " +
                                      (needs_songs ? "songs with stems for the recipe thesis"
                                                   : "songs with stems, or voices and accompaniments") +
                                      ", got " + std::to_string(songs.size()) + " songs, " +
                                      std::to_string(voices.size()) + " voices, " +
                                      std::to_string(accompaniments.size()) + " accompaniments");
  }
  if (options.recipe == Recipe::remix && !options.validation && !mixable) {
    throw Error(ErrorKind::input, "cannot train: parts to mix; expected voices and accompaniments, got " +
                                      std::to_string(voices.size() + song_voices.size()) +
                                      " recordings with voices and " +
                                      std::to_string(accompaniments.size() + song_accompaniments.size()) +
                                      " with accompaniment");
  }
}

template <typename Draw>
auto Mixer::Impl::first_audible(const char* what, std::size_t recordings, const Draw& draw) const {
  const std::size_t attempts = kDrawsPerRecording * recordings;
  std::string last;
  for (std::size_t attempt = 0; attempt < attempts; ++attempt) {
    if (auto result = draw(attempt, last)) return *std::move(result);
  }
  throw Error(ErrorKind::input, std::string("cannot draw ") + what + " that can be heard from " +
                                    std::to_string(recordings) + " recordings in " +
                                    std::to_string(attempts) + " draws; the last one: " + last +
                                    " is silent");
}

Place Mixer::Impl::place(const Recording& recording, double ratio, Rng& rng) const {
  static constexpr std::array<std::array<float, 2>, 3> kDownmixes = {{{0.5F, 0.5F}, {1, 0}, {0, 1}}};
  const auto needed = static_cast<std::size_t>(static_cast<double>(options.piece_samples) * ratio) + 3;
  const std::size_t starts = recording.samples > needed ? recording.samples - needed + 1 : recording.samples;
  return {&recording, rng.below(starts), options.piece_samples, ratio,
          kDownmixes[rng.below(kDownmixes.size())]};
}

/// One channel where a piece has one, or all parts have; else two.
AudioBuffer Mixer::Impl::cut(const Place& place, const Gains& gains) const {
  const Recording& recording = *place.recording;
  std::size_t widest = 1;
  for (std::size_t part = 0; part < kPartCount; ++part) {
    if (gains[part] != 0) widest = std::max(widest, recording.parts[part].size());
  }
  const std::size_t samples =
      place.ratio == 1.0 ? place.samples
                         : static_cast<std::size_t>(static_cast<double>(place.samples) * place.ratio) + 3;
  AudioBuffer audio(std::min(widest, options.channels), samples);
  for (std::size_t part = 0; part < kPartCount; ++part) {
    const auto& from = recording.parts[part];
    if (gains[part] == 0 || from.empty()) continue;
    const auto add_channel = [&](std::size_t source, double share, std::vector<float>& to) {
      const auto gain = static_cast<float>(gains[part] * share) * recording.scale;
      if (gain != 0.0F) add_repeated(from[source], place.start, gain, to);
    };
    for (std::size_t c = 0; c < audio.channels.size(); ++c) {
      if (audio.channels.size() == 2 || from.size() == 1) {
        add_channel(c % from.size(), 1.0, audio.channels[c]);
      } else {
        for (std::size_t source = 0; source < 2; ++source) {
          add_channel(source, double{place.downmix[source]}, audio.channels[c]);
        }
      }
    }
  }
  if (place.ratio != 1.0) {
    for (std::vector<float>& channel : audio.channels) {
      channel = resample_by(channel, place.ratio, place.samples);
    }
  }
  return audio;
}

Piece Mixer::Impl::song(std::uint64_t epoch, std::uint64_t index) const {
  return first_audible("a piece", songs.size(),
                       [&](std::size_t attempt, std::string& last) -> std::optional<Piece> {
                         Rng rng({options.validation ? 0 : options.seed, epoch, index, attempt});
                         Place at = place(songs.draw(rng), 1.0, rng);
                         const std::uint64_t channel = rng.below(2);
                         at.downmix = {channel == 0 ? 1.0F : 0.0F, channel == 0 ? 0.0F : 1.0F};
                         last = at.recording->name;
                         Piece piece{last, with_channels(cut(at, kVocals), options.channels),
                                     with_channels(cut(at, kAccompaniment), options.channels)};
                         if (mixture_rms(piece.vocals, piece.accompaniment) < kSilentRms) return std::nullopt;
                         return piece;
                       });
}

Source Mixer::Impl::dry_voice(double ratio, Rng& rng) const {
  return first_audible(
      "a voice", voices.size() + song_voices.size(),
      [&](std::size_t, std::string& last) -> std::optional<Source> {
        const bool of_song = voices.empty() || of_songs(kVoicesOfSongs, song_voices, rng);
        const Recording& recording = (of_song ? song_voices : voices).draw(rng);
        last = recording.name;
        Source source{&recording, cut(place(recording, ratio, rng), kVocals), narrow.contains(&recording)};
        const double level = sounding_rms(source.audio, sample_rate_hz);
        if (level < kSilentRms) return std::nullopt;
        scale(source.audio, 1 / level);
        return source;
      });
}

/// One channel where it has no place between two yet; RMS one where it sounds.
Source Mixer::Impl::voice(Rng& rng) const {
  Source source = dry_voice(chance(0.6, rng) ? semitones(kLargestShiftSemitones, rng) : 1.0, rng);
  AudioBuffer& audio = source.audio;
  if (chance(0.2, rng)) {
    const double gain = rng.uniform(0.3, 1);
    const Source second = dry_voice(1.0, rng);
    audio = with_channels(std::move(audio), second.audio.channels.size());
    add(audio, second.audio, gain);
    source.narrow = source.narrow || second.narrow;
  }
  equalise(audio, 7, rng);
  if (chance(0.4, rng)) cut_lows(audio, sample_rate_hz, rng);
  if (chance(0.08, rng)) breathe(audio, rng);
  if (chance(0.4, rng)) compress(audio, sample_rate_hz, rng);
  if (chance(0.2, rng)) overdrive(audio, rng);
  audio = with_channels(std::move(audio), options.channels);
  if (chance(0.2, rng)) pan(audio, 0.6, rng);
  if (chance(0.12, rng)) harmonise(audio, sample_rate_hz, rng);
  if (chance(0.2, rng)) double_voice(audio, sample_rate_hz, rng);
  if (chance(0.12, rng)) chorus(audio, sample_rate_hz, rng);
  if (chance(0.2, rng)) echo(audio, sample_rate_hz, rng);
  if (chance(0.65, rng)) reverberate(audio, sample_rate_hz, rng);
  if (chance(0.3, rng)) rest(audio, sample_rate_hz, rng);
  scale(audio, 1 / std::max(1e-3, sounding_rms(audio, sample_rate_hz)));
  return source;
}

Source Mixer::Impl::dry_accompaniment(const Recording* avoided, double ratio, Rng& rng) const {
  const std::size_t recordings = accompaniments.size() + song_accompaniments.size();
  return first_audible(
      "an accompaniment", recordings, [&](std::size_t attempt, std::string& last) -> std::optional<Source> {
        const bool of_song =
            accompaniments.empty() || of_songs(kAccompanimentsOfSongs, song_accompaniments, rng);
        const Recording& recording = (of_song ? song_accompaniments : accompaniments).draw(rng);
        last = recording.name;
        if (&recording == avoided && attempt < recordings * kDrawsPerRecording / 2) return std::nullopt;
        Gains gains = kAccompaniment;
        const bool in_parts = has_part(recording, Part::drums) || has_part(recording, Part::bass);
        if (of_song && in_parts) {
          for (double& gain : gains) gain *= chance(0.8, rng) ? gain_of_db(rng.uniform(-8, 6)) : 0.0;
        }
        Source source{&recording, cut(place(recording, ratio, rng), gains), narrow.contains(&recording)};
        const double level = rms(source.audio);
        if (level < kSilentRms) return std::nullopt;
        if (source.audio.channels.size() < options.channels) {
          source.audio = spread(source.audio.channels[0], sample_rate_hz, rng);
        } else if (options.channels == 2 && chance(0.5, rng)) {
          std::swap(source.audio.channels[0], source.audio.channels[1]);
        }
        scale(source.audio, 1 / rms(source.audio));
        return source;
      });
}

/// RMS one.
Source Mixer::Impl::accompaniment(const Recording* avoided, Rng& rng) const {
  Source source =
      dry_accompaniment(avoided, chance(0.4, rng) ? semitones(kLargestShiftSemitones, rng) : 1.0, rng);
  while (chance(0.3, rng)) {
    const double gain = rng.uniform(0.2, 1);
    const Source more = dry_accompaniment(avoided, 1.0, rng);
    add(source.audio, more.audio, gain);
    source.narrow = source.narrow || more.narrow;
  }
  if (chance(0.6, rng)) equalise(source.audio, 5, rng);
  scale(source.audio, 1 / std::max(kSilentRms, rms(source.audio)));
  return source;
}

/// Some effects more on the vocals of a song, which keep their level: few songs shall teach more than their
/// own voices.
void Mixer::Impl::produce_again(AudioBuffer& vocals, Rng& rng) const {
  const double level = rms(vocals);
  if (level < kSilentRms) return;
  scale(vocals, 1 / level);
  if (chance(0.2, rng)) cut_lows(vocals, sample_rate_hz, rng);
  if (chance(0.15, rng)) compress(vocals, sample_rate_hz, rng);
  if (chance(0.08, rng)) harmonise(vocals, sample_rate_hz, rng);
  if (chance(0.1, rng)) double_voice(vocals, sample_rate_hz, rng);
  if (chance(0.1, rng)) chorus(vocals, sample_rate_hz, rng);
  if (chance(0.25, rng)) reverberate(vocals, sample_rate_hz, rng);
  scale(vocals, level / std::max(kSilentRms, rms(vocals)));
}

/// Vocals and accompaniment of one place in a song.
Mixed Mixer::Impl::augmented_song(Rng& rng) const {
  return first_audible("a piece", songs.size(), [&](std::size_t, std::string& last) -> std::optional<Mixed> {
    const Recording& recording = songs.draw(rng);
    last = recording.name;
    const Place at = place(recording, chance(0.6, rng) ? semitones(kLargestShiftSemitones, rng) : 1.0, rng);
    Gains gains = kAccompaniment;
    for (double& gain : gains) gain *= gain_of_db(rng.uniform(-4, 4));
    Piece piece{last, with_channels(cut(at, kVocals), options.channels),
                with_channels(cut(at, gains), options.channels)};
    if (mixture_rms(piece.vocals, piece.accompaniment) < kSilentRms) return std::nullopt;
    if (options.channels == 2 && chance(0.5, rng)) {
      std::swap(piece.vocals.channels[0], piece.vocals.channels[1]);
      std::swap(piece.accompaniment.channels[0], piece.accompaniment.channels[1]);
    }
    if (chance(0.6, rng)) equalise(piece.vocals, 4, rng);
    if (chance(0.6, rng)) equalise(piece.accompaniment, 4, rng);
    produce_again(piece.vocals, rng);
    scale(piece.vocals, gain_of_db(rng.uniform(-4, 6)));
    return Mixed{std::move(piece), narrow.contains(&recording)};
  });
}

/// A voice over an accompaniment of another recording, or one of the two alone.
Mixed Mixer::Impl::mix(Rng& rng) const {
  Mixed mixed;
  Piece& piece = mixed.piece;
  const double kind = rng.uniform();
  piece.vocals = piece.accompaniment = AudioBuffer(options.channels, options.piece_samples);
  const Recording* singer = nullptr;
  if (kind >= kVoicesFree) {
    Source source = voice(rng);
    singer = source.recording;
    piece.name = singer->name;
    piece.vocals = std::move(source.audio);
    scale(piece.vocals, gain_of_db(rng.uniform(-10, 7)));
    mixed.narrow = source.narrow;
  }
  if (kind < kVoicesFree || kind >= kVoicesFree + kVoicesOnly) {
    Source source = accompaniment(singer, rng);
    piece.name += (piece.name.empty() ? "" : " + ") + source.recording->name;
    piece.accompaniment = std::move(source.audio);
    mixed.narrow = mixed.narrow || source.narrow;
  }
  return mixed;
}

/// Silence before or after, as where a song begins or ends.
void Mixer::Impl::end_somewhere(Piece& piece, Rng& rng) const {
  const std::size_t longest =
      std::min(static_cast<std::size_t>(1.6 * sample_rate_hz), options.piece_samples / 4);
  const auto silent = static_cast<std::size_t>(rng.uniform(0.06, 1) * static_cast<double>(longest));
  const double which = rng.uniform();
  const std::size_t first = which < 0.6 ? silent : 0;
  const std::size_t end = options.piece_samples - (which > 0.4 ? silent : 0);
  silence_outside(piece.vocals, first, end, sample_rate_hz);
  silence_outside(piece.accompaniment, first, end, sample_rate_hz);
}

Piece Mixer::Impl::remix(Rng& rng) const {
  Mixed mixed = of_songs(kSongShare, songs, rng) ? augmented_song(rng) : mix(rng);
  Piece& piece = mixed.piece;
  if (chance(kEnds, rng)) end_somewhere(piece, rng);
  if (options.channels == 2 && chance(kDownmixed, rng)) {
    const double left = 0.5 * static_cast<double>(rng.below(3));  // both, or one of them
    downmix(piece.vocals, left);
    downmix(piece.accompaniment, left);
  }
  const double top_hz = mixed.narrow ? kNarrowTopHz : sample_rate_hz / 2.0;
  if (const std::vector<float> gains = draw_band_limits(top_hz, sample_rate_hz, rng); !gains.empty()) {
    limit_band(piece.vocals, gains);
    limit_band(piece.accompaniment, gains);
  }
  const double level = kMixtureRms * gain_of_db(rng.uniform(-12, 6));
  const double gain = level / std::max(1e-4, mixture_rms(piece.vocals, piece.accompaniment));
  scale(piece.vocals, gain);
  scale(piece.accompaniment, gain);
  return std::move(mixed.piece);
}

Piece Mixer::Impl::plain_mix(Rng& rng) const {
  Source singer = dry_voice(1.0, rng);
  Source band = first_audible("an accompaniment", accompaniments.size(),
                              [&](std::size_t, std::string& last) -> std::optional<Source> {
                                const Recording& of = accompaniments.draw(rng);
                                last = of.name;
                                Source source{&of, cut(place(of, 1.0, rng), kAccompaniment)};
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

std::size_t Mixer::songs() const noexcept { return impl_->songs.size(); }

Piece Mixer::whole_song(std::size_t index) const {
  const Impl& self = *impl_;
  const Recording& recording = self.songs.at(index);
  const Place whole{&recording, 0, recording.samples, 1.0, {0.5F, 0.5F}};
  return {recording.name, with_channels(self.cut(whole, kVocals), self.options.channels),
          with_channels(self.cut(whole, kAccompaniment), self.options.channels)};
}

const MixerOptions& Mixer::options() const noexcept { return impl_->options; }
int Mixer::sample_rate_hz() const noexcept { return impl_->sample_rate_hz; }

Piece Mixer::draw(std::uint64_t epoch, std::uint64_t index) const {
  const Impl& self = *impl_;
  if (self.options.validation) {
    Rng rng({0, kValidationEpoch, index});
    return self.songs.empty() ? self.plain_mix(rng) : self.song(kValidationEpoch, index);
  }
  if (self.options.recipe == Recipe::thesis) return self.song(epoch, index);
  Rng rng({self.options.seed, epoch, index});
  return self.remix(rng);
}

}  // namespace svsep
