#include "recipe/remixer.hpp"

#include "recipe/bandwidth.hpp"
#include "recipe/effects.hpp"
#include "recipe/level.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace svsep {
namespace {

constexpr std::size_t kAttemptsPerRecording = 10;  // to meet another one than the voice's

// The shares of Recipe::remix.
// Those of songs are for many songs; few songs teach their own voices.
constexpr double kFewSongs = 5;                 // that get half the share
constexpr double kSongShare = 0.3;              // of pieces that are a song as it is, augmented
constexpr double kVoicesOfSongs = 0.5;          // of voices, where there are also voices alone
constexpr double kAccompanimentsOfSongs = 0.5;  // of accompaniments, where there is also music without voices
constexpr double kMaxShiftSemitones = 4.0;
constexpr double kVoicesFree = 0.08;
constexpr double kVoicesOnly = 0.02;
constexpr double kDownmixed = 0.25;  // of pieces of two channels that are alike
constexpr double kEnds = 0.25;       // of pieces that are the beginning or the end of a song, or both

double semitones(double range, Rng& rng) { return std::exp2(rng.uniform(-range, range) / 12); }

/// Of something made of songs.
bool of_songs(double share, const Pool& pool, Rng& rng) {
  const auto count = static_cast<double>(pool.size());
  return chance(share * count / (count + kFewSongs), rng);
}

}  // namespace

double mixture_rms(const AudioBuffer& vocals, const AudioBuffer& accompaniment) {
  AudioBuffer mixture = vocals;
  add(mixture, accompaniment, 1.0);
  return rms(mixture);
}

Sound Remixer::dry_voice(double ratio, Rng& rng) const {
  return first_audible(
      "a voice", pools_.voices.size() + pools_.song_voices.size(),
      [&](std::size_t, std::string& last) -> std::optional<Sound> {
        const bool of_song = pools_.voices.empty() || of_songs(kVoicesOfSongs, pools_.song_voices, rng);
        const Recording& recording = (of_song ? pools_.song_voices : pools_.voices).draw(rng);
        last = recording.name;
        Sound source{&recording, cutter_.cut(cutter_.place(recording, ratio, rng), kVocals),
                     pools_.narrow.contains(&recording)};
        const double level = sounding_rms(source.audio, sample_rate_hz_);
        if (level < kSilentRms) return std::nullopt;
        scale(source.audio, 1 / level);
        return source;
      });
}

/// One channel where it has no place between two yet; RMS one where it sounds.
Sound Remixer::voice(Rng& rng) const {
  Sound source = dry_voice(chance(0.6, rng) ? semitones(kMaxShiftSemitones, rng) : 1.0, rng);
  AudioBuffer& audio = source.audio;
  if (chance(0.2, rng)) {
    const double gain = rng.uniform(0.3, 1);
    const Sound second = dry_voice(1.0, rng);
    audio = with_channels(std::move(audio), second.audio.channels.size());
    add(audio, second.audio, gain);
    source.narrow = source.narrow || second.narrow;
  }
  equalise(audio, 7, rng);
  if (chance(0.4, rng)) cut_lows(audio, sample_rate_hz_, rng);
  if (chance(0.08, rng)) breathe(audio, rng);
  if (chance(0.07, rng)) robotise(audio, sample_rate_hz_, rng);
  if (chance(0.1, rng)) chop(audio, sample_rate_hz_, rng);
  if (chance(0.4, rng)) compress(audio, sample_rate_hz_, rng);
  if (chance(0.2, rng)) overdrive(audio, rng);
  audio = with_channels(std::move(audio), cutter_.channels);
  if (chance(0.2, rng)) pan(audio, 0.6, rng);
  if (chance(0.12, rng)) harmonise(audio, sample_rate_hz_, rng);
  if (chance(0.2, rng)) double_voice(audio, sample_rate_hz_, rng);
  if (chance(0.12, rng)) sing_twice(audio, sample_rate_hz_, rng);
  if (chance(0.12, rng)) stack(audio, sample_rate_hz_, rng);
  if (chance(0.12, rng)) chorus(audio, sample_rate_hz_, rng);
  if (chance(0.2, rng)) echo(audio, sample_rate_hz_, rng);
  if (chance(0.65, rng)) reverberate(audio, sample_rate_hz_, rng);
  if (chance(0.3, rng)) rest(audio, sample_rate_hz_, rng);
  scale(audio, 1 / std::max(1e-3, sounding_rms(audio, sample_rate_hz_)));
  return source;
}

