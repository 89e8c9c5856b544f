#pragma once

#include "network/mask/networks.hpp"
#include "training/network_input.hpp"
#include "training/training_data.hpp"

#include <limits>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// Of one stem over songs, in dB at the model's rate; NaN where it is silent in all of them. A song's SDR is
/// 10 log10(|reference|^2 / |reference - estimate|^2) over samples and channels.
struct StemScore {
  double mean_db = std::numeric_limits<double>::quiet_NaN();  ///< of whole songs' SDR (uSDR)
  /// Median over songs of their medians over seconds, which is how BSSEval v4's SDR is reported.
  double median_db = std::numeric_limits<double>::quiet_NaN();
};

struct SongScores {
  StemScore vocals;
  StemScore accompaniment;
};

/// Separates whole songs as `separate` would, because the loss alone does not say how that sounds.
class SongValidation {
 public:
  SongValidation(ValidationSongs songs, const TrainableNetwork& plan, const NetworkInput& input,
                 const torch::Device& device);

  /// Without thresholds. Throws Cancelled.
  [[nodiscard]] SongScores score(MaskNetwork& network) const;

  /// For each stem the one of 0, 0.05, ..., 0.5 that gives the highest mean; 0 unless another gains 0.05 dB.
  [[nodiscard]] Thresholds choose_thresholds(MaskNetwork& network) const;

 private:
  [[nodiscard]] torch::Tensor mask(MaskNetwork& network, const torch::Tensor& spectra) const;
  [[nodiscard]] std::vector<SongScores> scores(MaskNetwork& network,
                                               const std::vector<float>& thresholds) const;

  ValidationSongs songs_;
  ModelInfo info_;
  Windows windows_;
  NetworkInput input_;
  torch::Device device_;
};

}  // namespace svsep
