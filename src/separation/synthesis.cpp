#include "separation/synthesis.hpp"

#include "dsp/resampler.hpp"
#include "separation/queue.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace svsep {
namespace {

/// One stem of one channel on its way from masked frames to samples at the stems' rate.
class StemPath {
 public:
  explicit StemPath(const Synthesis::Form& form)
      : to_stem_rate_(form.song_rate_hz, form.stem_rate_hz,
                      [this](std::span<const float> samples) { append(ready, samples); }),
        to_samples_(form.stft, [this](Samples samples) { append(at_song_rate, samples); }) {}
  StemPath(const StemPath&) = delete;  // the stages' sinks point into this object
  StemPath& operator=(const StemPath&) = delete;

  void push(Spectrum frame) { to_samples_.push(frame); }
  void finish_samples(std::size_t song_samples) { to_samples_.finish(song_samples); }

  /// Hands on the first samples that wait at the song's rate.
  void hand_on(std::size_t count) {
    to_stem_rate_.push(std::span<const float>(at_song_rate).first(count));
    drop_front(at_song_rate, count);
  }
  void finish() { to_stem_rate_.finish(); }

  std::vector<float> at_song_rate;  ///< samples that wait to be handed on
  std::vector<float> ready;         ///< finished samples that wait to be taken

 private:
  Resampler to_stem_rate_;
  InverseStft to_samples_;
};

/// Where the two masks add up to 1, the difference is the same as the masked frames, and cheaper.
bool subtracts(const Synthesis::Form& form) {
  return form.accompaniment == AccompanimentSource::residual ||
         (form.thresholds.vocals <= 0 && form.thresholds.accompaniment <= 0 &&
          form.high_band != HighBand::drop);
}

}  // namespace

/// One channel of both stems on its way from frames.
class Synthesis::ChannelStems {
 public:
  explicit ChannelStems(const Form& form) : vocals(form), accompaniment(form), subtracts_(subtracts(form)) {}

  void push_mixture(std::span<const float> samples) {
    samples_ += samples.size();
    if (subtracts_) append(mixture_, samples);
  }

  void push(Masker& masker, Spectrum frame, std::span<const float> mask) {
    vocals.push(masker.vocals(frame, mask));
    if (!subtracts_) accompaniment.push(masker.accompaniment(frame, mask));
  }

  void finish() {
    vocals.finish_samples(samples_);
    if (!subtracts_) accompaniment.finish_samples(samples_);
    hand_on();
    vocals.finish();
    accompaniment.finish();
  }

  /// Moves finished samples on to the stems' rate.
  void hand_on() {
    const std::size_t count = vocals.at_song_rate.size();
    if (subtracts_) {
      for (std::size_t n = 0; n < count; ++n) {
        accompaniment.at_song_rate.push_back(mixture_[n] - vocals.at_song_rate[n]);
      }
      drop_front(mixture_, count);
    }
    vocals.hand_on(count);
    accompaniment.hand_on(count);
  }

  StemPath vocals;
  StemPath accompaniment;

 private:
  bool subtracts_;              ///< the accompaniment is the mixture less the vocals
  std::size_t samples_ = 0;     ///< of the song, so far
  std::vector<float> mixture_;  ///< samples that no stems were made of yet, where they are subtracted from
};

Synthesis::Synthesis(const Form& form, Sink sink)
    : bins_(form.stft.bins()),
      band_bins_(form.band_bins),
      masker_(form.thresholds, form.high_band, form.band_bins, form.stft.bins()),
      sink_(std::move(sink)) {
  while (channels_.size() < form.channels) channels_.push_back(std::make_unique<ChannelStems>(form));
}

Synthesis::~Synthesis() = default;

void Synthesis::push(const MaskedFrames& batch) {
  for (std::size_t c = 0; c < channels_.size(); ++c) {
    channels_[c]->push_mixture(batch.samples[c]);
    for (std::size_t frame = 0; frame < batch.count; ++frame) {
      channels_[c]->push(masker_, Spectrum(batch.frames[c]).subspan(frame * bins_, bins_),
                         std::span<const float>(batch.mask).subspan(frame * band_bins_, band_bins_));
    }
    channels_[c]->hand_on();
  }
  deliver();
}

void Synthesis::finish() {
  for (const auto& channel : channels_) channel->finish();
  deliver();
}

/// Hands on as many samples as all channels have.
void Synthesis::deliver() {
  std::size_t samples = channels_.front()->vocals.ready.size();
  for (const auto& channel : channels_) {
    samples = std::min({samples, channel->vocals.ready.size(), channel->accompaniment.ready.size()});
  }
  if (samples == 0) return;
  AudioBuffer vocals;
  AudioBuffer accompaniment;
  for (const auto& channel : channels_) {
    vocals.channels.push_back(take_front(channel->vocals.ready, samples));
    accompaniment.channels.push_back(take_front(channel->accompaniment.ready, samples));
  }
  sink_(std::move(vocals), std::move(accompaniment));
}

}  // namespace svsep
