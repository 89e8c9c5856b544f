#include "recipe/effects.hpp"

#include "recipe/level.hpp"
#include "recipe/time.hpp"
#include "svsep/stft.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <numbers>

namespace svsep {

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
    std::vector<float>& out = breath.channels.emplace_back();
    InverseStft inverse(kSizes,
                        [&](Samples samples) { out.insert(out.end(), samples.begin(), samples.end()); });
    std::vector<std::complex<float>> hissing(kSizes.bins());
    Stft stft(kSizes, [&](Spectrum frame) {
      for (std::size_t bin = 0; bin < hissing.size(); ++bin) {
        const auto phase = static_cast<float>(rng.uniform(0, 2 * std::numbers::pi));
        hissing[bin] = std::polar(std::abs(frame[bin]), phase);
      }
      inverse.push(hissing);
    });
    stft.push(channel);
    stft.finish();
    inverse.finish(channel.size());
  }
  const double level = rms(audio) / (rms(breath) + 1e-9);
  scale(audio, voiced);
  add(audio, breath, voiced > 0 ? amount * level : level);
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
