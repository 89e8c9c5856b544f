#include "training/trainer.hpp"

#include "core/atomic_file.hpp"
#include "core/log.hpp"
#include "core/progress.hpp"
#include "core/text.hpp"
#include "network/device.hpp"
#include "network/layers/dropout.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/error.hpp"
#include "training/checkpoint.hpp"
#include "training/history.hpp"
#include "training/learner.hpp"
#include "training/song_validation.hpp"
#include "training/torch_stft.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <limits>
#include <optional>
#include <spdlog/fmt/fmt.h>
#include <string>
#include <utility>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kStatisticsFrames = 20000;
constexpr int kStepsPerValidationStep = 20;
constexpr std::int64_t kStepsBetweenAgreements = 10;  ///< of several ranks, on whether to stop

/// The minutes of --max-minutes are over.
struct TimeIsUp {};

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The model file to begin with, of the same architecture and input. Throws Error(model).
std::optional<ModelFile> open_init(const TrainingOptions& options, const ModelInfo& info) {
  if (options.init.empty()) return {};
  ModelFile file(options.init);
  check_architecture(file, info.architecture);
  if (file.info().input_transform != info.input_transform) {
    throw Error(ErrorKind::model, "cannot begin with the model: " + options.init.string() +
                                      ": what its network sees; expected that of --input, got another");
  }
  return file;
}

/// Those of `init`, else of the first batches of the first epoch; none where the network sees bare
/// magnitudes.
std::optional<InputStatistics> measure_statistics(const TrainingOptions& options, const ModelInfo& info,
                                                  const ModelFile* init, const TrainingData& data,
                                                  ProcessGroup& ranks) {
  if (info.input_transform == InputTransform::magnitude) return {};
  if (init != nullptr) return load_statistics(*init);
  spdlog::info("measure the input's statistics");
  const NetworkInput input(info, {}, torch::kCPU);
  StatisticsMeter meter;
  const TrainingData::Next next = data.training(1, 0, options.steps_per_epoch);
  for (int batch = 0;
       batch < options.steps_per_epoch && meter.frames() * ranks.world_size() < kStatisticsFrames; ++batch) {
    throw_if_cancelled();
    const Batch some = next();
    if (const auto* windows = std::get_if<WindowBatch>(&some)) {
      meter.add(windows->inputs);
    } else {
      const auto& stretches = std::get<StretchBatch>(some);
      meter.add(input.of_spectra(stft(stretches.vocals + stretches.accompaniment, info.analysis.stft)));
    }
  }
  return statistics_of(ranks.sum(meter.moments()));
}

Learner::Average average_of(ProcessGroup& ranks) {
  if (ranks.world_size() == 1) return {};
  return [&ranks](const std::vector<torch::Tensor>& tensors) { ranks.average(tensors); };
}

std::string label_of(const TrainingOptions& options) {
  if (options.loss != Loss::bce) return options.loss == Loss::l1 ? "l1" : "waveform";
  return options.label == Label::accompaniment ? "accompaniment"
         : options.label == Label::mixture     ? "mixture"
                                               : "ratio";
}

/// Weights that were validated, and what the model file says of them. None before the first validation.
struct Best {
  std::vector<torch::Tensor> state;  ///< state_of() the network, on the CPU
  std::string training;
};

/// One run: the loop, and the state that a checkpoint holds.
class Run {
 public:
  Run(const TrainingOptions& options, const TrainableNetwork& plan, const TrainingData& data,
      const torch::Device& device, ProcessGroup& ranks, Outputs outputs,
      std::optional<InputStatistics> statistics)
      : options_(options),
        plan_(plan),
        data_(data),
        device_(device),
        ranks_(ranks),
        outputs_(std::move(outputs)),
        statistics_(std::move(statistics)),
        input_(plan.info, statistics_, device),
        learner_(options, plan, input_, device, average_of(ranks)),
        songs_(data.validation_songs, plan, input_, device),
        settings_(settings_of(options, data.identity)),
        history_(outputs_.history),
        stopping_(options.patience),
        progress_("training", static_cast<double>(options.epochs * (steps_ + validation_steps_))) {}

  /// Goes on from the checkpoint.
  void resume() {
    read_checkpoint(outputs_.checkpoint, settings_, device_, [&](auto& archive) { load(archive); });
    spdlog::info("go on from {}: epoch {}, batch {}", outputs_.checkpoint.string(), epoch_, batch_);
  }

  /// Begins with the weights of a model file.
  void begin_with(const ModelFile& file) {
    learner_.adopt(file, data_.training(1, 0, 1)());
    spdlog::info("begin with {}", file.path().string());
  }

