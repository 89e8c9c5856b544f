#include "recipe/effects.hpp"

#include "dsp/convolution.hpp"
#include "svsep/stft.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <numbers>
#include <utility>

namespace svsep {
namespace {

constexpr std::size_t kGridPoints = 2049;  // of gains over frequency
constexpr std::size_t kFirTaps = 1025;     // 46 ms at 22050 Hz, whose bins are 22 Hz
constexpr double kCutOffHz = 400.0;        // in which a spectrum that is cut off falls
constexpr double kCent = std::numbers::ln2 / 1200;

double gain_of_db(double db) { return std::pow(10.0, db / 20); }

std::size_t samples_of(double seconds, int sample_rate_hz) {
  return static_cast<std::size_t>(seconds * sample_rate_hz);
}

/// Mean power of all channels in consecutive blocks; the last one may be shorter.
std::vector<double> block_powers(const AudioBuffer& audio, std::size_t block) {
  std::vector<double> powers((audio.samples() + block - 1) / block);
  for (const std::vector<float>& channel : audio.channels) {
    for (std::size_t b = 0; b < powers.size(); ++b) {
      const std::size_t first = b * block;
      const std::size_t end = std::min(first + block, channel.size());
      std::array<float, 8> sums{};  // several at a time
      for (std::size_t i = first; i < end; ++i) sums[i % 8] += channel[i] * channel[i];
      double sum = 0.0;
      for (const float value : sums) sum += double{value};
      powers[b] += sum / static_cast<double>((end - first) * audio.channels.size());
    }
  }
  return powers;
}

/// Mean of the values within `radius` of each.
std::vector<double> smoothed(const std::vector<double>& values, std::size_t radius) {
  std::vector<double> sums(values.size() + 1);
  for (std::size_t i = 0; i < values.size(); ++i) sums[i + 1] = sums[i] + values[i];
  std::vector<double> result(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t first = i - std::min(i, radius);
    const std::size_t end = std::min(values.size(), i + radius + 1);
    result[i] = (sums[end] - sums[first]) / static_cast<double>(end - first);
  }
  return result;
}

/// Calls use(n, value) for all samples, with `values`[b] in the middle of block b and lines between.
template <typename Use>
void interpolate_blocks(const std::vector<double>& values, std::size_t block, std::size_t samples,
                        const Use& use) {
  for (std::size_t b = 0; b <= values.size() && samples > 0; ++b) {  // from the middle of block b - 1 on
    const double from = values[b == 0 ? 0 : b - 1];
    const double to = values[std::min(b, values.size() - 1)];
    const std::size_t first = b == 0 ? 0 : b * block - block / 2;
    const std::size_t end = std::min(samples, (b + 1) * block - block / 2);
    const auto step = static_cast<float>((to - from) / static_cast<double>(block));
    const double to_first =
        static_cast<double>(first) + 0.5 - (static_cast<double>(b) - 0.5) * static_cast<double>(block);
    const auto value = static_cast<float>(from + (to - from) * to_first / static_cast<double>(block));
    for (std::size_t n = first; n < end; ++n) {
      use(n, value + step * static_cast<float>(static_cast<int>(n - first)));
    }
  }
}

/// 0 to 1 over `length` samples, smooth at both ends.
float fade_in(std::size_t n, std::size_t length) {
  const double phase = std::numbers::pi * (static_cast<double>(n) + 0.5) / static_cast<double>(length);
  return static_cast<float>(0.5 - 0.5 * std::cos(phase));
}

/// Piecewise linear through (i / (values.size() - 1), values[i]).
double line_through(std::span<const double> values, double at) {
  const double position = std::clamp(at, 0.0, 1.0) * static_cast<double>(values.size() - 1);
  const std::size_t before = std::min(static_cast<std::size_t>(position), values.size() - 2);
  const double part = position - static_cast<double>(before);
  return values[before] * (1 - part) + values[before + 1] * part;
}

void filter(AudioBuffer& audio, Samples gains) {
  const std::vector<float> fir = fir_of_gains(gains, kFirTaps);
  for (std::vector<float>& channel : audio.channels) channel = convolve(channel, fir, kFirTaps / 2);
}

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

double rms(const AudioBuffer& audio) {
  double sum = 0.0;
  const std::vector<double> powers = block_powers(audio, 1024);
  for (std::size_t b = 0; b < powers.size(); ++b) {
    sum += powers[b] * static_cast<double>(std::min<std::size_t>(1024, audio.samples() - 1024 * b));
  }
  return std::sqrt(sum / static_cast<double>(std::max<std::size_t>(1, audio.samples())));
}

double sounding_rms(const AudioBuffer& audio, int sample_rate_hz) {
  const std::vector<double> powers =
      block_powers(audio, std::max<std::size_t>(1, samples_of(0.02, sample_rate_hz)));
  const std::vector<double> around = smoothed(powers, 2);
  const double most = around.empty() ? 0.0 : *std::max_element(around.begin(), around.end());
  if (most < 1e-6) return 0.0;
  double sum = 0.0;
  int count = 0;
  for (const double power : around) {
    if (power < 0.01 * most) continue;
    sum += power;
    ++count;
  }
  return std::sqrt(sum / count);
}

void scale(AudioBuffer& audio, double gain) {
  for (std::vector<float>& channel : audio.channels) {
    for (float& sample : channel) sample *= static_cast<float>(gain);
  }
}

void add(AudioBuffer& sum, const AudioBuffer& audio, double gain) {
  for (std::size_t c = 0; c < sum.channels.size(); ++c) {
    const std::vector<float>& from = audio.channels[c % audio.channels.size()];
    for (std::size_t n = 0; n < from.size(); ++n) sum.channels[c][n] += static_cast<float>(gain) * from[n];
  }
}

AudioBuffer with_channels(AudioBuffer audio, std::size_t channels) {
  while (audio.channels.size() < channels) audio.channels.push_back(audio.channels.front());
  return audio;
}

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

void equalise(AudioBuffer& audio, double largest_db, Rng& rng) {
  std::array<double, 7> gains_db{};
  for (double& gain : gains_db) gain = rng.uniform(-largest_db, largest_db);
  std::vector<float> gains(kGridPoints);
  for (std::size_t i = 0; i < kGridPoints; ++i) {
    const double frequency = static_cast<double>(i) / (kGridPoints - 1);  // of half the sample rate
    gains[i] = static_cast<float>(gain_of_db(line_through(gains_db, std::pow(frequency, 0.4))));
  }
  filter(audio, gains);
}

std::vector<float> draw_band_limits(double top_hz, int sample_rate_hz, Rng& rng) {
  const bool low_pass = rng.uniform() < 0.3;
  const bool high_pass = rng.uniform() < 0.1;
  const double half_hz = sample_rate_hz / 2.0;
  const bool cut_off = top_hz < half_hz;
  if (!low_pass && !high_pass && !cut_off) return {};
  const bool at_the_top = rng.uniform() < 0.6;  // of these rates; else an old or narrow recording
  const double from_hz = at_the_top ? rng.uniform(0.834 * half_hz, 0.971 * half_hz) : rng.uniform(3500, 9200);
  const double width_hz = rng.uniform(300, at_the_top ? 1000 : 2000);
  const double depth_db = rng.uniform(35, 80);
  const double lowest_hz = rng.uniform(60, 250);
  const double order = rng.uniform(1, 3);
  std::vector<float> gains(kGridPoints, 1.0F);
  for (std::size_t i = 0; i < kGridPoints; ++i) {
    const double hz = half_hz * static_cast<double>(i) / (kGridPoints - 1);
    double gain = 1.0;
    if (low_pass)
      gain = gain_of_db(-depth_db * std::pow(std::clamp((hz - from_hz) / width_hz, 0.0, 1.0), 1.5));
    if (cut_off) gain *= gain_of_db(-80 * std::clamp((hz - top_hz) / kCutOffHz, 0.0, 1.0));
    if (high_pass) gain *= std::pow(std::min(1.0, hz / lowest_hz), order);
    gains[i] = static_cast<float>(gain);
  }
  return gains;
}

void limit_band(AudioBuffer& audio, Samples gains) { filter(audio, gains); }

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

void cut_lows(AudioBuffer& audio, int sample_rate_hz, Rng& rng) {
  const double corner_hz = rng.uniform() < 0.8 ? rng.uniform(60, 220) : rng.uniform(220, 600);
  const auto order = 2.0 * static_cast<double>(1 + rng.below(4));
  const bool narrow = rng.uniform() < 0.1;
  const double top_hz = rng.uniform(2000, 5000);
  const auto top_order = 2.0 * static_cast<double>(1 + rng.below(4));
  std::vector<float> gains(kGridPoints);
  for (std::size_t i = 1; i < kGridPoints; ++i) {
    const double hz = sample_rate_hz / 2.0 * static_cast<double>(i) / (kGridPoints - 1);
    double power = 1 / (1 + std::pow(corner_hz / hz, order));  // Butterworth's, of either side
    if (narrow) power /= 1 + std::pow(hz / top_hz, top_order);
    gains[i] = static_cast<float>(std::sqrt(power));
  }
  filter(audio, gains);
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

void double_voice(AudioBuffer& audio, int sample_rate_hz, Rng& rng) {
  const AudioBuffer dry = audio;
  for (std::uint64_t copies = 1 + rng.below(2); copies > 0; --copies) {
    Swing swing{.rate_hz = rng.uniform(0.1, 0.5), .phase = rng.uniform(0, 2 * std::numbers::pi)};
    swing.delay_s = rng.uniform(0.008, 0.04);
    const double largest_s = rng.uniform(0, 20 * kCent) / (2 * std::numbers::pi * swing.rate_hz);
    swing.depth_s = std::min(largest_s, 0.8 * swing.delay_s);
    const double gain = rng.uniform(0.3, 1);
    for (std::size_t c = 0; c < audio.channels.size(); ++c) {
      const double level = audio.channels.size() == 1 ? gain : gain * rng.uniform(0.3, 1);
      add_swinging(audio.channels[c], dry.channels[c], swing, level, sample_rate_hz);
    }
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

AudioBuffer spread(const std::vector<float>& mono, int sample_rate_hz, Rng& rng) {
  AudioBuffer audio;
  audio.channels = {mono, mono};
  const double kind = rng.uniform();
  if (kind < 0.2) return audio;
  if (kind < 0.4) {
    pan(audio, 1.0, rng);
    return audio;
  }
  const double width = rng.uniform(0.2, 1);
  const double bass_hz = rng.uniform(80, 300);
  std::vector<double> directions(6 + rng.below(34));
  for (double& direction : directions) direction = rng.uniform(-width, width);
  std::array<std::vector<float>, 2> gains = {std::vector<float>(kGridPoints),
                                             std::vector<float>(kGridPoints)};
  for (std::size_t i = 0; i < kGridPoints; ++i) {
    const double frequency = static_cast<double>(i) / (kGridPoints - 1);  // of half the sample rate
    const double apart = std::min(1.0, frequency * sample_rate_hz / 2 / bass_hz);
    const double direction = apart * line_through(directions, std::pow(frequency, 0.4));
    const double angle = (1 + direction) * std::numbers::pi / 4;
    gains[0][i] = static_cast<float>(std::numbers::sqrt2 * std::cos(angle));
    gains[1][i] = static_cast<float>(std::numbers::sqrt2 * std::sin(angle));
  }
  for (std::size_t c = 0; c < 2; ++c) {
    audio.channels[c] = convolve(mono, fir_of_gains(gains[c], kFirTaps), kFirTaps / 2);
  }
  if (rng.uniform() < 0.5) {
    const std::size_t delay = samples_of(rng.uniform(0.005, 0.02), sample_rate_hz);
    const auto apart = static_cast<float>(rng.uniform(0.2, 0.7));
    for (std::size_t n = delay; n < mono.size(); ++n) {
      audio.channels[0][n] += apart * mono[n - delay];
      audio.channels[1][n] -= apart * mono[n - delay];
    }
  }
  return audio;
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
