#include "separation/chunk_separator.hpp"

#include "core/task_thread.hpp"
#include "dsp/resampler.hpp"
#include "separation/check_song.hpp"
#include "separation/chunk_cutter.hpp"
#include "separation/chunk_synthesis.hpp"
#include "separation/queue.hpp"
#include "separation/stems.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

namespace svsep {
namespace {

/// Chunks on their way through the estimator, and the song's samples since the last ones.
struct ChunkBatch {
  std::vector<ChunkPlace> places;
  std::vector<float> inputs;  ///< [place][group][channels][samples]
  std::vector<float> stems;   ///< [place][group][stems][channels][samples]
  AudioBuffer mixture;        ///< at the song's rate
};

ChunkSynthesis::Form form_of(const ChunkEstimator& estimator, const SongFormat& song,
                             const SeparationSettings& settings, std::span<const std::string> wanted) {
  ChunkSynthesis::Form form{.chunks = estimator.chunks(),
                            .ends = estimator.ends(),
                            .channels = static_cast<std::size_t>(song.channels),
                            .song_rate_hz = song.sample_rate_hz,
                            .stem_rate_hz = stem_rate_hz(song, settings),
                            .wanted = {}};
  for (const std::string& name : wanted) form.wanted.push_back(stem_sum(form.chunks.stems, name));
  return form;
}

}  // namespace

struct ChunkSeparator::Impl {
  Impl(ChunkEstimator& chunk_estimator, const SongFormat& song, const SeparationSettings& settings,
       std::vector<std::string> wanted, Sink sink)
      : estimator(chunk_estimator),
        stem_names(std::move(wanted)),
        chunks(estimator.chunks()),
        channels(static_cast<std::size_t>(song.channels)),
        groups(channel_groups(channels, chunks.channels)),
        form(form_of(estimator, song, settings, stem_names)),
        at_network_rate(channels, 0),
        cutter(chunks, estimator.ends(), channels,
               [this](const ChunkPlace& place, const AudioBuffer& chunk) { take(place, chunk); }),
        synthesis(form, std::move(sink)) {
    batch.mixture = AudioBuffer(channels, 0);
    for (std::vector<float>& channel : at_network_rate.channels) {
      to_network_rate.emplace_back(song.sample_rate_hz, chunks.sample_rate_hz,
                                   [&channel](std::span<const float> samples) { append(channel, samples); });
    }
    estimator.want(used_stems(form.wanted, chunks.stems.size()));
  }

  void cut() {
    cutter.push(at_network_rate);
    for (std::vector<float>& channel : at_network_rate.channels) channel.clear();
  }

  /// A chunk as the network's inputs.
  void take(const ChunkPlace& place, const AudioBuffer& chunk) {
    batch.places.push_back(place);
    for (std::size_t group = 0; group < groups; ++group) {
      for (std::size_t channel = 0; channel < chunks.channels; ++channel) {
        append(batch.inputs, std::span<const float>(
                                 chunk.channels[song_channel(group, channel, chunks.channels, channels)]));
      }
    }
    if (batch.places.size() * groups >= estimator.batch_chunks()) start();
  }

  /// Gives the batch to the estimator's thread, and from there to the synthesis'.
  void start() {
    auto full = std::make_shared<ChunkBatch>(std::exchange(batch, ChunkBatch{}));
    batch.mixture = AudioBuffer(channels, 0);
    estimation.push([this, full] {
      estimate(*full);
      synthesiser.push([this, full] { synthesise(*full); });
    });
  }

  void estimate(ChunkBatch& full) const {
    const std::size_t input_values = chunks.channels * chunks.chunk_samples;
    const std::size_t stem_values = chunks.stems.size() * input_values;
    const std::size_t inputs = full.places.size() * groups;
    full.stems.resize(inputs * stem_values);
    for (std::size_t first = 0; first < inputs;) {
      const std::size_t count = std::min(estimator.batch_chunks(), inputs - first);
      estimator.estimate(std::span(full.inputs).subspan(first * input_values, count * input_values),
                         std::span(full.stems).subspan(first * stem_values, count * stem_values));
      first += count;
    }
    full.inputs = {};
  }

  void synthesise(const ChunkBatch& full) {
    synthesis.push_mixture(full.mixture);
    const std::size_t values = groups * chunks.stems.size() * chunks.channels * chunks.chunk_samples;
    for (std::size_t i = 0; i < full.places.size(); ++i) {
      synthesis.push(full.places[i], std::span(full.stems).subspan(i * values, values));
    }
  }

  ChunkEstimator& estimator;
  std::vector<std::string> stem_names;
  ChunkParameters chunks;
  std::size_t channels;  ///< of the song
  std::size_t groups;    ///< inputs of the network that a chunk makes
  ChunkSynthesis::Form form;
  ChunkBatch batch;             ///< that is being filled
  AudioBuffer at_network_rate;  ///< what the resamplers have given
  std::vector<Resampler> to_network_rate;
  ChunkCutter cutter;
  ChunkSynthesis synthesis;  ///< the synthesiser's alone
  TaskThread synthesiser{1};
  TaskThread estimation{1};  ///< the threads last, so that they end before what they work on goes
};

ChunkSeparator::ChunkSeparator(ChunkEstimator& estimator, const SongFormat& song,
                               const SeparationSettings& settings, Sink sink) {
  check_song(song);
  impl_ =
      std::make_unique<Impl>(estimator, song, settings,
                             choose_stems(estimator.chunks().stems, settings.stems, true), std::move(sink));
}

ChunkSeparator::~ChunkSeparator() = default;

const std::vector<std::string>& ChunkSeparator::stems() const noexcept { return impl_->stem_names; }

void ChunkSeparator::push(const AudioBuffer& block) {
  check_block(block, impl_->channels);
  for (std::size_t c = 0; c < impl_->channels; ++c) {
    append(impl_->batch.mixture.channels[c], std::span<const float>(block.channels[c]));
    impl_->to_network_rate[c].push(block.channels[c]);
  }
  impl_->cut();
}

void ChunkSeparator::finish() {
  for (Resampler& resampler : impl_->to_network_rate) resampler.finish();
  impl_->cut();
  impl_->cutter.finish();
  impl_->start();
  impl_->estimation.wait();
  impl_->synthesiser.push([this] { impl_->synthesis.finish(); });
  impl_->synthesiser.wait();
}

std::vector<std::string> ChunkEstimator::stems() const { return chunks().stems; }

std::unique_ptr<Separator> ChunkEstimator::make_separator(const SongFormat& song,
                                                          const SeparationSettings& settings,
                                                          Separator::Sink sink) {
  return std::make_unique<ChunkSeparator>(*this, song, settings, std::move(sink));
}

}  // namespace svsep