  void train() {
    ranks_.broadcast(learner_.state());  // whatever each has drawn or read
    try {
      for (; epoch_ <= options_.epochs && !stopping_.exhausted(); next_epoch()) {
        epoch_start_ = Clock::now();
        take_batches(data_.training, 0, steps_, [&](const Batch& batch) { learner_.learn(batch, trained_); });
        learner_.settle(trained_);
        if (epoch_ == 0) continue;  // of the pretraining
        learner_.average_buffers();
        take_batches(data_.validation, steps_, validation_steps_,
                     [&](const Batch& batch) { learner_.validate(batch, validated_); });
        learner_.settle(validated_);
        finish_epoch();
      }
      finish();
    } catch (const TimeIsUp&) {
      stop(fmt::format("{} minutes are over", *options_.max_minutes));
    } catch (const Cancelled&) {
      stop("stopped");
      throw;
    }
  }

 private:
  [[nodiscard]] bool leads() const { return ranks_.rank() == 0; }

  /// Those of the epoch's batches that are `first` to `first + count - 1` and not yet taken.
  template <typename Take>
  void take_batches(const TrainingData::Open& open, std::int64_t first, std::int64_t count,
                    const Take& take) {
    const std::int64_t end = first + count;
    if (batch_ >= end) return;
    const TrainingData::Next next = open(epoch_, batch_ - first, end - batch_);
    while (batch_ < end) {
      const auto start = Clock::now();
      const Batch batch = next();
      waited_s_ += seconds_since(start);
      take(batch);
      ++batch_;
      show_progress();
      stop_where_asked();
    }
  }

  void finish_epoch() {
    const SongScores scores = songs_.score(learner_.result());
    const EpochRecord record{static_cast<double>(epoch_),
                             static_cast<double>(learner_.steps()),
                             trained_.loss(),
                             trained_.accuracy(),
                             validated_.loss(),
                             validated_.accuracy(),
                             scores.vocals.mean_db,
                             scores.accompaniment.mean_db,
                             scores.vocals.median_db,
                             scores.accompaniment.median_db,
                             learning_rate(options_, learner_.steps() - pretraining_steps(options_) - 1),
                             seconds_before_ + seconds_since(epoch_start_)};
    const bool better = stopping_.improved(record.validation_loss);
    if (better) {
      best_.state.clear();
      for (const torch::Tensor& tensor : state_of(learner_.result())) {
        best_.state.push_back(tensor.detach().to(torch::kCPU, tensor.scalar_type(), false, /*copy=*/true));
      }
      best_.training = summary(fmt::format("epoch {}: validation loss {:.4f}, uSDR of vocals {:.2f} dB",
                                           epoch_, record.validation_loss, record.validation_sdr_vocals_db));
    }
    if (leads()) {
      if (better) write_model(best_, {});
      history_.append(record);
    }
    progress_.clear();
    spdlog::info(
        "epoch {}: loss {:.4f}; validation loss {:.4f}, mean uSDR {:.2f} and median SDR {:.2f} dB vocals, "
        "{:.2f} and {:.2f} dB accompaniment; {}, {:.0f} % of it waiting for data{}",
        epoch_, record.train_loss, record.validation_loss, scores.vocals.mean_db, scores.vocals.median_db,
        scores.accompaniment.mean_db, scores.accompaniment.median_db, format_duration(record.seconds),
        100 * waited_s_ / record.seconds, better ? "; the best so far, stored" : "");
  }

  void next_epoch() {
    if (epoch_ == 0) spdlog::info("autoencoder: loss {:.4f}", trained_.loss());
    ++epoch_;
    batch_ = 0;
    trained_ = {};
    validated_ = {};
    seconds_before_ = 0.0;
    waited_s_ = 0.0;
    epoch_start_ = Clock::now();
    save();
    ranks_.barrier();  // of rank 0, which writes, and the others
  }

  /// The thresholds that suit the best weights go into the model file.
  void finish() {
    if (!leads() || best_.state.empty()) return;
    const std::shared_ptr<MaskNetwork> network = network_of(best_.state);
    network->to(device_);
    const Thresholds thresholds = songs_.choose_thresholds(*network);
    write_model(best_, thresholds);
    progress_.clear();
    spdlog::info("done; thresholds {:.2f} for vocals, {:.2f} for accompaniment suit {}", thresholds.vocals,
                 thresholds.accompaniment, outputs_.model.string());
  }