Sound Remixer::dry_accompaniment(const Recording* avoided, double ratio, Rng& rng) const {
  const std::size_t recordings = pools_.accompaniments.size() + pools_.song_accompaniments.size();
  return first_audible(
      "an accompaniment", recordings, [&](std::size_t attempt, std::string& last) -> std::optional<Sound> {
        const bool of_song = pools_.accompaniments.empty() ||
                             of_songs(kAccompanimentsOfSongs, pools_.song_accompaniments, rng);
        const Recording& recording = (of_song ? pools_.song_accompaniments : pools_.accompaniments).draw(rng);
        last = recording.name;
        if (&recording == avoided && attempt < recordings * kAttemptsPerRecording) return std::nullopt;
        Gains gains = kAccompaniment;
        const bool in_parts = has_part(recording, Part::drums) || has_part(recording, Part::bass);
        if (of_song && in_parts) {
          for (double& gain : gains) gain *= chance(0.8, rng) ? gain_of_db(rng.uniform(-8, 6)) : 0.0;
        }
        Sound source{&recording, cutter_.cut(cutter_.place(recording, ratio, rng), gains),
                     pools_.narrow.contains(&recording)};
        const double level = rms(source.audio);
        if (level < kSilentRms) return std::nullopt;
        if (source.audio.channels.size() < cutter_.channels) {
          source.audio = spread(source.audio.channels[0], sample_rate_hz_, rng);
        } else if (cutter_.channels == 2 && chance(0.5, rng)) {
          std::swap(source.audio.channels[0], source.audio.channels[1]);
        }
        scale(source.audio, 1 / rms(source.audio));
        return source;
      });
}

/// RMS one.
Sound Remixer::accompaniment(const Recording* avoided, Rng& rng) const {
  Sound source = dry_accompaniment(avoided, chance(0.4, rng) ? semitones(kMaxShiftSemitones, rng) : 1.0, rng);
  while (chance(0.3, rng)) {
    const double gain = rng.uniform(0.2, 1);
    const Sound more = dry_accompaniment(avoided, 1.0, rng);
    add(source.audio, more.audio, gain);
    source.narrow = source.narrow || more.narrow;
  }
  if (chance(0.6, rng)) equalise(source.audio, 5, rng);
  scale(source.audio, 1 / std::max(kSilentRms, rms(source.audio)));
  return source;
}

/// Some effects more on the vocals of a song, which keep their level: few songs shall teach more than their
/// own voices.
void Remixer::produce_again(AudioBuffer& vocals, Rng& rng) const {
  const double level = rms(vocals);
  if (level < kSilentRms) return;
  scale(vocals, 1 / level);
  if (chance(0.2, rng)) cut_lows(vocals, sample_rate_hz_, rng);
  if (chance(0.06, rng)) robotise(vocals, sample_rate_hz_, rng);
  if (chance(0.08, rng)) chop(vocals, sample_rate_hz_, rng);
  if (chance(0.15, rng)) compress(vocals, sample_rate_hz_, rng);
  if (chance(0.08, rng)) harmonise(vocals, sample_rate_hz_, rng);
  if (chance(0.1, rng)) double_voice(vocals, sample_rate_hz_, rng);
  if (chance(0.08, rng)) sing_twice(vocals, sample_rate_hz_, rng);
  if (chance(0.1, rng)) stack(vocals, sample_rate_hz_, rng);
  if (chance(0.1, rng)) chorus(vocals, sample_rate_hz_, rng);
  if (chance(0.25, rng)) reverberate(vocals, sample_rate_hz_, rng);
  scale(vocals, level / std::max(kSilentRms, rms(vocals)));
}

