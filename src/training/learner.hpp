#pragma once

#include "network/mask/networks.hpp"
#include "svsep/training.hpp"
#include "training/batches.hpp"
#include "training/losses.hpp"
#include "training/network_input.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// Loss and accuracy as means over batches.
struct Means {
  double loss_sum = 0.0;
  double accuracy_sum = 0.0;
  std::int64_t batches = 0;

  [[nodiscard]] double loss() const { return loss_sum / static_cast<double>(batches); }
  [[nodiscard]] double accuracy() const { return accuracy_sum / static_cast<double>(batches); }
};

/// The learning rate of a step, from 0, of the training proper.
[[nodiscard]] double learning_rate(const TrainingOptions& options, std::int64_t step);

/// Steps of Pretraining::autoencoder: an epoch's.
[[nodiscard]] std::int64_t pretraining_steps(const TrainingOptions& options);

/// The tensors that are a network's state, parameters first.
[[nodiscard]] std::vector<torch::Tensor> state_of(const torch::nn::Module& network);

/// The network, its optimiser and its average, and how they meet a batch.
class Learner {
 public:
  /// Averages tensors over the ranks of a run, in place.
  using Average = std::function<void(const std::vector<torch::Tensor>&)>;

  Learner(const TrainingOptions& options, const TrainableNetwork& plan, const NetworkInput& input,
          const torch::Device& device, Average average = {});

  /// Begins with the weights of a file of plan's architecture; `batch` is a typical one. Throws Error(model).
  void adopt(const ModelFile& file, const Batch& batch);

  /// One step of the optimiser. What it came to is added to `means` some batches later, so that a GPU need
  /// not wait. Throws Error(runtime) naming the pieces where the loss is not finite.
  void learn(const Batch& batch, Means& means);
  /// The same without a step, with the averaged weights.
  void validate(const Batch& batch, Means& means);
  /// Adds what is still to be added. Throws as learn() does.
  void settle(Means& means);

  /// The means over the ranks take the place of what the batch normalisation of each has seen.
  void average_buffers();

  /// The network that is validated and stored, in evaluation mode: the average, where there is one.
  [[nodiscard]] MaskNetwork& result();

  /// The tensors of the network and, where there is one, of its average.
  [[nodiscard]] std::vector<torch::Tensor> state() const;

  /// Steps since the start, those of the pretraining too.
  [[nodiscard]] std::int64_t steps() const noexcept { return steps_; }

  void save(torch::serialize::OutputArchive& archive) const;
  /// Throws c10::Error where the archive does not fit.
  void load(torch::serialize::InputArchive& archive);

 private:
  struct Outcome {
    torch::Tensor loss;
    torch::Tensor accuracy;  // undefined where the loss compares no masks
  };
  struct Pending {
    Outcome outcome;
    std::set<std::string> names;
    std::int64_t steps;  // before it
  };

  [[nodiscard]] Outcome outcome(const Batch& batch, MaskNetwork& network);
  [[nodiscard]] Outcome outcome(const WindowBatch& batch, MaskNetwork& network);
  [[nodiscard]] Outcome outcome(const StretchBatch& batch, MaskNetwork& network);
  [[nodiscard]] torch::Tensor logits(const torch::Tensor& inputs, MaskNetwork& network);
  [[nodiscard]] torch::Tensor to_device(const torch::Tensor& tensor) const;
  [[nodiscard]] bool pretrains() const { return steps_ < pretraining_steps(options_); }
  void add(Outcome outcome, const Batch& batch, Means& means);
  void clip_gradients();
  void update_average();

  const TrainingOptions& options_;
  ModelInfo info_;
  NetworkInput input_;
  torch::Device device_;
  Average average_over_ranks_;
  std::shared_ptr<MaskNetwork> network_;
  std::shared_ptr<MaskNetwork> average_;  // none where nothing is averaged
  std::optional<torch::optim::AdamW> optimiser_;
  bool in_bfloat16_;  // where that is safe
  std::int64_t steps_ = 0;
  std::vector<Pending> pending_;
};

}  // namespace svsep
