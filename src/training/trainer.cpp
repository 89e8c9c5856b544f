#include "training/trainer.hpp"

#include "dataset/musdb.hpp"
#include "model/device.hpp"
#include "model/input_transform.hpp"
#include "svsep/core/atomic_file.hpp"
#include "svsep/core/cancellation.hpp"
#include "svsep/core/error.hpp"
#include "svsep/core/log.hpp"
#include "svsep/core/progress.hpp"
#include "training/history.hpp"
#include "training/sampler.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>
#include <spdlog/fmt/fmt.h>
#include <string>
#include <utility>
#include <vector>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr int kStatisticsPieces = 8;  // four minutes: thousands of frames a bin
constexpr double kLowestDeviation =
    0.1;  // of log magnitudes; a bin that was always empty must not explode later
constexpr std::uint64_t kValidationEpoch = 0;  // training's epochs count from 1

/// Loss and accuracy as means over batches.
class Mean {
 public:
  void add(double loss, double accuracy) {
    loss_ += loss;
    accuracy_ += accuracy;
    ++batches_;
  }
  [[nodiscard]] double loss() const { return loss_ / batches_; }
  [[nodiscard]] double accuracy() const { return accuracy_ / batches_; }

 private:
  double loss_ = 0.0;
  double accuracy_ = 0.0;
  int batches_ = 0;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::vector<std::string> names(const std::vector<Track>& tracks) {
  std::vector<std::string> result;
  for (const Track& track : tracks) result.push_back(track.name);
  return result;
}

/// The tracks that can be opened; the others are named in a warning.
std::vector<Track> readable(const std::vector<Track>& tracks) {
  std::vector<Track> result;
  for (const Track& track : tracks) {
    try {
      static_cast<void>(common_duration_s(track));
      result.push_back(track);
    } catch (const Error& error) {
      spdlog::warn("left out: {}", error.what());
    }
  }
  return result;
}

/// Per bin, over the first pieces of the first epoch; rounded as the model file holds them.
InputStatistics measure_statistics(Sampler& sampler) {
  torch::Tensor sum;
  torch::Tensor squares;
  std::int64_t frames = 0;
  for (std::uint64_t index = 0; index < kStatisticsPieces; ++index) {
    throw_if_cancelled();
    const torch::Tensor input = sampler.piece(1, index).input.to(torch::kDouble);
    sum = index == 0 ? input.sum(0) : sum + input.sum(0);
    squares = index == 0 ? input.square().sum(0) : squares + input.square().sum(0);
    frames += input.size(0);
  }
  const torch::Tensor mean = sum / frames;
  const torch::Tensor deviation = (squares / frames - mean.square()).clamp_min(0).sqrt();
  return {mean.to(torch::kHalf).to(torch::kFloat),
          deviation.clamp_min(kLowestDeviation).to(torch::kHalf).to(torch::kFloat)};
}

/// The tracks of a run, and what the model file says of them.
struct Dataset {
  Sampler training;
  Sampler validation;
  std::string description;
};

Dataset open_dataset(const TrainingOptions& options, const ModelInfo& model) {
  const Split split = split_tracks(readable(list_tracks(options.musdb, Subset::train)));
  Dataset dataset{{split.training, {model, options.label}, options.seed},
                  {split.validation, {model, options.label}, options.seed},
                  {}};
  spdlog::info("train on {} tracks, {:.2f} hours: {}", split.training.size(),
               dataset.training.total_seconds() / 3600, fmt::join(names(split.training), "; "));
  spdlog::info("validate on {} tracks, {:.2f} hours ({}): {}", split.validation.size(),
               dataset.validation.total_seconds() / 3600,
               split.predefined ? "MUSDB18's own choice" : "the last seventh by name",
               fmt::join(names(split.validation), "; "));
  const fs::path folder = fs::weakly_canonical(options.musdb).filename();
  dataset.description = fmt::format("{}: {} tracks to train on, {} to validate on", folder.string(),
                                    split.training.size(), split.validation.size());
  return dataset;
}

/// Where the history goes; both outputs are writable. Throws Error: output, usage.
fs::path check_outputs(const TrainingOptions& options) {
  const fs::path history =
      options.history.empty() ? fs::path(options.output).replace_extension(".csv") : options.history;
  if (history == options.output) {
    throw Error(ErrorKind::usage,
                "cannot train: --output and --history are the same file: " + history.string());
  }
  const AtomicFile writable_output(options.output);
  const AtomicFile writable_history(history);
  if (fs::exists(options.output)) {
    spdlog::warn("will replace {} after the first epoch", options.output.string());
  }
  return history;
}

/// The network, its optimiser, and how both meet a batch.
class Learner {
 public:
  Learner(const TrainingOptions& options, const ThesisCnnSizes& sizes, ModelInfo info,
          std::optional<InputStatistics> statistics, const torch::Device& device)
      : options_(options),
        info_(std::move(info)),
        statistics_(std::move(statistics)),
        device_(device),
        network_(sizes) {
    network_->to(device_);
    if (device_.is_cpu()) {  // on one core, 5 to 7 % less time a step with LibTorch 1.13 and 2.11
      for (torch::Tensor& parameter : network_->parameters()) {
        if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
      }
    }
    if (statistics_) {
      on_device_ = InputStatistics{statistics_->mean.to(device_), statistics_->scale.to(device_)};
    }
    optimiser_.emplace(network_->parameters(), torch::optim::AdamOptions(options.learning_rate));
  }

