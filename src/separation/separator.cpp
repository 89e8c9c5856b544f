#include "svsep/separation/separator.hpp"

#include "svsep/dsp/resampler.hpp"
#include "svsep/dsp/stft.hpp"

#include <algorithm>
#include <complex>
#include <span>
#include <utility>
#include <vector>

namespace svsep {
namespace {

/// One stem of one channel on its way back from masked frames to samples of the song's rate.
class StemPath {
 public:
  StemPath(const AnalysisParameters& analysis, int sample_rate_hz)
      : to_song_rate_(analysis.sample_rate_hz, sample_rate_hz,
                      [this](std::span<const float> samples) {
                        ready_.insert(ready_.end(), samples.begin(), samples.end());
                      }),
        to_samples_(analysis.stft, [this](Samples samples) { to_song_rate_.push(samples); }),
        masked_(analysis.stft.bins()) {}
  StemPath(const StemPath&) = delete;  // the stages' sinks point into this object
  StemPath& operator=(const StemPath&) = delete;

  /// Takes a frame of the mixture and this stem's mask for it; gains below `threshold` count as 0.
  void push(Spectrum mixture, std::span<const float> vocal_mask, bool is_vocals, float threshold) {
    for (std::size_t bin = 0; bin < masked_.size(); ++bin) {
      const float gain = is_vocals ? vocal_mask[bin] : 1.0F - vocal_mask[bin];
      masked_[bin] = gain < threshold ? 0.0F : gain * mixture[bin];
    }
    to_samples_.push(masked_);
  }

  void finish(std::size_t model_rate_samples, std::size_t song_rate_samples) {
    to_samples_.finish(model_rate_samples);
    to_song_rate_.finish(song_rate_samples);
  }

  /// Samples that wait to be taken, in order.
  std::vector<float>& ready() { return ready_; }

 private:
  std::vector<float> ready_;
  Resampler to_song_rate_;
  InverseStft to_samples_;
  std::vector<std::complex<float>> masked_;
};

/// The whole way of one channel, from samples of the mixture to samples of both stems.
class ChannelPath {
 public:
  ChannelPath(MaskEstimator& estimator, const AnalysisParameters& analysis, int sample_rate_hz,
              const Thresholds& thresholds)
      : vocals(analysis, sample_rate_hz),
        accompaniment(analysis, sample_rate_hz),
        estimator_(estimator),
        thresholds_(thresholds),
        bins_(analysis.stft.bins()),
        batch_(estimator.batch_frames()),
        block_frames_(2 * estimator.context_frames() + batch_),
        magnitudes_(estimator.context_frames() * bins_, 0.0F),  // silence before the first frame
        mask_(batch_ * bins_),
        to_frames_(analysis.stft, [this](Spectrum frame) { take(frame); }),
        to_model_rate_(sample_rate_hz, analysis.sample_rate_hz,
                       [this](std::span<const float> samples) { to_frames_.push(samples); }) {
    magnitudes_.reserve(block_frames_ * bins_);
  }
  ChannelPath(const ChannelPath&) = delete;  // the stages' sinks point into this object
  ChannelPath& operator=(const ChannelPath&) = delete;

  void push(std::span<const float> samples) {
    samples_ += samples.size();
    to_model_rate_.push(samples);
  }

  void finish() {
    to_model_rate_.finish();
    to_frames_.finish();
    while (!frames_.empty()) {  // silence after the last frame
      magnitudes_.resize(block_frames_ * bins_, 0.0F);
      estimate();
    }
    const std::size_t model_rate_samples = to_model_rate_.output_samples(samples_);
    vocals.finish(model_rate_samples, samples_);
    accompaniment.finish(model_rate_samples, samples_);
  }

  StemPath vocals;
  StemPath accompaniment;

 private:
  void take(Spectrum frame) {
    frames_.insert(frames_.end(), frame.begin(), frame.end());
    for (const std::complex<float> value : frame) magnitudes_.push_back(std::abs(value));
    if (magnitudes_.size() == block_frames_ * bins_) estimate();
  }

  /// Gives both stems the oldest waiting frames, at most a batch of them, and moves on by a batch.
  void estimate() {
    estimator_.estimate(magnitudes_, mask_);
    const std::size_t frames = std::min(batch_, frames_.size() / bins_);
    for (std::size_t frame = 0; frame < frames; ++frame) {
      const Spectrum mixture = Spectrum(frames_).subspan(frame * bins_, bins_);
      const std::span<const float> mask = std::span<const float>(mask_).subspan(frame * bins_, bins_);
      vocals.push(mixture, mask, true, thresholds_.vocals);
      accompaniment.push(mixture, mask, false, thresholds_.accompaniment);
    }
    frames_.erase(frames_.begin(), frames_.begin() + static_cast<std::ptrdiff_t>(frames * bins_));
    magnitudes_.erase(magnitudes_.begin(), magnitudes_.begin() + static_cast<std::ptrdiff_t>(batch_ * bins_));
  }

  MaskEstimator& estimator_;
  Thresholds thresholds_;
  std::size_t bins_;
  std::size_t batch_;
  std::size_t block_frames_;                 ///< what one call of the estimator sees
  std::size_t samples_ = 0;                  ///< of the song, so far
  std::vector<std::complex<float>> frames_;  ///< of the mixture, that no mask was made for yet
  std::vector<float> magnitudes_;            ///< those frames with the context before them
  std::vector<float> mask_;
  Stft to_frames_;
  Resampler to_model_rate_;
};

}  // namespace

struct Separator::Impl {
  Sink sink;
  std::vector<std::unique_ptr<ChannelPath>> channels;

  /// Hands on as many samples as all channels of both stems have.
  void deliver() {
    std::size_t samples = channels.front()->vocals.ready().size();
    for (const auto& channel : channels) {
      samples = std::min({samples, channel->vocals.ready().size(), channel->accompaniment.ready().size()});
    }
    if (samples == 0) return;
    const auto take = [samples](std::vector<float>& ready) {
      const auto end = ready.begin() + static_cast<std::ptrdiff_t>(samples);
      std::vector<float> taken(ready.begin(), end);
      ready.erase(ready.begin(), end);
      return taken;
    };
    AudioBuffer vocals;
    AudioBuffer accompaniment;
    for (const auto& channel : channels) {
      vocals.channels.push_back(take(channel->vocals.ready()));
      accompaniment.channels.push_back(take(channel->accompaniment.ready()));
    }
    sink(vocals, accompaniment);
  }
};

Separator::Separator(MaskEstimator& estimator, int sample_rate_hz, int channels, const Thresholds& thresholds,
                     Sink sink)
    : impl_(std::make_unique<Impl>()) {
  impl_->sink = std::move(sink);
  for (int channel = 0; channel < channels; ++channel) {
    impl_->channels.push_back(
        std::make_unique<ChannelPath>(estimator, estimator.analysis(), sample_rate_hz, thresholds));
  }
}

Separator::~Separator() = default;

void Separator::push(const AudioBuffer& block) {
  for (std::size_t channel = 0; channel < impl_->channels.size(); ++channel) {
    impl_->channels[channel]->push(block.channels[channel]);
  }
  impl_->deliver();
}

void Separator::finish() {
  for (const auto& channel : impl_->channels) channel->finish();
  impl_->deliver();
}

}  // namespace svsep
