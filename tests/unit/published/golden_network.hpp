#pragma once

#include "network/mask/mask_network.hpp"
#include "network/published/families.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// A tiny network of tests/golden with a mixture and its authors' stems for it.
struct GoldenNetwork {
  explicit GoldenNetwork(const std::string& name)
      : file(std::filesystem::path(SVSEP_GOLDEN_DIR) / (name + ".safetensors")),
        network(make_published_network(file.info())) {
    load_parameters(*network, file);
    network->prepare(torch::kFloat);
    const ChunkParameters& chunks = *file.info().chunks;
    const auto channels = static_cast<std::int64_t>(chunks.channels);
    const auto samples = static_cast<std::int64_t>(chunks.chunk_samples);
    mixture = tensor("input.golden", {channels, samples});
    stems = tensor("input.golden_stems", {std::ssize(chunks.stems), channels, samples});
  }

  [[nodiscard]] torch::Tensor tensor(const std::string& name, const std::vector<std::int64_t>& shape) const {
    return torch::tensor(file.values(name, shape)).view(shape);
  }

  /// The greatest difference from the authors' stems, relative to their peak.
  [[nodiscard]] double difference(const torch::Tensor& estimate) const {
    return ((estimate - stems).abs().max() / stems.abs().max()).item<double>();
  }

  ModelFile file;
  std::shared_ptr<ChunkNetwork> network;
  torch::Tensor mixture, stems;
};

}  // namespace svsep
