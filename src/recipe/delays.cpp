#include "dsp/convolution.hpp"
#include "recipe/effects.hpp"
#include "recipe/level.hpp"
#include "recipe/time.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace svsep {
namespace {

constexpr double kCent = std::numbers::ln2 / 1200;

/// A delay that goes up and down.
struct Swing {
  double rate_hz = 0.0;
  double phase = 0.0;
  double delay_s = 0.0;
  double depth_s = 0.0;
};

/// to += level * from, late.
void add_swinging(std::vector<float>& to, const std::vector<float>& from, const Swing& swing, double level,
                  int sample_rate_hz) {
  constexpr std::size_t kBlock = 64;  // the delay is linear in between
  std::vector<double> delays(to.size() / kBlock + 1);
  for (std::size_t b = 0; b < delays.size(); ++b) {
    const double time_s = (static_cast<double>(b) + 0.5) * kBlock / sample_rate_hz;
    const double angle = swing.phase + 2 * std::numbers::pi * swing.rate_hz * time_s;
    delays[b] = sample_rate_hz * (swing.delay_s + swing.depth_s * std::sin(angle));
  }
  const auto gain = static_cast<float>(level);
  interpolate_blocks(delays, kBlock, to.size(), [&](std::size_t n, float delay) {
    const auto whole = static_cast<int>(delay);
    const auto lag = static_cast<std::size_t>(whole);
    if (lag + 1 > n) return;
    const float part = delay - static_cast<float>(whole);
    to[n] += gain * ((1.0F - part) * from[n - lag] + part * from[n - lag - 1]);
  });
}

/// How the same part, sung again, differs in time: 8 to 40 ms late, pitch within 20 cents.
Swing other_take(Rng& rng) {
  Swing swing{.rate_hz = rng.uniform(0.1, 0.5), .phase = rng.uniform(0, 2 * std::numbers::pi)};
  swing.delay_s = rng.uniform(0.008, 0.04);
  const double largest_s = rng.uniform(0, 20 * kCent) / (2 * std::numbers::pi * swing.rate_hz);
  swing.depth_s = std::min(largest_s, 0.8 * swing.delay_s);
  return swing;
}

/// Another pitch in the same time, as a simple harmoniser has it: grains of 60 ms, read faster or slower,
/// that overlap by half.
std::vector<float> repitch(const std::vector<float>& samples, double ratio, int sample_rate_hz) {
  const std::size_t hop = std::max<std::size_t>(1, samples_of(0.03, sample_rate_hz));
  std::vector<float> result(samples.size());
  for (std::size_t start = 0; start < samples.size(); start += hop) {
    const std::size_t left = samples.size() - start;
    const auto readable = static_cast<std::size_t>(static_cast<double>(left - 1) / ratio) + 1;
    const std::vector<float> grain =
        resample_by(Samples(samples).subspan(start), ratio, std::min({2 * hop, left, readable}));
    for (std::size_t n = 0; n < grain.size(); ++n) {
      const float gain = n < hop ? fade_in(n, hop) : 1.0F - fade_in(n - hop, hop);
      result[start + n] += gain * grain[n];
    }
  }
  return result;
}

}  // namespace

std::vector<float> resample_by(Samples samples, double ratio, std::size_t count) {
  std::vector<float> result(count);
  const auto last = std::ssize(samples) - 1;
  for (std::size_t n = 0; n < count; ++n) {
    const double at = static_cast<double>(n) * ratio;
    const auto i = static_cast<std::ptrdiff_t>(at);
    const auto x = static_cast<float>(at - static_cast<double>(i));
    const auto sample = [&](std::ptrdiff_t k) {
      return samples[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(k, 0, last))];
    };
    const float p0 = sample(i - 1);
    const float p1 = sample(i);
    const float p2 = sample(i + 1);
    const float p3 = sample(i + 2);
    result[n] =
        p1 + 0.5F * x *
                 (p2 - p0 + x * (2.0F * p0 - 5.0F * p1 + 4.0F * p2 - p3 + x * (3.0F * (p1 - p2) + p3 - p0)));
  }
  return result;
}

void double_voice(AudioBuffer& audio, int sample_rate_hz, Rng& rng) {
  const AudioBuffer dry = audio;
  for (std::uint64_t copies = 1 + rng.below(2); copies > 0; --copies) {
    const Swing swing = other_take(rng);
    const double gain = rng.uniform(0.3, 1);
    for (std::size_t c = 0; c < audio.channels.size(); ++c) {
      const double level = audio.channels.size() == 1 ? gain : gain * rng.uniform(0.3, 1);
      add_swinging(audio.channels[c], dry.channels[c], swing, level, sample_rate_hz);
    }
  }
}

void sing_twice(AudioBuffer& audio, int sample_rate_hz, Rng& rng) {
  if (audio.channels.size() != 2) return;
  const AudioBuffer dry = audio;
  scale(audio, rng.uniform() < 0.5 ? 0.0 : rng.uniform(0.1, 0.7));
  for (std::size_t c = 0; c < 2; ++c) {
    add_swinging(audio.channels[c], dry.channels[c], other_take(rng), 1.0, sample_rate_hz);
  }
}

