#include "training/song_validation.hpp"

#include "svsep/cancellation.hpp"
#include "training/torch_stft.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace svsep {
namespace {

constexpr std::int64_t kFramesAtOnce = 512;  ///< bounds the memory of a layer's activations
constexpr double kLeastGainDb = 0.05;

/// [channels, samples]
torch::Tensor tensor_of(const AudioBuffer& audio, const torch::Device& device) {
  std::vector<torch::Tensor> channels;
  for (const std::vector<float>& channel : audio.channels) channels.push_back(torch::tensor(channel));
  return torch::stack(channels).to(device);
}

/// Mean of what is added, but for NaN.
class MeanOfNumbers {
 public:
  void add(double value) {
    if (value != value) return;
    sum_ += value;
    ++count_;
  }
  [[nodiscard]] double value() const { return sum_ / count_; }  // 0 / 0 is the NaN that is meant

 private:
  double sum_ = 0.0;
  double count_ = 0.0;
};

double sdr_db(const torch::Tensor& reference, const torch::Tensor& estimate) {
  const double signal = reference.to(torch::kDouble).square().sum().item<double>();
  const double error = (reference - estimate).to(torch::kDouble).square().sum().item<double>();
  if (signal <= 0) return std::numeric_limits<double>::quiet_NaN();
  return 10.0 * std::log10(signal / std::max(error, 1e-12 * signal));
}

}  // namespace

SongValidation::SongValidation(std::vector<Piece> pieces, const TrainableNetwork& plan,
                               const NetworkInput& input, const torch::Device& device)
    : pieces_(std::move(pieces)), info_(plan.info), windows_(plan.windows), input_(input), device_(device) {}

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

std::vector<Sdr> SongValidation::scores(MaskNetwork& network, const std::vector<float>& thresholds) const {
  const torch::NoGradGuard no_gradients;
  const StftParameters& parameters = info_.analysis.stft;
  std::vector<MeanOfNumbers> vocals_db(thresholds.size());
  std::vector<MeanOfNumbers> accompaniment_db(thresholds.size());
  for (const Piece& piece : pieces_) {
    const torch::Tensor vocals = tensor_of(piece.vocals, device_).unsqueeze(0);
    const torch::Tensor accompaniment = tensor_of(piece.accompaniment, device_).unsqueeze(0);
    const torch::Tensor mixture = stft(vocals + accompaniment, parameters);
    const torch::Tensor gains = mask(network, mixture);
    const auto score = [&](const torch::Tensor& mask, float threshold, const torch::Tensor& reference) {
      const torch::Tensor kept = mask.masked_fill(mask.lt(threshold), 0.0);
      return sdr_db(reference, inverse_stft(kept * mixture, parameters, reference.size(-1)));
    };
    for (std::size_t i = 0; i < thresholds.size(); ++i) {
      throw_if_cancelled();
      vocals_db[i].add(score(gains, thresholds[i], vocals));
      accompaniment_db[i].add(score(1 - gains, thresholds[i], accompaniment));
    }
  }
  std::vector<Sdr> result;
  for (std::size_t i = 0; i < thresholds.size(); ++i) {
    result.push_back({vocals_db[i].value(), accompaniment_db[i].value()});
  }
  return result;
}

Sdr SongValidation::score(MaskNetwork& network) const { return scores(network, {0.0F}).front(); }

Thresholds SongValidation::choose_thresholds(MaskNetwork& network) const {
  std::vector<float> thresholds;
  for (int step = 0; step <= 10; ++step) thresholds.push_back(0.05F * static_cast<float>(step));
  const std::vector<Sdr> results = scores(network, thresholds);
  const auto best = [&](double Sdr::*stem) {
    const auto highest = std::max_element(results.begin(), results.end(),
                                          [&](const Sdr& a, const Sdr& b) { return a.*stem < b.*stem; });
    const bool pays = (*highest).*stem >= results.front().*stem + kLeastGainDb;
    return pays ? thresholds[static_cast<std::size_t>(highest - results.begin())] : 0.0F;
  };
  return {.vocals = best(&Sdr::vocals_db), .accompaniment = best(&Sdr::accompaniment_db)};
}

}  // namespace svsep
