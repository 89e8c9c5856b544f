#include "recipe/cutter.hpp"

#include "recipe/effects.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace svsep {
namespace {

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

}  // namespace

Place Cutter::place(const Recording& recording, double ratio, Rng& rng) const {
  static constexpr std::array<std::array<float, 2>, 3> kDownmixes = {{{0.5F, 0.5F}, {1, 0}, {0, 1}}};
  const auto needed = static_cast<std::size_t>(static_cast<double>(piece_samples) * ratio) + 3;
  const std::size_t starts = recording.samples > needed ? recording.samples - needed + 1 : recording.samples;
  return {&recording, rng.below(starts), piece_samples, ratio, kDownmixes[rng.below(kDownmixes.size())]};
}

AudioBuffer Cutter::cut(const Place& place, const Gains& gains) const {
  const Recording& recording = *place.recording;
  std::size_t widest = 1;
  for (std::size_t part = 0; part < kPartCount; ++part) {
    if (gains[part] != 0) widest = std::max(widest, recording.parts[part].size());
  }
  const std::size_t samples =
      place.ratio == 1.0 ? place.samples
                         : static_cast<std::size_t>(static_cast<double>(place.samples) * place.ratio) + 3;
  AudioBuffer audio(std::min(widest, channels), samples);
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

}  // namespace svsep
