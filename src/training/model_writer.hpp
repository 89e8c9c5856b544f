#pragma once

#include "network/mask/networks.hpp"
#include "svsep/training.hpp"
#include "training/learner.hpp"
#include "training/network_input.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace svsep {

/// Weights, and what the model file says of them.
struct Weights {
  std::vector<torch::Tensor> state;  ///< state_of() the network, on the CPU; empty: there are none yet
  std::string training;
};

/// The network's weights, copied to the CPU.
[[nodiscard]] Weights weights_of(const MaskNetwork& network, std::string training);

/// Writes a run's weights as model files.
class ModelWriter {
 public:
  /// `options` and `plan` must outlive the object; `data` is what the file says of the data, `statistics`
  /// those of the input where the network sees more than bare magnitudes.
  ModelWriter(std::filesystem::path path, const TrainingOptions& options, const TrainableNetwork& plan,
              std::string data, std::optional<InputStatistics> statistics);

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  /// Throws Error(output).
  void write(const Weights& weights, const Thresholds& thresholds) const;
  /// A network with these weights, on the CPU, that does not learn.
  [[nodiscard]] std::shared_ptr<MaskNetwork> network_of(const Weights& weights) const;
  /// How a run of these options came to where it is, in one line.
  [[nodiscard]] std::string summary(std::int64_t steps, const std::string& state) const;

 private:
  std::filesystem::path path_;
  const TrainingOptions& options_;
  const TrainableNetwork& plan_;
  std::string data_;
  std::optional<InputStatistics> statistics_;
};

}  // namespace svsep
