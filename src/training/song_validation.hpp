#pragma once

#include "network/mask/networks.hpp"
#include "recipe/mixer.hpp"
#include "training/network_input.hpp"

#include <limits>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// Means over pieces of 10 log10(|reference|^2 / |reference - estimate|^2) over samples and channels; a piece
/// whose reference is silent does not count; NaN where none does.
struct Sdr {
  double vocals_db = std::numeric_limits<double>::quiet_NaN();
  double accompaniment_db = std::numeric_limits<double>::quiet_NaN();
};

/// Separates a few whole pieces as `separate` would, because the loss alone does not say how that sounds.
class SongValidation {
 public:
  SongValidation(std::vector<Piece> pieces, const TrainableNetwork& plan, const NetworkInput& input,
                 const torch::Device& device);

  /// Without thresholds. Throws Cancelled.
  [[nodiscard]] Sdr score(MaskNetwork& network) const;

  /// For each stem the one of 0, 0.05, ..., 0.5 that gives the highest SDR; 0 unless another gains 0.05 dB.
  [[nodiscard]] Thresholds choose_thresholds(MaskNetwork& network) const;

 private:
  [[nodiscard]] torch::Tensor mask(MaskNetwork& network, const torch::Tensor& spectra) const;
  [[nodiscard]] std::vector<Sdr> scores(MaskNetwork& network, const std::vector<float>& thresholds) const;

  std::vector<Piece> pieces_;
  ModelInfo info_;
  Windows windows_;
  NetworkInput input_;
  torch::Device device_;
};

}  // namespace svsep