/// Vocals and accompaniment of one place in a song.
Remixer::Mixed Remixer::augmented_song(Rng& rng) const {
  return first_audible(
      "a piece", pools_.songs.size(), [&](std::size_t, std::string& last) -> std::optional<Mixed> {
        const Recording& recording = pools_.songs.draw(rng);
        last = recording.name;
        const Place at =
            cutter_.place(recording, chance(0.6, rng) ? semitones(kMaxShiftSemitones, rng) : 1.0, rng);
        Gains gains = kAccompaniment;
        for (double& gain : gains) gain *= gain_of_db(rng.uniform(-4, 4));
        Piece piece{last, with_channels(cutter_.cut(at, kVocals), cutter_.channels),
                    with_channels(cutter_.cut(at, gains), cutter_.channels)};
        if (mixture_rms(piece.vocals, piece.accompaniment) < kSilentRms) return std::nullopt;
        if (cutter_.channels == 2 && chance(0.5, rng)) {
          std::swap(piece.vocals.channels[0], piece.vocals.channels[1]);
          std::swap(piece.accompaniment.channels[0], piece.accompaniment.channels[1]);
        }
        if (chance(0.6, rng)) equalise(piece.vocals, 4, rng);
        if (chance(0.6, rng)) equalise(piece.accompaniment, 4, rng);
        produce_again(piece.vocals, rng);
        scale(piece.vocals, gain_of_db(rng.uniform(-4, 6)));
        return Mixed{std::move(piece), pools_.narrow.contains(&recording)};
      });
}

/// A voice over an accompaniment of another recording, or one of the two alone.
Remixer::Mixed Remixer::mix(Rng& rng) const {
  Mixed mixed;
  Piece& piece = mixed.piece;
  const double kind = rng.uniform();
  piece.vocals = piece.accompaniment = AudioBuffer(cutter_.channels, cutter_.piece_samples);
  const Recording* singer = nullptr;
  if (kind >= kVoicesFree) {
    Sound source = voice(rng);
    singer = source.recording;
    piece.name = singer->name;
    piece.vocals = std::move(source.audio);
    scale(piece.vocals, gain_of_db(rng.uniform(-10, 7)));
    mixed.narrow = source.narrow;
  }
  if (kind < kVoicesFree || kind >= kVoicesFree + kVoicesOnly) {
    Sound source = accompaniment(singer, rng);
    piece.name += (piece.name.empty() ? "" : " + ") + source.recording->name;
    piece.accompaniment = std::move(source.audio);
    mixed.narrow = mixed.narrow || source.narrow;
  }
  return mixed;
}

/// Silence before or after, as where a song begins or ends.
void Remixer::end_somewhere(Piece& piece, Rng& rng) const {
  const std::size_t longest =
      std::min(static_cast<std::size_t>(1.6 * sample_rate_hz_), cutter_.piece_samples / 4);
  const auto silent = static_cast<std::size_t>(rng.uniform(0.06, 1) * static_cast<double>(longest));
  const double which = rng.uniform();
  const std::size_t first = which < 0.6 ? silent : 0;
  const std::size_t end = cutter_.piece_samples - (which > 0.4 ? silent : 0);
  silence_outside(piece.vocals, first, end, sample_rate_hz_);
  silence_outside(piece.accompaniment, first, end, sample_rate_hz_);
}

Piece Remixer::draw(Rng& rng) const {
  Mixed mixed = of_songs(kSongShare, pools_.songs, rng) ? augmented_song(rng) : mix(rng);
  Piece& piece = mixed.piece;
  if (chance(kEnds, rng)) end_somewhere(piece, rng);
  if (cutter_.channels == 2 && chance(kDownmixed, rng)) {
    const double left = 0.5 * static_cast<double>(rng.below(3));  // both, or one of them
    downmix(piece.vocals, left);
    downmix(piece.accompaniment, left);
  }
  const double top_hz = mixed.narrow ? kNarrowTopHz : sample_rate_hz_ / 2.0;
  if (const std::vector<float> gains = draw_band_limits(top_hz, sample_rate_hz_, rng); !gains.empty()) {
    limit_band(piece.vocals, gains);
    limit_band(piece.accompaniment, gains);
  }
  const double level = kMixtureRms * gain_of_db(rng.uniform(-12, 6));
  const double gain = level / std::max(1e-4, mixture_rms(piece.vocals, piece.accompaniment));
  scale(piece.vocals, gain);
  scale(piece.accompaniment, gain);
  return std::move(mixed.piece);
}

}  // namespace svsep
