#pragma once

#include "network/published/product.hpp"

#include <cstdint>
#include <string>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// A band: consecutive bins of a spectrum. Bands may overlap.
struct Band {
  std::int64_t first_bin = 0;
  std::int64_t bins = 0;
};

/// Features of each band from its bins: a norm and a dense layer of its own.
class BandSplit {
 public:
  /// A spectrum has `values` real values per bin (real and imaginary parts of every channel).
  BandSplit(torch::nn::Module& root, const std::vector<Band>& bands, std::int64_t values,
            std::int64_t features);

  void prepare(torch::ScalarType type);
  /// [frames, bins, values], contiguous, float32 -> [frames, bands, features], float32.
  [[nodiscard]] torch::Tensor apply(const torch::Tensor& spectrum) const;

 private:
  struct Part {
    Band band;
    torch::Tensor gamma, weight, bias;
    Product product;
  };
  std::int64_t features_;
  std::vector<Part> parts_;
};

struct MaskHeadSizes {
  std::int64_t features = 0;
  std::int64_t hidden = 0;
  std::int64_t hidden_layers = 0;
};

/// A complex mask from the features of each band: dense layers of its own with tanh between them, and a gated
/// linear unit. Where bands overlap, the mask is the mean of theirs.
class MaskEstimatorHead {
 public:
  MaskEstimatorHead(torch::nn::Module& root, const std::string& name, const std::vector<Band>& bands,
                    std::int64_t values, const MaskHeadSizes& sizes);

  void prepare(torch::ScalarType type);
  /// [frames, bands, features] -> [frames, bins, values], float32.
  [[nodiscard]] torch::Tensor apply(const torch::Tensor& features) const;

 private:
  struct Layer {
    torch::Tensor weight, bias;
    Product product;
  };
  struct Part {
    Band band;
    std::vector<Layer> layers;
  };
  [[nodiscard]] static torch::Tensor estimate(const Part& part, const torch::Tensor& features);

  std::int64_t values_;
  std::vector<Part> parts_;
  torch::Tensor bands_per_bin_;  ///< [bins, 1]
};

}  // namespace svsep
