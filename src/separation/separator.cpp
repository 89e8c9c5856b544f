#include "svsep/separation/separator.hpp"

#include "svsep/core/error.hpp"
#include "svsep/dsp/resampler.hpp"
#include "svsep/dsp/stft.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace svsep {
namespace {

constexpr int kMaxSampleRateHz = 768'000;

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

/// Runs one task at a time on a thread of its own: always the same one, since OpenMP keeps a team of threads
/// for every thread that calls it.
class Worker {
 public:
  Worker() : thread_([this] { run(); }) {}
  ~Worker() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// The previous task must have ended. What the task throws, the future does.
  std::future<void> start(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    task_ = std::packaged_task<void()>(std::move(task));
    changed_.notify_all();
    return task_.get_future();
  }

 private:
  void run() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ends_ || task_.valid(); });
      if (ends_) return;
      std::packaged_task<void()> task = std::exchange(task_, {});
      lock.unlock();
      task();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::packaged_task<void()> task_;
  bool ends_ = false;
  std::thread thread_;  // last: it uses the others
};

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

/// One channel: its frames on their way in, its stems on their way out.
class Channel {
 public:
  /// `subtracts`: the accompaniment is the mixture less the vocals.
  Channel(const StftParameters& stft, int song_rate_hz, int stem_rate_hz, bool subtracts)
      : vocals(stft, song_rate_hz, stem_rate_hz),
        accompaniment(stft, song_rate_hz, stem_rate_hz),
        subtracts_(subtracts),
        to_frames_(stft, [this](Spectrum frame) { append(frames, frame); }) {}
  Channel(const Channel&) = delete;  // the stages' sinks point into this object
  Channel& operator=(const Channel&) = delete;

  void push(std::span<const float> samples) {
    samples_ += samples.size();
    if (subtracts_) append(mixture_, samples);
    to_frames_.push(samples);
  }
  void finish_frames() { to_frames_.finish(); }

  /// Takes the oldest waiting frame.
  void mask(Masker& masker, Spectrum frame, std::span<const float> mask) {
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

  std::vector<std::complex<float>> frames;  ///< of the mixture, that no mask was made for yet
  StemPath vocals;
  StemPath accompaniment;

 private:
  bool subtracts_;
  std::size_t samples_ = 0;     ///< of the song, so far
  std::vector<float> mixture_;  ///< samples that no stems were made of yet, where they are subtracted from
  Stft to_frames_;
};

/// Where the two masks add up to 1, the difference is the same as the masked frames, and cheaper.
bool subtracts(const SeparationSettings& settings) {
  const Thresholds& thresholds = settings.thresholds;
  return settings.accompaniment == AccompanimentSource::residual ||
         (thresholds.vocals <= 0 && thresholds.accompaniment <= 0 && settings.high_band != HighBand::drop);
}

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
        sink(std::move(stem_sink)),
        stft(stft_at_rate(estimator.analysis(), checked_rate(sample_rate_hz))),
        band_bins(estimator.analysis().stft.bins()),
        frame_values(estimator.input_planes() * band_bins),
        batch(estimator.batch_frames()),
        block_frames(2 * estimator.context_frames() + batch),
        magnitude_scale(static_cast<float>(estimator.analysis().stft.window_samples) /
                        static_cast<float>(stft.window_samples)),
        masker(settings, band_bins, stft.bins()),
        magnitudes(estimator.context_frames() * frame_values, 0.0F),  // silence before the first frame
        mask(batch * band_bins) {
    const int stem_rate_hz =
        settings.output_sample_rate_hz == 0 ? sample_rate_hz : settings.output_sample_rate_hz;
    for (int channel = 0; channel < channel_count; ++channel) {
      channels.push_back(std::make_unique<Channel>(stft, sample_rate_hz, stem_rate_hz, subtracts(settings)));
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

  /// Starts on the mask of the next batch of frames, while the caller goes on with those before and after it.
  void estimate() {
    mask_frames();
    std::swap(seen, magnitudes);
    magnitudes.assign(seen.begin() + static_cast<std::ptrdiff_t>(batch * frame_values), seen.end());
    estimation = worker.start([this] { estimator.estimate(seen, mask); });
  }

  /// Waits for the mask that is being estimated, if there is one, and applies it to the oldest waiting
  /// frames.
  void mask_frames() {
    if (!estimation.valid()) return;
    estimation.get();
    const std::size_t frames = std::min(batch, waiting());
    for (const auto& channel : channels) {
      for (std::size_t frame = 0; frame < frames; ++frame) {
        channel->mask(masker, Spectrum(channel->frames).subspan(frame * stft.bins(), stft.bins()),
                      std::span<const float>(mask).subspan(frame * band_bins, band_bins));
      }
      drop_front(channel->frames, frames * stft.bins());
      channel->hand_on();
    }
    looked_at -= std::min(looked_at, frames);
  }

  /// Hands on as many samples as all channels have.
  void deliver() {
    std::size_t samples = channels.front()->vocals.ready.size();
    for (const auto& channel : channels) {
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
    for (const auto& channel : channels) {
      vocals.channels.push_back(take(channel->vocals.ready));
      accompaniment.channels.push_back(take(channel->accompaniment.ready));
    }
    sink(vocals, accompaniment);
  }

  MaskEstimator& estimator;
  Sink sink;
  StftParameters stft;       ///< at the song's rate
  std::size_t band_bins;     ///< those that the estimator sees
  std::size_t frame_values;  ///< that it sees of a frame: its planes, side by side
  std::size_t batch;
  std::size_t block_frames;  ///< what one call of the estimator sees
  float magnitude_scale;     ///< to the level of the model's STFT
  Masker masker;
  std::vector<std::unique_ptr<Channel>> channels;
  std::size_t looked_at = 0;      ///< of the waiting frames, those whose magnitudes are below
  std::vector<float> magnitudes;  ///< of frames that are not being estimated, with the context before them
  std::vector<float> seen;        ///< by the estimator, now
  std::vector<float> mask;        ///< that it is filling
  std::future<void> estimation;
  Worker worker;  ///< last, so that it ends before what it works on goes
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
  impl_->deliver();
}

void Separator::finish() {
  for (const auto& channel : impl_->channels) channel->finish_frames();
  impl_->look();
  impl_->mask_frames();
  while (impl_->waiting() > 0) {  // silence after the last frame
    impl_->magnitudes.resize(impl_->block_frames * impl_->frame_values, 0.0F);
    impl_->estimate();
    impl_->mask_frames();
  }
  for (const auto& channel : impl_->channels) channel->finish();
  impl_->deliver();
}

}  // namespace svsep
