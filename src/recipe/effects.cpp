#include "recipe/effects.hpp"

#include "recipe/level.hpp"
#include "recipe/time.hpp"
#include "svsep/stft.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <complex>
#include <numbers>

namespace svsep {
namespace {

/// The signal with other phases in every frame: phase(bin).
template <typename Phase>
std::vector<float> with_phases(Samples signal, const StftParameters& sizes, const Phase& phase) {
  std::vector<float> result;
  InverseStft inverse(sizes,
                      [&](Samples samples) { result.insert(result.end(), samples.begin(), samples.end()); });
  std::vector<std::complex<float>> frame(sizes.bins());
  Stft stft(sizes, [&](Spectrum spectrum) {
    for (std::size_t bin = 0; bin < frame.size(); ++bin) {
      frame[bin] = std::polar(std::abs(spectrum[bin]), phase(bin));
    }
    inverse.push(frame);
  });
  stft.push(signal);
  stft.finish();
  inverse.finish(signal.size());
  return result;
}

}  // namespace

void compress(AudioBuffer& audio, int sample_rate_hz, Rng& rng) {
  const double exponent = rng.uniform(0.3, 0.7);
  const std::size_t block = std::max<std::size_t>(1, samples_of(0.02 / 7, sample_rate_hz));
  std::vector<double> gains = smoothed(block_powers(audio, block), 3);
  for (double& gain : gains) gain = std::pow(gain + 1e-4, -0.5 * exponent);
  for (std::vector<float>& channel : audio.channels) {
    interpolate_blocks(gains, block, channel.size(), [&](std::size_t n, float gain) { channel[n] *= gain; });
  }
}

void overdrive(AudioBuffer& audio, Rng& rng) {
  const auto drive = static_cast<float>(rng.uniform(0.5, 4));
  for (std::vector<float>& channel : audio.channels) {
    for (float& sample : channel) {
      const float driven = drive * sample;
      sample /= std::sqrt(1.0F + driven * driven);
    }
  }
}

void breathe(AudioBuffer& audio, Rng& rng) {
  constexpr StftParameters kSizes{.fft_samples = 256, .window_samples = 256, .hop_samples = 64};
  const double amount = rng.uniform(0.1, 0.8);
  const double voiced = rng.uniform() < 0.25 ? 0.0 : 1.0;  // else whispered
  AudioBuffer breath;
  for (const std::vector<float>& channel : audio.channels) {
    breath.channels.push_back(with_phases(channel, kSizes, [&](std::size_t /*bin*/) {
      return static_cast<float>(rng.uniform(0, 2 * std::numbers::pi));
    }));
  }
  const double level = rms(audio) / (rms(breath) + 1e-9);
  scale(audio, voiced);
  add(audio, breath, voiced > 0 ? amount * level : level);
}

void robotise(AudioBuffer& audio, int sample_rate_hz, Rng& rng) {
  constexpr std::array kIntervals = {-12, 3, 4, 5, 7, 12};  // semitones
  const double dry_gain = rng.uniform() < 0.3 ? rng.uniform(0.2, 1) : 0.0;
  const std::size_t others = rng.below(3);
  const AudioBuffer dry = audio;
  scale(audio, dry_gain);
  for (std::size_t first = 0, end = 0; first < dry.samples(); first = end) {
    end = std::min(dry.samples(), first + samples_of(rng.uniform(0.15, 1.5), sample_rate_hz) + 1);
    const double pitch_hz = 100 * std::exp2(rng.uniform(0, 1.6));
    for (std::size_t note = 0; note <= others; ++note) {
      const double interval = note == 0 ? 0.0 : kIntervals[rng.below(kIntervals.size())];
      const double period = sample_rate_hz / (pitch_hz * std::exp2(interval / 12));
      const std::size_t hop = 2 * std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(period / 2)));
      const StftParameters sizes{
          .fft_samples = std::bit_ceil(2 * hop), .window_samples = 2 * hop, .hop_samples = hop};
      for (std::size_t c = 0; c < audio.channels.size(); ++c) {
        // A pulse in the middle of every frame: a tone whose period is the hop.
        const std::vector<float> tone =
            with_phases(Samples(dry.channels[c]).subspan(first, end - first), sizes,
                        [](std::size_t bin) { return bin % 2 == 0 ? 0.0F : std::numbers::pi_v<float>; });
        for (std::size_t n = 0; n < tone.size(); ++n) audio.channels[c][first + n] += tone[n];
      }
    }
  }
}

