#include "svsep/separation/separator.hpp"

#include "svsep/dsp/resampler.hpp"
#include "svsep/dsp/stft.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <span>
#include <utility>
#include <vector>

namespace svsep {
namespace {

template <typename T>
void append(std::vector<T>& queue, std::span<const T> values) {
  queue.insert(queue.end(), values.begin(), values.end());
}

template <typename T>
void drop_front(std::vector<T>& queue, std::size_t count) {
  queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(count));
}

/// One stem of one channel on its way back from masked frames to samples of the song's rate.
class StemPath {
 public:
  StemPath(const AnalysisParameters& analysis, int sample_rate_hz)
      : to_song_rate_(analysis.sample_rate_hz, sample_rate_hz,
                      [this](std::span<const float> samples) { append(ready, samples); }),
        to_samples_(analysis.stft, [this](Samples samples) { to_song_rate_.push(samples); }) {}
  StemPath(const StemPath&) = delete;  // the stages' sinks point into this object
  StemPath& operator=(const StemPath&) = delete;

  void push(Spectrum frame) { to_samples_.push(frame); }

  void finish(std::size_t model_rate_samples, std::size_t song_rate_samples) {
    to_samples_.finish(model_rate_samples);
    to_song_rate_.finish(song_rate_samples);
  }

  std::vector<float> ready;  ///< samples that wait to be taken

 private:
  Resampler to_song_rate_;
  InverseStft to_samples_;
};

/// The whole way of one channel, from samples of the mixture to samples of both stems.
class ChannelPath {
 public:
  ChannelPath(MaskEstimator& estimator, const AnalysisParameters& analysis, int sample_rate_hz,
              const SeparationSettings& settings)
      : estimator_(estimator),
        settings_(settings),
        bins_(analysis.stft.bins()),
        first_top_bin_(bins_ * 7 / 10),
        batch_(estimator.batch_frames()),
        block_frames_(2 * estimator.context_frames() + batch_),
        frames_per_sample_(
            static_cast<double>(analysis.sample_rate_hz) /
            (static_cast<double>(sample_rate_hz) * static_cast<double>(analysis.stft.hop_samples))),
        restores_high_band_(settings.high_band != HighBand::drop && sample_rate_hz > analysis.sample_rate_hz),
        magnitudes_(estimator.context_frames() * bins_, 0.0F),  // silence before the first frame
        mask_(batch_ * bins_),
        masked_(bins_),
        vocals_(analysis, sample_rate_hz),
        accompaniment_(analysis, sample_rate_hz),
        band_to_song_rate_(analysis.sample_rate_hz, sample_rate_hz,
                           [this](std::span<const float> samples) { append(band_, samples); }),
        to_frames_(analysis.stft, [this](Spectrum frame) { take(frame); }),
        to_model_rate_(sample_rate_hz, analysis.sample_rate_hz, [this](std::span<const float> samples) {
          if (restores_high_band_) band_to_song_rate_.push(samples);
          to_frames_.push(samples);
        }) {
    magnitudes_.reserve(block_frames_ * bins_);
  }
  ChannelPath(const ChannelPath&) = delete;  // the stages' sinks point into this object
  ChannelPath& operator=(const ChannelPath&) = delete;

  void push(std::span<const float> samples) {
    samples_ += samples.size();
    append(mixture_, samples);
    to_model_rate_.push(samples);
    combine();
  }

  void finish() {
    to_model_rate_.finish();
    to_frames_.finish();
    while (!frames_.empty()) {  // silence after the last frame
      magnitudes_.resize(block_frames_ * bins_, 0.0F);
      estimate();
    }
    const std::size_t model_rate_samples = to_model_rate_.output_samples(samples_);
    vocals_.finish(model_rate_samples, samples_);
    accompaniment_.finish(model_rate_samples, samples_);
    if (restores_high_band_) band_to_song_rate_.finish(samples_);
    combine();
  }

  // Samples of the finished stems that wait to be taken, equally many.
  std::vector<float> ready_vocals;
  std::vector<float> ready_accompaniment;

 private:
  void take(Spectrum frame) {
    append(frames_, frame);
    for (const std::complex<float> value : frame) magnitudes_.push_back(std::abs(value));
    if (magnitudes_.size() == block_frames_ * bins_) estimate();
  }

  /// Masks the oldest waiting frames, at most a batch of them, and moves on by a batch.
  void estimate() {
    estimator_.estimate(magnitudes_, mask_);
    const std::size_t frames = std::min(batch_, frames_.size() / bins_);
    for (std::size_t frame = 0; frame < frames; ++frame) {
      apply(Spectrum(frames_).subspan(frame * bins_, bins_),
            std::span<const float>(mask_).subspan(frame * bins_, bins_));
    }
    drop_front(frames_, frames * bins_);
    drop_front(magnitudes_, batch_ * bins_);
  }

