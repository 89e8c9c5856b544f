#include "separation/mask_separator.hpp"

#include "core/task_thread.hpp"
#include "separation/check_song.hpp"
#include "separation/queue.hpp"
#include "separation/song_stft.hpp"
#include "separation/stems.hpp"
#include "separation/synthesis.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

namespace svsep {
namespace {

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

Synthesis::Form form_of(const MaskEstimator& estimator, const SongFormat& song,
                        const SeparationSettings& settings) {
  check_song(song);
  const AnalysisParameters analysis = estimator.analysis();
  return {.stft = stft_at_rate(analysis, song.sample_rate_hz),
          .band_bins = analysis.stft.bins(),
          .song_rate_hz = song.sample_rate_hz,
          .stem_rate_hz = stem_rate_hz(song, settings),
          .channels = static_cast<std::size_t>(song.channels),
          .thresholds = settings.thresholds.value_or(estimator.thresholds()),
          .high_band = settings.high_band,
          .accompaniment = settings.accompaniment};
}

/// Picks the wanted stems in their order.
Synthesis::Sink sink_of(const std::vector<std::string>& stems, Separator::Sink sink) {
  return [stems, sink = std::move(sink)](AudioBuffer vocals, AudioBuffer accompaniment) {
    std::vector<AudioBuffer> blocks;
    for (const std::string& stem : stems) {
      blocks.push_back(std::move(stem == kVocals ? vocals : accompaniment));
    }
    sink(blocks);
  };
}

}  // namespace

struct MaskSeparator::Impl {
  Impl(MaskEstimator& mask_estimator, const Synthesis::Form& form, std::vector<std::string> wanted,
       Sink stem_sink)
      : estimator(mask_estimator),
        stem_names(std::move(wanted)),
        stft(form.stft),
        band_bins(form.band_bins),
        frame_values(estimator.input_planes() * band_bins),
        batch(estimator.batch_frames()),
        step(estimator.step_frames()),
        block_frames(2 * estimator.context_frames() + batch),
        magnitude_scale(static_cast<float>(estimator.analysis().stft.window_samples) /
                        static_cast<float>(stft.window_samples)),
        magnitudes(estimator.context_frames() * frame_values, 0.0F),  // silence before the first frame
        mask(batch * band_bins),
        synthesis(form, sink_of(stem_names, std::move(stem_sink))) {
    while (channels.size() < form.channels) channels.push_back(std::make_unique<ChannelFrames>(stft));
    magnitudes.reserve(block_frames * frame_values);
  }

  /// Frames that wait, equally many in every channel.
  [[nodiscard]] std::size_t waiting() const { return channels.front()->frames.size() / stft.bins(); }

  /// Appends the planes of all frames that are not looked at yet, see MaskEstimator::input_planes.
  void look() {
    for (; looked_at < waiting(); ++looked_at) {
      magnitudes.resize(magnitudes.size() + frame_values, 0.0F);
      look_at(looked_at * stft.bins(), std::span(magnitudes).last(frame_values));
      if (magnitudes.size() == block_frames * frame_values) estimate(batch);
    }
  }

  /// Fills the planes of the frame whose bins begin at `first` in every channel.
  void look_at(std::size_t first, std::span<float> planes) const {
    const auto channel_share = 1 / static_cast<float>(std::max<std::size_t>(1, channels.size()));
    const std::size_t bins = std::min(band_bins, stft.bins());  // above the song's band there is nothing
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
  }

  /// Starts on the mask of the next frames, and gives that of the last ones to the synthesis meanwhile.
  void estimate(std::size_t frames) {
    std::optional<std::vector<float>> finished = finished_mask();
    std::swap(seen, magnitudes);
    mask.resize(frames * band_bins);
    is_first_batch = false;
    estimating = true;
    estimation.push([this] { estimator.estimate(seen, mask); });
    magnitudes.assign(seen.begin() + static_cast<std::ptrdiff_t>(frames * frame_values), seen.end());
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
    MaskedFrames masked{
        .frames = {}, .samples = {}, .mask = std::move(their_mask), .count = std::min(batch, waiting())};
    for (const auto& channel : channels) {
      masked.frames.push_back(take_front(channel->frames, masked.count * stft.bins()));
      masked.samples.push_back(std::exchange(channel->samples, {}));
    }
    looked_at -= std::min(looked_at, masked.count);
    synthesiser.push([this, masked = std::move(masked)] { synthesis.push(masked); });
  }

  MaskEstimator& estimator;
  std::vector<std::string> stem_names;
  StftParameters stft;       ///< at the song's rate
  std::size_t band_bins;     ///< those that the estimator sees
  std::size_t frame_values;  ///< that it sees of a frame: its planes, side by side
  std::size_t batch;
  std::size_t step;
  std::size_t block_frames;  ///< what one call of the estimator sees
  float magnitude_scale;     ///< to the level of the model's STFT
  std::vector<std::unique_ptr<ChannelFrames>> channels;
  std::size_t looked_at = 0;      ///< of the waiting frames, those whose magnitudes are below
  std::vector<float> magnitudes;  ///< of frames that are not being estimated, with the context before them
  std::vector<float> seen;        ///< by the estimator, now
  std::vector<float> mask;        ///< that it is filling
  bool estimating = false;
  bool is_first_batch = true;
  Synthesis synthesis;  ///< the synthesiser's alone
  TaskThread synthesiser{1};
  TaskThread estimation{1};  ///< the threads last, so that they end before what they work on goes
};

MaskSeparator::MaskSeparator(MaskEstimator& estimator, const SongFormat& song,
                             const SeparationSettings& settings, Sink sink)
    : impl_(std::make_unique<Impl>(estimator, form_of(estimator, song, settings),
                                   choose_stems(estimator.stems(), settings.stems, false), std::move(sink))) {
}

MaskSeparator::~MaskSeparator() = default;

const std::vector<std::string>& MaskSeparator::stems() const noexcept { return impl_->stem_names; }

void MaskSeparator::push(const AudioBuffer& block) {
  check_block(block, impl_->channels.size());
  for (std::size_t channel = 0; channel < impl_->channels.size(); ++channel) {
    impl_->channels[channel]->push(block.channels[channel]);
  }
  impl_->look();
}

void MaskSeparator::finish() {
  for (const auto& channel : impl_->channels) channel->finish();
  impl_->look();
  if (auto mask = impl_->finished_mask()) impl_->synthesise(std::move(*mask));
  while (impl_->waiting() > 0) {  // silence after the last frame
    const std::size_t steps = (impl_->waiting() + impl_->step - 1) / impl_->step;
    const std::size_t frames =
        impl_->is_first_batch ? std::min(impl_->batch, steps * impl_->step) : impl_->batch;
    const std::size_t block_frames = impl_->block_frames - impl_->batch + frames;
    impl_->magnitudes.resize(block_frames * impl_->frame_values, 0.0F);
    impl_->estimate(frames);
    if (auto mask = impl_->finished_mask()) impl_->synthesise(std::move(*mask));
  }
  impl_->synthesiser.push([this] { impl_->synthesis.finish(); });
  impl_->synthesiser.wait();
}

std::vector<std::string> MaskEstimator::stems() const { return mask_stems(); }

std::unique_ptr<Separator> MaskEstimator::make_separator(const SongFormat& song,
                                                         const SeparationSettings& settings,
                                                         Separator::Sink sink) {
  return std::make_unique<MaskSeparator>(*this, song, settings, std::move(sink));
}

}  // namespace svsep
