#include "separation/chunk_synthesis.hpp"

#include "separation/queue.hpp"

#include <algorithm>
#include <utility>

namespace svsep {
namespace {

bool needs_mixture(std::span<const StemSum> wanted) {
  return std::any_of(wanted.begin(), wanted.end(), [](const StemSum& sum) { return sum.mixture_gain != 0; });
}

void add(std::vector<float>& to, float gain, std::span<const float> samples) {
  for (std::size_t n = 0; n < to.size(); ++n) to[n] += gain * samples[n];
}

}  // namespace

std::size_t channel_groups(std::size_t song_channels, std::size_t network_channels) {
  return (song_channels + network_channels - 1) / network_channels;
}

std::size_t song_channel(std::size_t group, std::size_t network_channel, std::size_t network_channels,
                         std::size_t song_channels) {
  return std::min(group * network_channels + network_channel, song_channels - 1);
}

ChunkSynthesis::Path::Path(int from_hz, int to_hz)
    : resampler(from_hz, to_hz, [this](std::span<const float> samples) { append(ready, samples); }) {}

ChunkSynthesis::ChunkSynthesis(Form form, Separator::Sink sink)
    : form_(std::move(form)),
      overlap_(chunk_fade(form_.chunks.chunk_samples, form_.ends),
               static_cast<std::size_t>(
                   std::ranges::count(used_stems(form_.wanted, form_.chunks.stems.size()), true)) *
                   form_.channels,
               [this](const AudioBuffer& rows) {
                 for (std::size_t row = 0; row < stem_paths_.size(); ++row) {
                   stem_paths_[row]->resampler.push(rows.channels[row]);
                 }
                 deliver();
               }),
      sink_(std::move(sink)) {
  const std::vector<bool> used = used_stems(form_.wanted, form_.chunks.stems.size());
  for (std::size_t stem = 0; stem < used.size(); ++stem) {
    if (!used[stem]) continue;
    used_.push_back(stem);
    for (std::size_t c = 0; c < form_.channels; ++c) {
      stem_paths_.push_back(std::make_unique<Path>(form_.chunks.sample_rate_hz, form_.stem_rate_hz));
    }
  }
  while (needs_mixture(form_.wanted) && mixture_.size() < form_.channels) {
    mixture_.push_back(std::make_unique<Path>(form_.song_rate_hz, form_.stem_rate_hz));
  }
}

void ChunkSynthesis::push_mixture(const AudioBuffer& block) {
  song_samples_ += block.samples();
  for (std::size_t c = 0; c < mixture_.size(); ++c) mixture_[c]->resampler.push(block.channels[c]);
}

void ChunkSynthesis::push(const ChunkPlace& place, std::span<const float> stems) {
  const std::size_t network_channels = form_.chunks.channels;
  const std::size_t samples = form_.chunks.chunk_samples;
  const auto heard = [&](std::size_t group, std::size_t stem, std::size_t channel) {
    return stems.subspan(((group * form_.chunks.stems.size() + stem) * network_channels + channel) * samples,
                         samples);
  };
  means_.clear();
  means_.reserve(used_.size());
  std::vector<std::span<const float>> rows;
  for (const std::size_t stem : used_) {
    for (std::size_t c = 0; c < form_.channels; ++c) {
      const std::size_t group = c / network_channels;
      const std::size_t channel = c % network_channels;
      rows.push_back(heard(group, stem, channel));
      if (network_channels < 2 || channel > 0 || c + 1 < form_.channels) continue;
      const std::span<const float> twin = heard(group, stem, 1);  // the song's last channel is alone
      std::vector<float>& mean = means_.emplace_back(rows.back().begin(), rows.back().end());
      for (std::size_t n = 0; n < samples; ++n) mean[n] = 0.5F * (mean[n] + twin[n]);
      rows.back() = mean;
    }
  }
  overlap_.push(place, rows);
}

void ChunkSynthesis::finish() {
  overlap_.finish();
  for (const auto& path : mixture_) path->resampler.finish();
  const Resampler of_song(form_.song_rate_hz, form_.stem_rate_hz, [](std::span<const float>) {});
  for (const auto& path : stem_paths_) path->resampler.finish(of_song.output_samples(song_samples_));
  deliver();
}

/// Hands on as many samples as all paths have.
void ChunkSynthesis::deliver() {
  std::size_t samples = stem_paths_.front()->ready.size();
  for (const auto& path : stem_paths_) samples = std::min(samples, path->ready.size());
  for (const auto& path : mixture_) samples = std::min(samples, path->ready.size());
  if (samples == 0) return;
  std::vector<AudioBuffer> stems;
  for (const StemSum& sum : form_.wanted) {
    AudioBuffer& stem = stems.emplace_back(form_.channels, samples);
    for (std::size_t c = 0; c < form_.channels; ++c) {
      if (sum.mixture_gain != 0) add(stem.channels[c], sum.mixture_gain, mixture_[c]->ready);
      for (std::size_t i = 0; i < used_.size(); ++i) {
        const float gain = sum.gains[used_[i]];
        if (gain != 0) add(stem.channels[c], gain, stem_paths_[i * form_.channels + c]->ready);
      }
    }
  }
  for (const auto& path : stem_paths_) drop_front(path->ready, samples);
  for (const auto& path : mixture_) drop_front(path->ready, samples);
  sink_(stems);
}

}  // namespace svsep