  /// Keeps what a run that ends before its time has.
  void stop(const std::string& why) {
    learner_.settle(batch_ <= steps_ ? trained_ : validated_);
    save();
    progress_.clear();
    if (!leads()) return;
    if (best_.state.empty() && learner_.steps() > 0) {
      write_model({state_of(learner_.result()), summary("stopped before the first validation")}, {});
    } else if (!best_.state.empty()) {
      write_model(best_, {});
    }
    if (learner_.steps() > 0) {
      spdlog::info(
          "{} in epoch {} after {} steps; {} holds the best weights so far, and --resume goes on from {}",
          why, epoch_, learner_.steps(), outputs_.model.string(), outputs_.checkpoint.string());
    }
  }

  void stop_where_asked() {
    if (ranks_.world_size() > 1 && ++batches_taken_ % kStepsBetweenAgreements != 0) return;
    const bool over = options_.max_minutes && seconds_since(run_start_) > 60 * *options_.max_minutes;
    const int signal = cancellation_signal();
    const std::vector<double> asked = ranks_.sum({over ? 1.0 : 0.0, signal != 0 ? 1.0 : 0.0});
    if (asked[1] > 0) throw Cancelled(signal != 0 ? signal : SIGTERM);  // of another rank
    if (asked[0] > 0) throw TimeIsUp{};
  }

  void show_progress() {
    const bool learns = batch_ <= steps_;
    const Means& means = learns ? trained_ : validated_;
    spdlog::debug("step {} of {}", batch_, steps_ + validation_steps_);
    progress_.update(static_cast<double>(std::max(0, epoch_ - 1) * (steps_ + validation_steps_) + batch_),
                     fmt::format("epoch {}, loss {:.4f}, {:.2f} steps/s", epoch_, means.loss(),
                                 static_cast<double>(batch_) / seconds_since(epoch_start_)));
  }

  [[nodiscard]] std::string summary(const std::string& state) const {
    return fmt::format("{} loss, AdamW {}, batches of {}, {} steps, seed {}; {}",
                       options_.loss == Loss::bce ? "binary cross-entropy" : label_of(options_),
                       options_.learning_rate, options_.batch_size, learner_.steps(), options_.seed, state);
  }

  [[nodiscard]] std::shared_ptr<MaskNetwork> network_of(const std::vector<torch::Tensor>& state) const {
    const torch::NoGradGuard no_gradients;
    std::shared_ptr<MaskNetwork> network = plan_.make();
    const std::vector<torch::Tensor> to = state_of(*network);
    for (std::size_t i = 0; i < to.size(); ++i) to[i].copy_(state[i]);
    network->eval();
    return network;
  }

  void write_model(const Best& weights, const Thresholds& thresholds) const {
    ModelInfo info = plan_.info;
    info.label = label_of(options_);
    info.thresholds = thresholds;
    info.training = weights.training;
    info.data = data_.description;
    info.licence = "unstated: see the licence of the data";
    std::vector<NamedTensor> tensors = network_of(weights.state)->stored_tensors();
    if (statistics_) {
      for (NamedTensor& tensor : named_tensors(*statistics_)) tensors.push_back(std::move(tensor));
    }
    write_model_file(outputs_.model, info, tensors, TensorType::float16);
  }

  void save() const {
    if (!leads()) return;
    write_checkpoint(outputs_.checkpoint, settings_, [&](torch::serialize::OutputArchive& archive) {
      learner_.save(archive);
      archive.write("position", c10::IValue(std::vector<std::int64_t>{epoch_, batch_, trained_.batches,
                                                                      validated_.batches,
                                                                      stopping_.state().epochs_without}));
      archive.write(
          "sums", c10::IValue(std::vector<double>{
                      trained_.loss_sum, trained_.accuracy_sum, validated_.loss_sum, validated_.accuracy_sum,
                      stopping_.state().lowest, seconds_before_ + seconds_since(epoch_start_)}));
      archive.write("history", c10::IValue(history_.text()));
      archive.write("best", c10::IValue(best_.state));
      archive.write("best_training", c10::IValue(best_.training));
    });
  }

  void load(torch::serialize::InputArchive& archive) {
    const auto read = [&](const char* name) {
      c10::IValue value;
      archive.read(name, value);
      return value;
    };
    learner_.load(archive);
    const std::vector<std::int64_t> position = read("position").toIntVector();
    const std::vector<double> sums = read("sums").toDoubleVector();
    TORCH_CHECK(position.size() == 5 && sums.size() == 6, "numbers of the run's position");
    epoch_ = static_cast<int>(position[0]);
    batch_ = position[1];
    trained_ = {sums[0], sums[1], position[2]};
    validated_ = {sums[2], sums[3], position[3]};
    stopping_.restore({static_cast<int>(position[4]), sums[4]});
    seconds_before_ = sums[5];
    history_.restore(read("history").toStringRef());
    best_ = {read("best").toTensorVector(), read("best_training").toStringRef()};
    TORCH_CHECK(best_.state.empty() || best_.state.size() == state_of(learner_.result()).size(),
                "tensors of the best weights");
  }