void chorus(AudioBuffer& audio, int sample_rate_hz, Rng& rng) {
  Swing swing{.rate_hz = rng.uniform(0.15, 2)};
  swing.delay_s = rng.uniform(0.004, 0.025);
  swing.depth_s = std::min(rng.uniform(0.0005, 0.004), 0.8 * swing.delay_s);
  const double gain = rng.uniform(0.4, 1);
  const AudioBuffer dry = audio;
  for (std::size_t c = 0; c < audio.channels.size(); ++c) {
    swing.phase = rng.uniform(0, 2 * std::numbers::pi);
    add_swinging(audio.channels[c], dry.channels[c], swing, gain, sample_rate_hz);
  }
}

void harmonise(AudioBuffer& audio, int sample_rate_hz, Rng& rng) {
  constexpr std::array kIntervals = {-12, -9, -8, -7, -5, -4, -3, 3, 4, 5, 7, 8, 9, 12};  // semitones
  const AudioBuffer dry = audio;
  for (std::uint64_t copies = 1 + rng.below(3); copies > 0; --copies) {
    const double interval = kIntervals[rng.below(kIntervals.size())] + rng.uniform(-0.15, 0.15);
    const std::size_t delay = samples_of(rng.uniform(0, 0.04), sample_rate_hz);
    const double gain = rng.uniform(0.2, 0.9);
    for (std::size_t c = 0; c < audio.channels.size(); ++c) {
      const double level = audio.channels.size() == 1 ? gain : gain * rng.uniform(0.3, 1);
      const std::vector<float> copy = repitch(dry.channels[c], std::exp2(interval / 12), sample_rate_hz);
      std::vector<float>& to = audio.channels[c];
      for (std::size_t n = delay; n < to.size(); ++n) to[n] += static_cast<float>(level) * copy[n - delay];
    }
  }
}

void stack(AudioBuffer& audio, int sample_rate_hz, Rng& rng) {
  constexpr std::array kIntervals = {0, 0, 0, 0, -12, -5, -4, 3, 4, 5, 7, 12};  // semitones
  const AudioBuffer dry = audio;
  scale(audio, rng.uniform(0, 1));
  for (std::uint64_t takes = 2 + rng.below(4); takes > 0; --takes) {
    const int interval = kIntervals[rng.below(kIntervals.size())];
    const Swing swing = other_take(rng);
    const double gain = rng.uniform(0.4, 1);
    const double angle = rng.uniform(0, 1) * std::numbers::pi / 2;
    for (std::size_t c = 0; c < audio.channels.size(); ++c) {
      const double side = audio.channels.size() == 1 ? 1.0 : c == 0 ? std::cos(angle) : std::sin(angle);
      const std::vector<float>& take = dry.channels[c];
      add_swinging(audio.channels[c],
                   interval == 0 ? take : repitch(take, std::exp2(interval / 12.0), sample_rate_hz), swing,
                   gain * side, sample_rate_hz);
    }
  }
}

void echo(AudioBuffer& audio, int sample_rate_hz, Rng& rng) {
  const std::size_t delay = samples_of(rng.uniform(0.12, 0.5), sample_rate_hz);
  const double gain = rng.uniform(0.15, 0.5);
  for (std::vector<float>& channel : audio.channels) {
    const std::vector<float> dry = channel;
    for (std::size_t repeat = 1; repeat <= 3; ++repeat) {
      const auto level = static_cast<float>(std::pow(gain, static_cast<double>(repeat)));
      for (std::size_t n = repeat * delay; n < dry.size(); ++n) channel[n] += level * dry[n - repeat * delay];
    }
  }
}

void reverberate(AudioBuffer& audio, int sample_rate_hz, Rng& rng) {
  const double length_s = rng.uniform(0.15, 1.6);
  const double before_s = rng.uniform(0.003, 0.03);
  const bool dull = rng.uniform() < 0.7;  // walls swallow the treble
  const double corner_hz = rng.uniform(1500, 6000);
  const double most = rng.uniform() < 0.75 ? 0.6 : 1.5;  // the latter where the voice is an effect
  const double amount = rng.uniform(0.05, most);
  const std::size_t length = std::max<std::size_t>(1, samples_of(length_s, sample_rate_hz));
  const auto keep =
      static_cast<float>(dull ? std::exp(-2 * std::numbers::pi * corner_hz / sample_rate_hz) : 0.0);
  const auto decay =
      static_cast<float>(std::exp(-6.9 / static_cast<double>(length)));  // 60 dB over the length

  AudioBuffer dry(1, audio.samples());
  for (const std::vector<float>& channel : audio.channels) {
    for (std::size_t n = 0; n < channel.size(); ++n) {
      dry.channels[0][n] += channel[n] / static_cast<float>(audio.channels.size());
    }
  }
  AudioBuffer tail;
  for (std::size_t c = 0; c < audio.channels.size(); ++c) {
    std::vector<float> room(length);
    float envelope = 1.0F;
    float smooth = 0.0F;
    for (std::size_t n = 0; n < length; ++n) {
      const auto noise = static_cast<float>(rng.uniform(-1, 1));
      smooth = keep * smooth + (1.0F - keep) * noise * envelope;
      envelope *= decay;
      if (n >= samples_of(before_s, sample_rate_hz)) room[n] = smooth;
    }
    tail.channels.push_back(convolve(dry.channels[0], room));
  }
  add(audio, tail, amount * rms(audio) / (rms(tail) + 1e-9));
}

}  // namespace svsep
