#include "training/run.hpp"

#include "core/log.hpp"
#include "core/progress.hpp"
#include "core/text.hpp"
#include "svsep/cancellation.hpp"
#include "training/checkpoint.hpp"
#include "training/history.hpp"
#include "training/learner.hpp"
#include "training/model_writer.hpp"
#include "training/song_validation.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <spdlog/fmt/fmt.h>
#include <string>

namespace svsep {
namespace {

constexpr int kStepsPerValidationStep = 20;
constexpr std::int64_t kStepsBetweenAgreements = 10;  ///< of several ranks, on whether to stop

/// The minutes of --max-minutes are over.
struct TimeIsUp {};

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Learner::Average average_of(ProcessGroup& ranks) {
  if (ranks.world_size() == 1) return {};
  return [&ranks](const std::vector<torch::Tensor>& tensors) { ranks.average(tensors); };
}

/// One run: the loop, and the state that a checkpoint holds.
class Run {
 public:
  Run(const RunParts& parts, const std::optional<InputStatistics>& statistics)
      : options_(parts.options),
        data_(parts.data),
        device_(parts.device),
        ranks_(parts.ranks),
        outputs_(parts.outputs),
        writer_(outputs_.model, options_, parts.plan, data_.description, statistics),
        input_(parts.plan.info, statistics, device_),
        learner_(options_, parts.plan, input_, device_, average_of(ranks_)),
        songs_(data_.validation_songs, parts.plan, input_, device_),
        settings_(settings_of(options_, data_.identity)),
        history_(outputs_.history),
        stopping_(options_.patience),
        progress_("training", static_cast<double>(options_.epochs * (steps_ + validation_steps_))) {}

  /// Goes on from the checkpoint.
  void resume() {
    read_checkpoint(outputs_.checkpoint, settings_, device_, [&](auto& archive) { load(archive); });
    logger().info("go on from {}: epoch {}, batch {}", outputs_.checkpoint.string(), epoch_, batch_);
  }

  /// Begins with the weights of a model file.
  void begin_with(const ModelFile& file) {
    learner_.adopt(file, data_.training(1, 0, 1)());
    logger().info("begin with {}", file.path().string());
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
      best_ =
          weights_of(learner_.result(),
                     summary(fmt::format("epoch {}: validation loss {:.4f}, uSDR of vocals {:.2f} dB", epoch_,
                                         record.validation_loss, record.validation_sdr_vocals_db)));
    }
    if (leads()) {
      if (better) writer_.write(best_, {});
      history_.append(record);
    }
    progress_.clear();
    logger().info(
        "epoch {}: loss {:.4f}; validation loss {:.4f}, mean uSDR {:.2f} and median SDR {:.2f} dB vocals, "
        "{:.2f} and {:.2f} dB accompaniment; {}, {:.0f} % of it waiting for data{}",
        epoch_, record.train_loss, record.validation_loss, scores.vocals.mean_db, scores.vocals.median_db,
        scores.accompaniment.mean_db, scores.accompaniment.median_db, format_duration(record.seconds),
        100 * waited_s_ / record.seconds, better ? "; the best so far, stored" : "");
  }

  void next_epoch() {
    if (epoch_ == 0) logger().info("autoencoder: loss {:.4f}", trained_.loss());
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
    const std::shared_ptr<MaskNetwork> network = writer_.network_of(best_);
    network->to(device_);
    const Thresholds thresholds = songs_.choose_thresholds(*network);
    writer_.write(best_, thresholds);
    progress_.clear();
    logger().info("done; thresholds {:.2f} for vocals, {:.2f} for accompaniment suit {}", thresholds.vocals,
                  thresholds.accompaniment, outputs_.model.string());
  }

  /// Keeps what a run that ends before its time has.
  void stop(const std::string& why) {
    learner_.settle(batch_ <= steps_ ? trained_ : validated_);
    save();
    progress_.clear();
    if (!leads()) return;
    if (best_.state.empty() && learner_.steps() > 0) {
      writer_.write(weights_of(learner_.result(), summary("stopped before the first validation")), {});
    } else if (!best_.state.empty()) {
      writer_.write(best_, {});
    }
    if (learner_.steps() > 0) {
      logger().info(
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
    logger().debug("step {} of {}", batch_, steps_ + validation_steps_);
    const std::string loss = means.batches == 0 ? "" : fmt::format("loss {:.4f}, ", means.loss());
    progress_.update(static_cast<double>(std::max(0, epoch_ - 1) * (steps_ + validation_steps_) + batch_),
                     fmt::format("epoch {}, {}{:.2f} steps/s", epoch_, loss,
                                 static_cast<double>(batch_) / seconds_since(epoch_start_)));
  }

  [[nodiscard]] std::string summary(const std::string& state) const {
    return writer_.summary(learner_.steps(), state);
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
  const TrainingData& data_;
  torch::Device device_;
  ProcessGroup& ranks_;
  const Outputs& outputs_;
  ModelWriter writer_;
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
  Weights best_;
  double seconds_before_ = 0.0;  // of this epoch, in the run that was resumed

  Clock::time_point run_start_ = Clock::now();
  Clock::time_point epoch_start_ = run_start_;
  double waited_s_ = 0.0;
  std::int64_t batches_taken_ = 0;
  Progress progress_;
};

}  // namespace

void run(const RunParts& parts, const std::optional<InputStatistics>& statistics, const ModelFile* init) {
  Run run(parts, statistics);
  if (parts.options.resume) {
    run.resume();
  } else if (init != nullptr) {
    run.begin_with(*init);
  }
  const TrainingOptions& options = parts.options;
  logger().info("train {} for {} epochs of {} steps; the model is stored as float16",
                parts.plan.info.architecture, options.epochs, options.steps_per_epoch);
  run.train();
}

}  // namespace svsep