  /// One step of the optimiser. Throws Error(runtime) naming the tracks where the loss is not finite.
  void learn(const Batch& batch, Mean& mean) {
    network_->train();
    const torch::Tensor loss = evaluate(batch, mean);
    optimiser_->zero_grad();
    loss.backward();
    optimiser_->step();
    ++steps_;
  }

  void validate(const Batch& batch, Mean& mean) {
    const torch::NoGradGuard no_gradients;
    network_->eval();
    evaluate(batch, mean);
  }

  /// Writes the model file; `state` says how far the training had come.
  void save(const std::string& state) {
    info_.training =
        fmt::format("binary cross-entropy, Adam {}, batches of {} windows, {} steps, seed {}; {}",
                    options_.learning_rate, options_.batch_size, steps_, options_.seed, state);
    std::vector<NamedTensor> tensors = named_tensors(*network_);
    if (statistics_) {
      for (NamedTensor& tensor : named_tensors(*statistics_)) tensors.push_back(std::move(tensor));
    }
    write_model_file(options_.output, info_, tensors, TensorType::float16);
    saved_ = true;
  }

  [[nodiscard]] long long steps() const noexcept { return steps_; }
  [[nodiscard]] bool saved() const noexcept { return saved_; }

 private:
  /// The batch's binary cross-entropy, which it adds to `mean` with the binary accuracy.
  torch::Tensor evaluate(const Batch& batch, Mean& mean) {
    torch::Tensor inputs = to_device(batch.inputs());
    const torch::Tensor labels = to_device(batch.labels()).to(torch::kFloat);
    if (on_device_) inputs = standardise(inputs, *on_device_);
    const torch::Tensor logits = network_->forward(inputs);
    torch::Tensor loss = torch::binary_cross_entropy_with_logits(logits, labels);
    if (!std::isfinite(loss.item<double>())) {
      throw Error(
          ErrorKind::runtime,
          fmt::format("cannot go on training: the loss after {} steps is not finite; its batch is of: {}",
                      steps_, fmt::join(batch.tracks(), "; ")));
    }
    mean.add(loss.item<double>(),
             logits.detach().gt(0).eq(labels.gt(0.5)).to(torch::kFloat).mean().item<double>());
    return loss;
  }

  [[nodiscard]] torch::Tensor to_device(const torch::Tensor& tensor) const {
    // Only pinned memory is copied beside the computation.
    return device_.is_cuda() ? tensor.pin_memory().to(device_, /*non_blocking=*/true) : tensor;
  }

  const TrainingOptions& options_;
  ModelInfo info_;
  std::optional<InputStatistics> statistics_;  // log_level only
  torch::Device device_;
  std::optional<InputStatistics> on_device_;
  ThesisCnn network_;
  std::optional<torch::optim::Adam> optimiser_;
  long long steps_ = 0;
  bool saved_ = false;
};

ModelInfo describe(const TrainingOptions& options, const ThesisCnnSizes& sizes) {
  ModelInfo info;
  state_sizes(sizes, info);
  info.input_transform = options.input_transform;
  info.label = options.label == Label::mixture ? "mixture" : "accompaniment";
  // The thesis' thresholds suit the thesis' masks; an accurate mask loses by any.
  if (options.label == Label::mixture && options.input_transform == InputTransform::magnitude) {
    info.thresholds = {0.15F, 0.8F};
  }
  info.licence = "unstated: see the licence of the data";
  return info;
}

/// Batches that one pool of full-length pieces gives.
std::size_t batches_in_pool(const TrainingOptions& options, const ModelInfo& info) {
  const double frames =
      kPieceSeconds * info.analysis.sample_rate_hz / static_cast<double>(info.analysis.stft.hop_samples);
  const double windows = options.tracks_in_batch * frames / static_cast<double>(info.window_frames - 1);
  return static_cast<std::size_t>(windows / options.batch_size) + 1;
}

}  // namespace

