#include "svsep/separator.hpp"

#include "core/limits.hpp"
#include "core/task_thread.hpp"
#include "dsp/resampler.hpp"
#include "svsep/error.hpp"
#include "svsep/stft.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <functional>
#include <optional>
#include <span>
#include <string>
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

/// Sizes without larger prime factors have fast FFTs.
bool is_smooth(std::size_t size) {
  for (const std::size_t factor : {2U, 3U, 5U, 7U, 11U, 13U}) {
    while (size % factor == 0) size /= factor;
  }
  return size == 1;
}

/// The even size nearest to `wanted` with a fast FFT, at least 2.
std::size_t nearest_even_smooth(double wanted) {
  const std::size_t middle = 2 * std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(wanted / 2)));
  for (std::size_t distance = 0;; distance += 2) {
    if (distance < middle && is_smooth(middle - distance)) return middle - distance;
    if (is_smooth(middle + distance)) return middle + distance;
  }
}

/// One stem of one channel on its way from masked frames to samples at the stems' rate.
class StemPath {
 public:
  StemPath(const StftParameters& stft, int song_rate_hz, int stem_rate_hz)
      : to_stem_rate_(song_rate_hz, stem_rate_hz,
                      [this](std::span<const float> samples) { append(ready, samples); }),
        to_samples_(stft, [this](Samples samples) { append(at_song_rate, samples); }) {}
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

/// How the bins of one frame become the bins of its stems.
class Masker {
 public:
  Masker(const SeparationSettings& settings, std::size_t band_bins, std::size_t bins)
      : settings_(settings), band_bins_(std::min(band_bins, bins)), masked_(bins) {}

  /// The vocals of a frame whose mask covers the model's band; valid until the next call.
  Spectrum vocals(Spectrum mixture, std::span<const float> mask) {
    // From here on, bins speak for what lies above the band.
    const std::size_t first_top_bin = band_bins_ * 7 / 10;
    float vocals_power = 0;
    float mixture_power = 0;
    for (std::size_t bin = 0; bin < band_bins_; ++bin) {
      const float gain = mask[bin] < settings_.thresholds.vocals ? 0.0F : mask[bin];
      masked_[bin] = gain * mixture[bin];
      if (bin < first_top_bin) continue;
      vocals_power += gain * std::norm(mixture[bin]);
      mixture_power += std::norm(mixture[bin]);
    }
    const bool shares = settings_.high_band == HighBand::split && mixture_power > 0;
    vocals_share_ = shares ? vocals_power / mixture_power : 0.0F;
    fill_above(mixture, vocals_share_);
    return masked_;
  }

  /// The accompaniment of the frame that vocals() was called with.
  Spectrum accompaniment(Spectrum mixture, std::span<const float> mask) {
    for (std::size_t bin = 0; bin < band_bins_; ++bin) {
      const float gain = 1.0F - mask[bin];
      masked_[bin] = gain < settings_.thresholds.accompaniment ? 0.0F : gain * mixture[bin];
    }
    fill_above(mixture, settings_.high_band == HighBand::drop ? 0.0F : 1.0F - vocals_share_);
    return masked_;
  }

 private:
  void fill_above(Spectrum mixture, float gain) {
    for (std::size_t bin = band_bins_; bin < mixture.size(); ++bin) masked_[bin] = gain * mixture[bin];
  }

  SeparationSettings settings_;
  std::size_t band_bins_;
  std::vector<std::complex<float>> masked_;
  float vocals_share_ = 0;  ///< of what lies above the band
};

/// One channel of the mixture on its way to frames.
class ChannelFrames {
 public:
  explicit ChannelFrames(const StftParameters& stft)
      : to_frames_(stft, [this](Spectrum frame) { append(frames, frame); }) {}
  ChannelFrames(const ChannelFrames&) = delete;  // the stage's sink points into this object
  ChannelFrames& operator=(const ChannelFrames&) = delete;

  void push(std::span<const float> values) {
    append(samples, values);
    to_frames_.push(values);
  }
  void finish() { to_frames_.finish(); }

  std::vector<std::complex<float>> frames;  ///< that no mask was made for yet
  std::vector<float> samples;               ///< since the last batch