void chop(AudioBuffer& audio, int sample_rate_hz, Rng& rng) {
  const std::size_t length = samples_of(rng.uniform(0.08, 0.35), sample_rate_hz) + 1;
  const std::size_t fade = std::max<std::size_t>(1, samples_of(0.003, sample_rate_hz));
  const double silent = rng.uniform(0, 0.6);
  const AudioBuffer dry = audio;
  for (std::size_t slice = 0; slice * length < audio.samples(); ++slice) {
    const std::size_t first = slice * length;
    const std::size_t count = std::min(length, audio.samples() - first);
    const std::size_t from = rng.uniform() < 0.3 ? rng.below(slice + 1) * length : first;
    const float gain = rng.uniform() < silent ? 0.0F : 1.0F;
    for (std::size_t c = 0; c < audio.channels.size(); ++c) {
      for (std::size_t n = 0; n < count; ++n) {
        const std::size_t inside = std::min(n, count - 1 - n);
        const float edge = inside < fade ? fade_in(inside, fade) : 1.0F;
        audio.channels[c][first + n] = gain * edge * dry.channels[c][from + n];
      }
    }
  }
}

void rest(AudioBuffer& audio, int sample_rate_hz, Rng& rng) {
  const std::size_t samples = audio.samples();
  const std::size_t a = rng.below(samples + 1);
  const std::size_t b = rng.below(samples + 1);
  const auto [first, end] = std::minmax(a, b);
  const std::size_t fade = std::max<std::size_t>(1, samples_of(0.045, sample_rate_hz));
  for (std::vector<float>& channel : audio.channels) {
    for (std::size_t n = first; n < end; ++n) {
      const std::size_t inside = std::min(n - first, end - 1 - n);
      channel[n] *= inside < fade ? 1.0F - fade_in(inside, fade) : 0.0F;
    }
  }
}

void pan(AudioBuffer& audio, double widest, Rng& rng) {
  if (audio.channels.size() != 2) return;
  const double angle = (1 + rng.uniform(-widest, widest)) * std::numbers::pi / 4;
  const std::array gains = {std::numbers::sqrt2 * std::cos(angle), std::numbers::sqrt2 * std::sin(angle)};
  for (std::size_t c = 0; c < 2; ++c) {
    for (float& sample : audio.channels[c]) sample *= static_cast<float>(gains[c]);
  }
}

void downmix(AudioBuffer& audio, double left) {
  if (audio.channels.size() != 2) return;
  const auto first = static_cast<float>(left);
  for (std::size_t n = 0; n < audio.samples(); ++n) {
    const float both = first * audio.channels[0][n] + (1.0F - first) * audio.channels[1][n];
    audio.channels[0][n] = audio.channels[1][n] = both;
  }
}

void silence_outside(AudioBuffer& audio, std::size_t first, std::size_t end, int sample_rate_hz) {
  const std::size_t fade = std::max<std::size_t>(1, samples_of(0.01, sample_rate_hz));
  for (std::vector<float>& channel : audio.channels) {
    for (std::size_t n = 0; n < channel.size(); ++n) {
      if (n < first || n >= end) {
        channel[n] = 0.0F;
      } else if (first > 0 && n - first < fade) {
        channel[n] *= fade_in(n - first, fade);
      } else if (end < channel.size() && end - 1 - n < fade) {
        channel[n] *= fade_in(end - 1 - n, fade);
      }
    }
  }
}

}  // namespace svsep
