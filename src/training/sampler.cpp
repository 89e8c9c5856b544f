#include "training/sampler.hpp"

#include "model/input_transform.hpp"
#include "svsep/core/error.hpp"
#include "svsep/core/log.hpp"
#include "svsep/core/rng.hpp"
#include "svsep/dsp/resampler.hpp"
#include "svsep/dsp/stft.hpp"
#include "svsep/media/stem_file.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

namespace svsep {
inline namespace before_the_mixer {
namespace {

constexpr double kSilentRms = 1e-3;                   // -60 dBFS
constexpr std::uint64_t kDrawsPerTrack = 20;          // then even one good track among many was met
constexpr std::uint64_t kShuffle = ~std::uint64_t{};  // a key that no draw uses

/// Adds a channel of a stem to `sum`, which grows to hold it; a stem of fewer channels repeats them.
void add_stem(const Track& track, Stem stem, const TimeRange& range, std::size_t channel,
              std::vector<float>& sum, std::optional<int>& sample_rate_hz) {
  Decoder decoder = open_stem(track.path, stem, range);
  if (sample_rate_hz.value_or(decoder.sample_rate_hz()) != decoder.sample_rate_hz()) {
    throw Error(ErrorKind::input, "cannot use track: " + track.path.string() +
                                      ": sample rates of its streams; expected one, got " +
                                      std::to_string(*sample_rate_hz) + " and " +
                                      std::to_string(decoder.sample_rate_hz()));
  }
  sample_rate_hz = decoder.sample_rate_hz();
  const AudioBuffer audio = read_all(decoder);
  const std::vector<float>& samples = audio.channels[channel % audio.channels.size()];
  sum.resize(std::max(sum.size(), samples.size()));
  std::transform(samples.begin(), samples.end(), sum.begin(), sum.begin(), std::plus<>());
}

std::vector<float> resample(const std::vector<float>& samples, int from_hz, int to_hz) {
  std::vector<float> result;
  Resampler resampler(from_hz, to_hz, [&](std::span<const float> block) {
    result.insert(result.end(), block.begin(), block.end());
  });
  resampler.push(samples);
  resampler.finish();
  return result;
}

double mixture_rms(const std::vector<float>& vocals, const std::vector<float>& accompaniment) {
  const double power =
      std::transform_reduce(vocals.begin(), vocals.end(), accompaniment.begin(), 0.0, std::plus<>(),
                            [](float v, float a) { return (double{v} + a) * (double{v} + a); });
  return std::sqrt(power / static_cast<double>(std::max<std::size_t>(1, vocals.size())));
}

torch::Tensor stack(const Batch& batch, torch::Tensor Piece::*what) {
  std::vector<torch::Tensor> views;
  views.reserve(batch.windows.size());
  for (const Window& window : batch.windows) {
    views.push_back(((*window.piece).*what).narrow(0, window.first_frame, batch.window_frames));
  }
  return torch::stack(views);
}

}  // namespace

torch::Tensor Batch::inputs() const { return stack(*this, &Piece::input); }
torch::Tensor Batch::labels() const { return stack(*this, &Piece::label); }

std::set<std::string> Batch::tracks() const {
  std::set<std::string> names;
  for (const Window& window : windows) names.insert(window.piece->track);
  return names;
}

Piece prepare(const std::string& track, const std::vector<float>& vocals,
              const std::vector<float>& accompaniment, const Preparation& preparation) {
  const ModelInfo& model = preparation.model;
  const StftParameters& parameters = model.analysis.stft;
  const std::size_t bins = parameters.bins();
  const std::size_t frames = parameters.frames(vocals.size());
  std::vector<std::complex<float>> vocal_spectra;
  vocal_spectra.reserve(frames * bins);
  Stft vocal_stft(parameters, [&](Spectrum frame) {
    vocal_spectra.insert(vocal_spectra.end(), frame.begin(), frame.end());
  });
  vocal_stft.push(vocals);
  vocal_stft.finish();

  const std::array shape = {static_cast<std::int64_t>(frames), static_cast<std::int64_t>(bins)};
  const torch::Tensor magnitudes = torch::empty(shape, torch::kFloat);
  const torch::Tensor label = torch::empty(shape, torch::kByte);
  auto* magnitude = magnitudes.data_ptr<float>();
  auto* wins = label.data_ptr<std::uint8_t>();
  std::size_t at = 0;
  Stft accompaniment_stft(parameters, [&](Spectrum frame) {
    for (const std::complex<float> a : frame) {
      const std::complex<float> v = vocal_spectra[at];
      const float mixture_power = std::norm(v + a);
      magnitude[at] = std::sqrt(mixture_power);
      const float other = preparation.label == Label::mixture ? mixture_power : std::norm(a);
      wins[at++] = std::norm(v) > other ? 1 : 0;
    }
  });
  accompaniment_stft.push(accompaniment);
  accompaniment_stft.finish();
  if (model.input_transform == InputTransform::magnitude) return {track, magnitudes, label};
  const torch::Tensor gains = frame_gains(magnitudes, model.level_radius_frames);
  return {track, log_compress(magnitudes, gains, model.log_floor), label};
}

Sampler::Sampler(const std::vector<Track>& tracks, Preparation preparation, std::uint64_t seed)
    : tracks_(tracks), preparation_(std::move(preparation)), seed_(seed) {
  for (const Track& track : tracks_) durations_s_.push_back(common_duration_s(track));
}

double Sampler::total_seconds() const noexcept {
  return std::accumulate(durations_s_.begin(), durations_s_.end(), 0.0);
}

Piece Sampler::piece(std::uint64_t epoch, std::uint64_t index) {
  const int rate_hz = preparation_.model.analysis.sample_rate_hz;
  std::string obstacle;
  for (std::uint64_t attempt = 0; attempt < kDrawsPerTrack * tracks_.size(); ++attempt) {
    Rng rng({seed_, epoch, index, attempt});
    const std::size_t number = rng.below(tracks_.size());
    const std::size_t channel = rng.below(2);
    const double start_s = rng.uniform(0.0, std::max(0.0, durations_s_[number] - kPieceSeconds));
    const Track& track = tracks_[number];
    try {
      const TimeRange range{start_s, start_s + kPieceSeconds};
      std::vector<float> vocals;
      std::vector<float> accompaniment;
      std::optional<int> source_hz;
      add_stem(track, Stem::vocals, range, channel, vocals, source_hz);
      for (const Stem stem : {Stem::drums, Stem::bass, Stem::other}) {
        add_stem(track, stem, range, channel, accompaniment, source_hz);
      }
      const std::size_t samples = std::max(vocals.size(), accompaniment.size());
      vocals.resize(samples);
      accompaniment.resize(samples);
      vocals = resample(vocals, *source_hz, rate_hz);
      accompaniment = resample(accompaniment, *source_hz, rate_hz);
      if (preparation_.model.analysis.stft.frames(vocals.size()) < preparation_.model.window_frames) {
        obstacle = "a piece of " + track.path.string() + " is shorter than a window";
      } else if (mixture_rms(vocals, accompaniment) < kSilentRms) {
        obstacle = "a piece of " + track.path.string() + " is silent";
      } else {
        return prepare(track.name, vocals, accompaniment, preparation_);
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::input) throw;
      obstacle = error.what();
      if (warned_of_.insert(track.name).second) spdlog::warn("skipped: {}", obstacle);
    }
  }
  throw Error(ErrorKind::input, "cannot draw a piece of audio from " + std::to_string(tracks_.size()) +
                                    " tracks in " + std::to_string(kDrawsPerTrack * tracks_.size()) +
                                    " draws; the last one: " + obstacle);
}

void Sampler::push_batches(std::uint64_t epoch, std::int64_t count, std::size_t batch_size,
                           int pieces_in_pool, const Push& push) {
  const auto window_frames = static_cast<std::int64_t>(preparation_.model.window_frames);
  std::vector<Window> pool;
  for (std::uint64_t index = 0; count > 0;) {
    for (int i = 0; i < pieces_in_pool; ++i) {
      const auto next = std::make_shared<const Piece>(piece(epoch, index++));
      for (std::int64_t t = 0; t + window_frames <= next->input.size(0); t += window_frames - 1) {
        pool.push_back({next, t});
      }
    }
    Rng rng({seed_, epoch, index, kShuffle});
    for (std::size_t i = pool.size(); i > 1; --i) std::swap(pool[i - 1], pool[rng.below(i)]);
    for (; pool.size() >= batch_size && count > 0; --count) {
      const auto first = pool.end() - static_cast<std::ptrdiff_t>(batch_size);
      if (!push({{first, pool.end()}, window_frames})) return;
      pool.erase(first, pool.end());
    }
  }
}

BatchQueue::BatchQueue(std::size_t capacity, std::function<void(const Sampler::Push&)> produce)
    : thread_([this, capacity, produce = std::move(produce)](const std::stop_token& stop) {
        std::exception_ptr error;
        try {
          produce([&](Batch batch) {
            std::unique_lock lock(mutex_);
            if (!changed_.wait(lock, stop, [&] { return batches_.size() < capacity; })) return false;
            batches_.push_back(std::move(batch));
            changed_.notify_all();
            return !stop.stop_requested();
          });
        } catch (...) {
          error = std::current_exception();
        }
        const std::lock_guard lock(mutex_);
        error_ = error;
        finished_ = true;
        changed_.notify_all();
      }) {}

Batch BatchQueue::pop() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return finished_ || !batches_.empty(); });
  if (batches_.empty()) {
    if (error_) std::rethrow_exception(error_);
    throw Error(ErrorKind::runtime, "the data ended before the training");
  }
  Batch batch = std::move(batches_.front());
  batches_.pop_front();
  changed_.notify_all();
  return batch;
}

}  // namespace before_the_mixer
}  // namespace svsep