void train(const TrainingOptions& options) { train(options, {}); }

void train(const TrainingOptions& options, const ThesisCnnSizes& sizes) {
  const fs::path history_path = check_outputs(options);
  set_threads(options.threads);
  const torch::Device device = choose_device(options.device);
  log_device(device, options.device);
  torch::manual_seed(options.seed);
  at::globalContext().setDeterministicCuDNN(true);

  ModelInfo info = describe(options, sizes);
  Dataset data = open_dataset(options, info);
  info.data = data.description;
  std::optional<InputStatistics> statistics;
  if (info.input_transform == InputTransform::log_level) {
    spdlog::info("measure the input's statistics on {} pieces", kStatisticsPieces);
    statistics = measure_statistics(data.training);
  }
  const int validation_steps = std::max(1, options.steps_per_epoch / 5);
  const auto batch_size = static_cast<std::size_t>(options.batch_size);
  BatchQueue queue(batches_in_pool(options, info), [&](const Sampler::Push& push) {
    for (int epoch = 1; epoch <= options.epochs; ++epoch) {
      data.training.push_batches(static_cast<std::uint64_t>(epoch), options.steps_per_epoch, batch_size,
                                 options.tracks_in_batch, push);
      data.validation.push_batches(kValidationEpoch, validation_steps, batch_size, options.tracks_in_batch,
                                   push);
    }
  });
  Learner learner(options, sizes, info, statistics, device);
  History history(history_path);
  EarlyStopping stopping(options.patience);
  const int steps_an_epoch = options.steps_per_epoch + validation_steps;
  Progress progress("training", static_cast<double>(options.epochs) * steps_an_epoch);
  spdlog::info("begin: {} epochs of {} steps and {} for validation; the model is stored as float16",
               options.epochs, options.steps_per_epoch, validation_steps);
  try {
    for (int epoch = 1; epoch <= options.epochs && !stopping.exhausted(); ++epoch) {
      const auto start = std::chrono::steady_clock::now();
      Mean trained;
      Mean validated;
      for (int step = 1; step <= steps_an_epoch; ++step) {
        const bool learning = step <= options.steps_per_epoch;
        const Batch batch = queue.pop();
        if (learning) {
          learner.learn(batch, trained);
        } else {
          learner.validate(batch, validated);
        }
        spdlog::debug("step {} of {}: mean loss {:.4f}", step, steps_an_epoch,
                      (learning ? trained : validated).loss());
        throw_if_cancelled();
        progress.update((epoch - 1.0) * steps_an_epoch + step,
                        fmt::format("epoch {}, loss {:.4f}, {:.2f} steps/s", epoch,
                                    (learning ? trained : validated).loss(), step / seconds_since(start)));
      }
      const EpochRecord record{epoch,
                               learner.steps(),
                               trained.loss(),
                               trained.accuracy(),
                               validated.loss(),
                               validated.accuracy(),
                               seconds_since(start),
                               options.learning_rate};
      history.append(record);
      const bool better = stopping.improved(record.validation_loss);
      if (better) {
        learner.save(fmt::format("epoch {} of at most {}: validation loss {:.4f}, accuracy {:.4f}", epoch,
                                 options.epochs, record.validation_loss, record.validation_accuracy));
      }
      progress.clear();
      spdlog::info("epoch {}: loss {:.4f}, accuracy {:.4f}; validation loss {:.4f}, accuracy {:.4f}; {}{}",
                   epoch, record.train_loss, record.train_accuracy, record.validation_loss,
                   record.validation_accuracy, format_duration(record.seconds),
                   better ? "; the best so far, stored" : "");
    }
  } catch (const Cancelled&) {
    progress.clear();
    if (!learner.saved() && learner.steps() > 0) learner.save("stopped before the first validation");
    if (learner.saved()) spdlog::info("stopped; {} holds the best weights so far", options.output.string());
    throw;
  }
}

}  // namespace svsep
