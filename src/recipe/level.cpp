#include "recipe/level.hpp"

#include "recipe/time.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace svsep {

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

}  // namespace svsep