 private:
  Stft to_frames_;
};

/// One channel of both stems on its way from frames.
class ChannelStems {
 public:
  /// `subtracts`: the accompaniment is the mixture less the vocals.
  ChannelStems(const StftParameters& stft, int song_rate_hz, int stem_rate_hz, bool subtracts)
      : vocals(stft, song_rate_hz, stem_rate_hz),
        accompaniment(stft, song_rate_hz, stem_rate_hz),
        subtracts_(subtracts) {}

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
  bool subtracts_;
  std::size_t samples_ = 0;     ///< of the song, so far
  std::vector<float> mixture_;  ///< samples that no stems were made of yet, where they are subtracted from
};

/// Where the two masks add up to 1, the difference is the same as the masked frames, and cheaper.
bool subtracts(const SeparationSettings& settings) {
  const Thresholds& thresholds = settings.thresholds;
  return settings.accompaniment == AccompanimentSource::residual ||
         (thresholds.vocals <= 0 && thresholds.accompaniment <= 0 && settings.high_band != HighBand::drop);
}

/// What becomes stems in one go: some frames with their masks, and the song's samples since the last batch.
struct Batch {
  std::vector<std::vector<std::complex<float>>> frames;  ///< [channel][frame x bins]
  std::vector<std::vector<float>> samples;               ///< [channel]
  std::vector<float> mask;                               ///< [frame x band bins]
  std::size_t count = 0;                                 ///< frames
};

/// The second half of the pipeline: masked frames to samples of the stems. On one thread.
class Synthesis {
 public:
  Synthesis(const StftParameters& stft, std::size_t band_bins, int song_rate_hz, std::size_t channel_count,
            const SeparationSettings& settings, Separator::Sink sink)
      : bins_(stft.bins()),
        band_bins_(band_bins),
        masker_(settings, band_bins, stft.bins()),
        sink_(std::move(sink)) {
    const int stem_rate_hz =
        settings.output_sample_rate_hz == 0 ? song_rate_hz : settings.output_sample_rate_hz;
    while (channels_.size() < channel_count) {
      channels_.push_back(
          std::make_unique<ChannelStems>(stft, song_rate_hz, stem_rate_hz, subtracts(settings)));
    }
  }

  void push(const Batch& batch) {
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

  void finish() {
    for (const auto& channel : channels_) channel->finish();
    deliver();
  }

 private:
  /// Hands on as many samples as all channels have.
  void deliver() {
    std::size_t samples = channels_.front()->vocals.ready.size();
    for (const auto& channel : channels_) {
      samples = std::min({samples, channel->vocals.ready.size(), channel->accompaniment.ready.size()});
    }
    if (samples == 0) return;
    const auto take = [samples](std::vector<float>& ready) {
      std::vector<float> taken(ready.begin(), ready.begin() + static_cast<std::ptrdiff_t>(samples));
      drop_front(ready, samples);
      return taken;
    };
    AudioBuffer vocals;
    AudioBuffer accompaniment;
    for (const auto& channel : channels_) {
      vocals.channels.push_back(take(channel->vocals.ready));
      accompaniment.channels.push_back(take(channel->accompaniment.ready));
    }
    sink_(vocals, accompaniment);
  }

  std::size_t bins_;
  std::size_t band_bins_;
  Masker masker_;
  std::vector<std::unique_ptr<ChannelStems>> channels_;
  Separator::Sink sink_;
};

int checked_rate(int sample_rate_hz) {
  if (sample_rate_hz >= 1 && sample_rate_hz <= kMaxSampleRateHz) return sample_rate_hz;
  throw Error(ErrorKind::input, "cannot separate: sample rate; expected 1 to " +
                                    std::to_string(kMaxSampleRateHz) + " Hz, got " +
                                    std::to_string(sample_rate_hz));
}

}  // namespace

StftParameters stft_at_rate(const AnalysisParameters& analysis, int sample_rate_hz) {
  if (sample_rate_hz == analysis.sample_rate_hz) return analysis.stft;
  const auto [fft, window, hop] = analysis.stft;
  const double ratio = static_cast<double>(sample_rate_hz) / analysis.sample_rate_hz;
  const std::size_t song_hop = nearest_even_smooth(static_cast<double>(hop) * ratio);
  const auto scaled = [&, hops = static_cast<double>(song_hop) / static_cast<double>(hop)](std::size_t size) {
    return 2 * static_cast<std::size_t>(std::lround(static_cast<double>(size) * hops / 2));
  };
  return {.fft_samples = scaled(fft), .window_samples = song_hop * (window / hop), .hop_samples = song_hop};
}

struct Separator::Impl {
  Impl(MaskEstimator& mask_estimator, int sample_rate_hz, int channel_count,
       const SeparationSettings& settings, Sink stem_sink)
      : estimator(mask_estimator),
        stft(stft_at_rate(estimator.analysis(), checked_rate(sample_rate_hz))),
        band_bins(estimator.analysis().stft.bins()),
        frame_values(estimator.input_planes() * band_bins),
        batch(estimator.batch_frames()),
        block_frames(2 * estimator.context_frames() + batch),
        magnitude_scale(static_cast<float>(estimator.analysis().stft.window_samples) /
                        static_cast<float>(stft.window_samples)),
        magnitudes(estimator.context_frames() * frame_values, 0.0F),  // silence before the first frame
        mask(batch * band_bins),
        synthesis(stft, band_bins, sample_rate_hz, static_cast<std::size_t>(channel_count), settings,
                  std::move(stem_sink)) {
    for (int channel = 0; channel < channel_count; ++channel) {
      channels.push_back(std::make_unique<ChannelFrames>(stft));
    }
    magnitudes.reserve(block_frames * frame_values);
  }

