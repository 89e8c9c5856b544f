#pragma once

#include "network/published/chunk_network.hpp"
#include "svsep/chunk_estimator.hpp"
#include "svsep/model_file.hpp"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// How a published network runs.
struct ChunkEstimatorOptions {
  torch::Device device = torch::kCPU;
  torch::ScalarType compute_type = torch::kFloat;  ///< see ChunkNetwork::prepare
  std::optional<double> overlap = {};              ///< share of a chunk, 0 to 0.99; absent: the model's
  std::vector<std::string> stems = {};             ///< that will be wanted, see SeparationSettings::stems
};

/// The stems of a published network from a model file. Where a CUDA device has too little memory for a batch
/// of chunks, the batch is halved.
class TorchChunkEstimator : public ChunkEstimator {
 public:
  /// Throws Error: model (not one this version knows), usage (the overlap, a stem that the model cannot
  /// give).
  TorchChunkEstimator(const ModelFile& file, const ChunkEstimatorOptions& options);

  [[nodiscard]] const ChunkParameters& chunks() const noexcept override { return chunks_; }
  [[nodiscard]] ChunkEnds ends() const noexcept override { return ends_; }
  [[nodiscard]] std::size_t batch_chunks() const noexcept override { return batch_chunks_; }
  /// Throws Error(usage) where a stem is wanted that the constructor was not told of.
  void want(const std::vector<bool>& wanted) override;
  /// Throws Error(model) also where the weights make the network answer with what is no number.
  void estimate(std::span<const float> mixture, std::span<float> stems) override;

 private:
  void run(std::span<const float> mixture, std::span<float> stems);
  template <typename Got>
  [[noreturn]] void fail(const std::string& expected, const Got& got) const;

  std::filesystem::path path_;  ///< for errors
  ChunkParameters chunks_;
  ChunkEnds ends_;
  torch::Device device_;
  std::vector<bool> kept_;  ///< of the model's stems, those that the network gives
  std::size_t batch_chunks_;
  std::shared_ptr<ChunkNetwork> network_;
};

}  // namespace svsep