  const TrainingOptions& options_;
  const TrainableNetwork& plan_;
  const TrainingData& data_;
  torch::Device device_;
  ProcessGroup& ranks_;
  Outputs outputs_;
  std::optional<InputStatistics> statistics_;  // log_level only
  NetworkInput input_;
  Learner learner_;
  SongValidation songs_;
  Settings settings_;
  const std::int64_t steps_ = options_.steps_per_epoch;
  const std::int64_t validation_steps_ = std::max(1, options_.steps_per_epoch / kStepsPerValidationStep);
  // What follows, and the learner, is the state that a checkpoint holds.
  int epoch_ = options_.pretraining == Pretraining::autoencoder ? 0 : 1;
  std::int64_t batch_ = 0;  // of the epoch: first those to learn from, then those to validate with
  Means trained_;
  Means validated_;
  History history_;
  EarlyStopping stopping_;
  Best best_;
  double seconds_before_ = 0.0;  // of this epoch, in the run that was resumed

  Clock::time_point run_start_ = Clock::now();
  Clock::time_point epoch_start_ = run_start_;
  double waited_s_ = 0.0;
  std::int64_t batches_taken_ = 0;
  Progress progress_;
};

}  // namespace

Outputs check_outputs(const TrainingOptions& options) {
  const auto beside = [&](const fs::path& chosen, const char* extension) {
    return chosen.empty() ? fs::path(options.output).replace_extension(extension) : chosen;
  };
  const Outputs outputs{options.output, beside(options.history, ".csv"),
                        beside(options.checkpoint, ".checkpoint")};
  const std::pair<const char*, fs::path> files[] = {
      {"--output", outputs.model}, {"--history", outputs.history}, {"--checkpoint", outputs.checkpoint}};
  for (const auto& [name, path] : files) {
    for (const auto& [other, other_path] : files) {
      if (name != other && path == other_path) {
        throw Error(ErrorKind::usage,
                    fmt::format("cannot train: {} and {} are the same file: {}", name, other, path.string()));
      }
    }
    const AtomicFile writable(path);
    if (!options.resume && fs::exists(path)) spdlog::warn("will replace {}", path.string());
  }
  return outputs;
}

void train(const TrainingOptions& options, const TrainableNetwork& plan, const TrainingData& data,
           const Outputs& outputs, const torch::Device& device, ProcessGroup& ranks) {
  torch::manual_seed(options.seed);
  if (device.is_cuda()) at::globalContext().setBenchmarkCuDNN(true);
  if (options.amp && device.is_cuda()) {
    at::globalContext().setAllowTF32CuBLAS(true);
    at::globalContext().setAllowTF32CuDNN(true);
  }
  const std::optional<ModelFile> init = open_init(options, plan.info);
  std::optional<InputStatistics> statistics =
      measure_statistics(options, plan.info, init ? &*init : nullptr, data, ranks);
  Run run(options, plan, data, device, ranks, outputs, std::move(statistics));
  if (options.resume) {
    run.resume();
  } else if (init) {
    run.begin_with(*init);
  }
  spdlog::info("train {} for {} epochs of {} steps; the model is stored as float16", plan.info.architecture,
               options.epochs, options.steps_per_epoch);
  run.train();
}

void train(const TrainingOptions& options, TrainableNetwork plan) {
  const Ranks ranks = ranks_from_environment();
  if (ranks.rank > 0) {  // rank 0 says the same
    spdlog::set_level(spdlog::level::err);
    show_progress(false);
  }
  BatchRange share;
  share.batch_size = options.batch_size;
  share.ranks = ranks.world_size;
  check_shares(share);
  const Outputs outputs = check_outputs(options);  // before the data, which take long
  set_threads(options.threads);
  const torch::Device device = choose_device(options.device, ranks);
  log_device(device, options.device);
  ProcessGroup group(ranks, device);
  set_part_of_batch(ranks.rank, ranks.world_size);
  plan.info.input_transform = options.input_transform;
  static_cast<void>(open_init(options, plan.info));  // says what is wrong before the data, which take long
  const TrainingData data = open_data(options, plan.info, group.rank(), group.world_size(), device.is_cuda());
  group.barrier();  // of ranks that decoded and those that did not
  train(options, plan, data, outputs, device, group);
}

void train(const TrainingOptions& options) { train(options, trainable(options.architecture)); }

}  // namespace svsep