  void apply(Spectrum mixture, std::span<const float> mask) {
    double vocals_power = 0;
    double mixture_power = 0;
    for (std::size_t bin = 0; bin < bins_; ++bin) {
      const float gain = mask[bin] < settings_.thresholds.vocals ? 0.0F : mask[bin];
      masked_[bin] = gain * mixture[bin];
      if (bin < first_top_bin_) continue;
      vocals_power += static_cast<double>(gain * std::norm(mixture[bin]));
      mixture_power += static_cast<double>(std::norm(mixture[bin]));
    }
    vocals_.push(masked_);
    for (std::size_t bin = 0; bin < bins_; ++bin) {
      const float gain = 1.0F - mask[bin];
      masked_[bin] = gain < settings_.thresholds.accompaniment ? 0.0F : gain * mixture[bin];
    }
    accompaniment_.push(masked_);
    const bool shares = settings_.high_band == HighBand::split && mixture_power > 0;
    vocal_shares_.push_back(shares ? static_cast<float>(vocals_power / mixture_power) : 0.0F);
  }

  /// The vocals' share of the high band at a sample of the song: between its frames, linear.
  [[nodiscard]] float vocal_share(std::size_t sample) const {
    const double position =
        static_cast<double>(sample) * frames_per_sample_ - static_cast<double>(shares_gone_);
    const auto index = std::min(static_cast<std::size_t>(position), vocal_shares_.size() - 1);
    const auto next = std::min(index + 1, vocal_shares_.size() - 1);
    const auto fraction = static_cast<float>(position - std::floor(position));
    return vocal_shares_[index] + fraction * (vocal_shares_[next] - vocal_shares_[index]);
  }

  /// Makes finished stems of all samples that every path has reached.
  void combine() {
    std::size_t count = std::min({mixture_.size(), vocals_.ready.size(), accompaniment_.ready.size()});
    if (restores_high_band_) count = std::min(count, band_.size());
    if (count == 0) return;
    if (vocal_shares_.empty()) vocal_shares_.push_back(0);  // too short a song for a single frame
    for (std::size_t n = 0; n < count; ++n) {
      float vocals = vocals_.ready[n];
      float accompaniment = accompaniment_.ready[n];
      if (restores_high_band_) {
        const float high = mixture_[n] - band_[n];
        const float share = vocal_share(combined_ + n);
        vocals += share * high;
        accompaniment += (1.0F - share) * high;
      }
      if (settings_.accompaniment == AccompanimentSource::residual) accompaniment = mixture_[n] - vocals;
      ready_vocals.push_back(vocals);
      ready_accompaniment.push_back(accompaniment);
    }
    combined_ += count;
    drop_front(mixture_, count);
    drop_front(vocals_.ready, count);
    drop_front(accompaniment_.ready, count);
    if (restores_high_band_) drop_front(band_, count);
    const auto frames_done =
        static_cast<std::size_t>(static_cast<double>(combined_) * frames_per_sample_) - shares_gone_;
    const std::size_t gone = std::min(frames_done, vocal_shares_.size() - 1);
    drop_front(vocal_shares_, gone);
    shares_gone_ += gone;
  }

  MaskEstimator& estimator_;
  SeparationSettings settings_;
  std::size_t bins_;
  std::size_t first_top_bin_;  ///< from here on, bins speak for what lies above them
  std::size_t batch_;
  std::size_t block_frames_;  ///< what one call of the estimator sees
  double frames_per_sample_;
  bool restores_high_band_;

  std::size_t samples_ = 0;                  ///< of the song, so far
  std::vector<float> mixture_;               ///< samples that no stems were made of yet
  std::vector<std::complex<float>> frames_;  ///< of the mixture, that no mask was made for yet
  std::vector<float> magnitudes_;            ///< those frames with the context before them
  std::vector<float> mask_;
  std::vector<std::complex<float>> masked_;
  std::vector<float> vocal_shares_;  ///< of the high band, a value a frame, from frame shares_gone_ on
  std::size_t shares_gone_ = 0;
  std::size_t combined_ = 0;  ///< samples of the song that stems were made of

  StemPath vocals_;
  StemPath accompaniment_;
  std::vector<float> band_;  ///< the mixture through the model's rate and back
  Resampler band_to_song_rate_;
  Stft to_frames_;
  Resampler to_model_rate_;
};

}  // namespace

struct Separator::Impl {
  Sink sink;
  std::vector<std::unique_ptr<ChannelPath>> channels;

  /// Hands on as many samples as all channels have.
  void deliver() {
    std::size_t samples = channels.front()->ready_vocals.size();
    for (const auto& channel : channels) samples = std::min(samples, channel->ready_vocals.size());
    if (samples == 0) return;
    const auto take = [samples](std::vector<float>& ready) {
      std::vector<float> taken(ready.begin(), ready.begin() + static_cast<std::ptrdiff_t>(samples));
      drop_front(ready, samples);
      return taken;
    };
    AudioBuffer vocals;
    AudioBuffer accompaniment;
    for (const auto& channel : channels) {
      vocals.channels.push_back(take(channel->ready_vocals));
      accompaniment.channels.push_back(take(channel->ready_accompaniment));
    }
    sink(vocals, accompaniment);
  }
};

Separator::Separator(MaskEstimator& estimator, int sample_rate_hz, int channels,
                     const SeparationSettings& settings, Sink sink)
    : impl_(std::make_unique<Impl>()) {
  impl_->sink = std::move(sink);
  for (int channel = 0; channel < channels; ++channel) {
    impl_->channels.push_back(
        std::make_unique<ChannelPath>(estimator, estimator.analysis(), sample_rate_hz, settings));
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
