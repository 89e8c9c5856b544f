#include "training/trainer.hpp"

#include "core/atomic_file.hpp"
#include "core/log.hpp"
#include "core/progress.hpp"
#include "network/device.hpp"
#include "network/layers/dropout.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/error.hpp"
#include "training/learner.hpp"
#include "training/run.hpp"
#include "training/torch_stft.hpp"

#include <optional>
#include <spdlog/fmt/fmt.h>
#include <string>
#include <utility>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kStatisticsFrames = 20000;

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
  logger().info("measure the input's statistics");
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
    if (!options.resume && fs::exists(path)) logger().warn("will replace {}", path.string());
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
  const std::optional<InputStatistics> statistics =
      measure_statistics(options, plan.info, init ? &*init : nullptr, data, ranks);
  run({options, plan, data, outputs, device, ranks}, statistics, init ? &*init : nullptr);
}

void train(const TrainingOptions& options, TrainableNetwork plan) {
  const Ranks ranks = ranks_from_environment();
  if (ranks.rank > 0) {  // rank 0 says the same
    logger().set_level(spdlog::level::err);
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
