#include "recipe/pools.hpp"

#include "recipe/bandwidth.hpp"

#include <cmath>

namespace svsep {
namespace {

bool has_accompaniment(const Recording& recording) {
  return has_part(recording, Part::drums) || has_part(recording, Part::bass) ||
         has_part(recording, Part::other);
}

}  // namespace

bool has_part(const Recording& recording, Part part) { return !recording.part(part).empty(); }

Pools::Pools(const AudioStore& audio, const MixerOptions& options) {
  const int sample_rate_hz = audio.sample_rate_hz();
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

}  // namespace svsep