  /// Frames that wait, equally many in every channel.
  [[nodiscard]] std::size_t waiting() const { return channels.front()->frames.size() / stft.bins(); }

  /// Appends the planes of all frames that are not looked at yet, see MaskEstimator::input_planes.
  void look() {
    const auto channel_share = 1 / static_cast<float>(channels.size());
    const std::size_t bins = std::min(band_bins, stft.bins());  // above the song's band there is nothing
    for (; looked_at < waiting(); ++looked_at) {
      const std::size_t first = looked_at * stft.bins();
      magnitudes.resize(magnitudes.size() + frame_values, 0.0F);
      const std::span<float> planes = std::span(magnitudes).last(frame_values);
      for (std::size_t bin = 0; bin < bins; ++bin) {
        float power = 0;
        std::complex<float> sum = 0;
        for (const auto& channel : channels) {
          const std::complex<float> value = channel->frames[first + bin];
          power += std::norm(value);
          sum += value;
        }
        power *= channel_share;
        planes[bin] = magnitude_scale * std::sqrt(power);
        if (frame_values == band_bins) continue;
        const float side_power = power - std::norm(sum * channel_share);
        planes[band_bins + bin] = magnitude_scale * std::sqrt(std::max(side_power, 0.0F));
      }
      if (magnitudes.size() == block_frames * frame_values) estimate();
    }
  }

  /// Starts on the mask of the next batch of frames, and gives the last one's to the synthesis meanwhile.
  void estimate() {
    std::optional<std::vector<float>> finished = finished_mask();
    std::swap(seen, magnitudes);
    estimating = true;
    estimation.push([this] { estimator.estimate(seen, mask); });
    magnitudes.assign(seen.begin() + static_cast<std::ptrdiff_t>(batch * frame_values), seen.end());
    if (finished) synthesise(std::move(*finished));
  }

  /// Waits for the mask that is being estimated, if there is one.
  std::optional<std::vector<float>> finished_mask() {
    if (!std::exchange(estimating, false)) return std::nullopt;
    estimation.wait();
    return std::exchange(mask, std::vector<float>(batch * band_bins));
  }

  /// Gives the oldest waiting frames to the synthesis.
  void synthesise(std::vector<float> their_mask) {
    Batch masked{
        .frames = {}, .samples = {}, .mask = std::move(their_mask), .count = std::min(batch, waiting())};
    const auto values = static_cast<std::ptrdiff_t>(masked.count * stft.bins());
    for (const auto& channel : channels) {
      masked.frames.emplace_back(channel->frames.begin(), channel->frames.begin() + values);
      channel->frames.erase(channel->frames.begin(), channel->frames.begin() + values);
      masked.samples.push_back(std::exchange(channel->samples, {}));
    }
    looked_at -= std::min(looked_at, masked.count);
    synthesiser.push([this, masked = std::move(masked)] { synthesis.push(masked); });
  }

  MaskEstimator& estimator;
  StftParameters stft;       ///< at the song's rate
  std::size_t band_bins;     ///< those that the estimator sees
  std::size_t frame_values;  ///< that it sees of a frame: its planes, side by side
  std::size_t batch;
  std::size_t block_frames;  ///< what one call of the estimator sees
  float magnitude_scale;     ///< to the level of the model's STFT
  std::vector<std::unique_ptr<ChannelFrames>> channels;
  std::size_t looked_at = 0;      ///< of the waiting frames, those whose magnitudes are below
  std::vector<float> magnitudes;  ///< of frames that are not being estimated, with the context before them
  std::vector<float> seen;        ///< by the estimator, now
  std::vector<float> mask;        ///< that it is filling
  bool estimating = false;
  Synthesis synthesis;  ///< the synthesiser's alone
  TaskThread synthesiser{1};
  TaskThread estimation{1};  ///< the threads last, so that they end before what they work on goes
};

Separator::Separator(MaskEstimator& estimator, int sample_rate_hz, int channels,
                     const SeparationSettings& settings, Sink sink)
    : impl_(std::make_unique<Impl>(estimator, sample_rate_hz, channels, settings, std::move(sink))) {}

Separator::~Separator() = default;

void Separator::push(const AudioBuffer& block) {
  for (std::size_t channel = 0; channel < impl_->channels.size(); ++channel) {
    impl_->channels[channel]->push(block.channels[channel]);
  }
  impl_->look();
}

void Separator::finish() {
  for (const auto& channel : impl_->channels) channel->finish();
  impl_->look();
  if (auto mask = impl_->finished_mask()) impl_->synthesise(std::move(*mask));
  while (impl_->waiting() > 0) {  // silence after the last frame
    impl_->magnitudes.resize(impl_->block_frames * impl_->frame_values, 0.0F);
    impl_->estimate();
    if (auto mask = impl_->finished_mask()) impl_->synthesise(std::move(*mask));
  }
  impl_->synthesiser.push([this] { impl_->synthesis.finish(); });
  impl_->synthesiser.wait();
}

}  // namespace svsep
