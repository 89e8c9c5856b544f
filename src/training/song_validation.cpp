#include "training/song_validation.hpp"

#include "svsep/cancellation.hpp"
#include "training/torch_stft.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace svsep {
namespace {

constexpr std::int64_t kFramesAtOnce = 512;  ///< bounds the memory of a layer's activations
constexpr double kMinGainDb = 0.05;

/// [channels, samples]
torch::Tensor tensor_of(const AudioBuffer& audio, const torch::Device& device) {
  std::vector<torch::Tensor> channels;
  for (const std::vector<float>& channel : audio.channels) channels.push_back(torch::tensor(channel));
  return torch::stack(channels).to(device);
}

double mean_of(const std::vector<double>& values) {
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  return sum / static_cast<double>(values.size());  // 0 / 0 is the NaN that is meant
}

double median_of(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

double ratio_db(double signal, double error) {
  return 10.0 * std::log10(signal / std::max(error, 1e-12 * signal));
}

/// NaN where the reference is silent.
double sdr_db(const torch::Tensor& reference, const torch::Tensor& estimate) {
  const auto signal = reference.to(torch::kDouble).square().sum().item<double>();
  const auto error = (reference - estimate).to(torch::kDouble).square().sum().item<double>();
  return signal > 0 ? ratio_db(signal, error) : std::numeric_limits<double>::quiet_NaN();
}

/// Of one stem, over the songs so far in which it can be heard.
struct Scores {
  std::vector<double> whole_db;
  std::vector<double> median_db;

  /// [1, channels, samples] each
  void add(const torch::Tensor& reference, const torch::Tensor& estimate, std::int64_t second_samples) {
    const double song_db = sdr_db(reference, estimate);
    if (std::isnan(song_db)) return;
    whole_db.push_back(song_db);
    const std::int64_t seconds = reference.size(-1) / second_samples;
    if (seconds == 0) return median_db.push_back(song_db);
    const auto powers = [&](const torch::Tensor& x) {
      const torch::Tensor whole = x.narrow(-1, 0, seconds * second_samples).to(torch::kDouble);
      return whole.reshape({x.size(1), seconds, -1}).square().sum(torch::IntArrayRef{0, 2}).cpu();
    };
    const torch::Tensor signals = powers(reference);
    const torch::Tensor errors = powers(reference - estimate);
    std::vector<double> seconds_db;
    for (std::int64_t second = 0; second < seconds; ++second) {
      const auto signal = signals[second].item<double>();
      if (signal > 0) seconds_db.push_back(ratio_db(signal, errors[second].item<double>()));
    }
    median_db.push_back(median_of(std::move(seconds_db)));
  }
  [[nodiscard]] StemScore result() const { return {mean_of(whole_db), median_of(median_db)}; }
};

}  // namespace

SongValidation::SongValidation(ValidationSongs songs, const TrainableNetwork& plan, const NetworkInput& input,
                               const torch::Device& device)
    : songs_(std::move(songs)), info_(plan.info), windows_(plan.windows), input_(input), device_(device) {}

/// [1, channels, frames, bins] -> [frames, bins]
torch::Tensor SongValidation::mask(MaskNetwork& network, const torch::Tensor& spectra) const {
  const std::int64_t frames = spectra.size(2);
  const std::int64_t windows = (frames + windows_.hop - 1) / windows_.hop;
  const std::int64_t before = windows_.before_kept();
  const std::int64_t after = (windows - 1) * windows_.hop + windows_.frames - before - frames;
  // Silent frames stand before and after the song, as in separation.
  const torch::Tensor silence = input_.of_spectra(torch::zeros_like(spectra.narrow(2, 0, 1)))[0];
  const auto silent = [&](std::int64_t count) { return silence.repeat_interleave(count, -2); };
  const torch::Tensor x = torch::cat({silent(before), input_.of_spectra(spectra)[0], silent(after)}, -2);
  const std::int64_t windows_at_once = std::max<std::int64_t>(1, kFramesAtOnce / windows_.frames / 2);
  std::vector<torch::Tensor> masks;
  for (std::int64_t first = 0; first < windows; first += windows_at_once) {
    throw_if_cancelled();
    const std::int64_t count = std::min(windows_at_once, windows - first);
    const torch::Tensor part =
        x.narrow(-2, first * windows_.hop, (count - 1) * windows_.hop + windows_.frames);
    masks.push_back(network.masks(part, windows_));
  }
  return torch::cat(masks).narrow(0, 0, frames);
}

std::vector<SongScores> SongValidation::scores(MaskNetwork& network,
                                               const std::vector<float>& thresholds) const {
  const torch::NoGradGuard no_gradients;
  const StftParameters& parameters = info_.analysis.stft;
  std::vector<Scores> vocals_scores(thresholds.size());
  std::vector<Scores> accompaniment_scores(thresholds.size());
  for (std::size_t song = 0; song < songs_.count; ++song) {
    const Piece piece = songs_.draw(song);
    const torch::Tensor vocals = tensor_of(piece.vocals, device_).unsqueeze(0);
    const torch::Tensor accompaniment = tensor_of(piece.accompaniment, device_).unsqueeze(0);
    const torch::Tensor mixture = stft(vocals + accompaniment, parameters);
    const torch::Tensor gains = mask(network, mixture);
    const auto score = [&](const torch::Tensor& mask, float threshold, const torch::Tensor& reference,
                           Scores& scores) {
      const torch::Tensor kept = mask.masked_fill(mask.lt(threshold), 0.0);
      scores.add(reference, inverse_stft(kept * mixture, parameters, reference.size(-1)),
                 info_.analysis.sample_rate_hz);
    };
    for (std::size_t i = 0; i < thresholds.size(); ++i) {
      throw_if_cancelled();
      score(gains, thresholds[i], vocals, vocals_scores[i]);
      score(1 - gains, thresholds[i], accompaniment, accompaniment_scores[i]);
    }
  }
  std::vector<SongScores> result;
  for (std::size_t i = 0; i < thresholds.size(); ++i) {
    result.push_back({vocals_scores[i].result(), accompaniment_scores[i].result()});
  }
  return result;
}

SongScores SongValidation::score(MaskNetwork& network) const { return scores(network, {0.0F}).front(); }

Thresholds SongValidation::choose_thresholds(MaskNetwork& network) const {
  std::vector<float> thresholds;
  for (int step = 0; step <= 10; ++step) thresholds.push_back(0.05F * static_cast<float>(step));
  const std::vector<SongScores> results = scores(network, thresholds);
  const auto best = [&](StemScore SongScores::*stem) {
    const auto highest = std::max_element(
        results.begin(), results.end(),
        [&](const SongScores& a, const SongScores& b) { return (a.*stem).mean_db < (b.*stem).mean_db; });
    const bool pays = ((*highest).*stem).mean_db >= (results.front().*stem).mean_db + kMinGainDb;
    return pays ? thresholds[static_cast<std::size_t>(highest - results.begin())] : 0.0F;
  };
  return {.vocals = best(&SongScores::vocals), .accompaniment = best(&SongScores::accompaniment)};
}

}  // namespace svsep
