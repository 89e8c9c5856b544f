// Where a step of `svsep train` spends its time:
//
//   benchmark_training_step harmonic-unet|thesis-cnn float32|bfloat16 THREADS [DEVICE]
//
// prints the median of seven steps on one batch of noise, and each operator's share of another seven, in the
// forward pass (transforms and loss included), the backward pass and the update (clipping, optimiser,
// average). An operator's time is its own, without that of those it calls. On CUDA that is the time to launch
// it, so only the median means anything there. Data have a benchmark of their own: data_pipeline.
#include "training/learner.hpp"

#include <ATen/record_function.h>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace svsep {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kSteps = 7;
constexpr double kListedShare = 0.01;  ///< operators below it are summed up

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

using Seconds = std::map<std::pair<std::string, std::string>, double>;  ///< of phase and operator

/// Own times by phase and operator. LibTorch's callbacks are plain functions, so there is but one; all of a
/// step on the CPU runs on the thread that takes it.
class OperatorTimes {
 public:
  static OperatorTimes& instance() {
    static OperatorTimes times;
    return times;
  }

  void enter(const at::RecordFunction& function) {
    if (function.scope() == at::RecordScope::BACKWARD_FUNCTION) {
      settle("backward");  // sums of gradients between the functions, too
      backward_seen_ = true;
    }
    calls_.push_back({Clock::now(), 0.0});
  }

  void leave(const at::RecordFunction& function) {
    const Call call = calls_.back();
    calls_.pop_back();
    const double seconds = seconds_since(call.start);
    if (!calls_.empty()) calls_.back().inside_s += seconds;
    const bool backward = function.scope() == at::RecordScope::BACKWARD_FUNCTION;
    const std::string name = backward ? "(autograd)" : function.name();
    if (!backward_seen_) {
      seconds_[{"forward", name}] += seconds - call.inside_s;
    } else {
      unsettled_[name] += seconds - call.inside_s;
      if (backward) settle("backward");
    }
  }

  void end_step() {
    settle("update");
    backward_seen_ = false;
  }

  [[nodiscard]] const Seconds& seconds() const { return seconds_; }

 private:
  struct Call {
    Clock::time_point start;
    double inside_s;
  };

  void settle(const char* phase) {
    for (const auto& [name, seconds] : unsettled_) seconds_[{phase, name}] += seconds;
    unsettled_.clear();
  }

  std::vector<Call> calls_;
  bool backward_seen_ = false;
  std::map<std::string, double> unsettled_;  ///< of the backward pass or the update: what follows will tell
  Seconds seconds_;
};

std::unique_ptr<at::ObserverContext> enter(const at::RecordFunction& function) {
  OperatorTimes::instance().enter(function);
  return nullptr;
}

void leave(const at::RecordFunction& function, at::ObserverContext* /*context*/) {
  OperatorTimes::instance().leave(function);
}

/// As large as `svsep train` has them by default: 8 stretches of 4 s, or 128 windows.
Batch noise_batch(const ModelInfo& info, bool stretches) {
  torch::manual_seed(1);
  if (stretches) {
    const auto channels = info.sizes.contains("input_planes") ? 2 : 1;
    const auto stems = [&] { return 0.1 * torch::randn({8, channels, 4 * info.analysis.sample_rate_hz}); };
    return StretchBatch{stems(), stems(), {}};
  }
  const auto bins = static_cast<std::int64_t>(info.analysis.stft.bins());
  const auto frames = static_cast<std::int64_t>(info.window_frames);
  return WindowBatch{
      torch::randn({128, frames, bins}), torch::rand({128, frames, bins}).gt(0.7).to(torch::kUInt8), {}};
}

struct Row {
  std::string phase;
  std::string name;
  double seconds;
};

/// The phases, and below each its operators, each from the longest to the shortest.
std::vector<Row> table_rows(double total_s) {
  std::map<std::string, Row> phases, rest;
  std::vector<Row> rows;
  for (const auto& [key, seconds] : OperatorTimes::instance().seconds()) {
    const auto& [phase, name] = key;
    const auto add = [&, &phase = phase, seconds = seconds](std::map<std::string, Row>& sums,
                                                            const char* sum_name) {
      sums.try_emplace(phase, Row{phase, sum_name, 0.0}).first->second.seconds += seconds;
    };
    add(phases, "all");
    if (seconds < kListedShare * total_s) {
      add(rest, "others");
    } else {
      rows.push_back({phase, name, seconds});
    }
  }
  for (const auto& sums : {phases, rest}) {
    for (const auto& [phase, row] : sums) rows.push_back(row);
  }
  std::sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    const auto key = [&](const Row& row) {
      return std::tuple(-phases.at(row.phase).seconds, row.name == "others", -row.seconds);
    };
    return key(a) < key(b);
  });
  return rows;
}

void run(const TrainingOptions& options) {
  torch::set_num_threads(options.threads);
  const torch::Device device(options.device);
  TrainableNetwork plan = trainable(options.architecture);
  plan.info.input_transform = options.input_transform;
  const auto bins = static_cast<std::int64_t>(plan.info.analysis.stft.bins());
  const InputStatistics statistics{torch::zeros({bins}), torch::ones({bins})};
  const NetworkInput input(plan.info, statistics, device);
  Learner learner(options, plan, input, device);
  const Batch batch = noise_batch(plan.info, options.architecture != kThesisCnn);

  Means means;
  const auto step = [&] {
    const auto start = Clock::now();
    learner.learn(batch, means);
    if (device.is_cuda()) learner.settle(means);  // waits for it
    const double seconds = seconds_since(start);
    OperatorTimes::instance().end_step();
    return seconds;
  };
  for (int i = 0; i < 3; ++i) step();
  std::vector<double> seconds(kSteps);
  std::generate(seconds.begin(), seconds.end(), step);
  std::nth_element(seconds.begin(), seconds.begin() + kSteps / 2, seconds.end());
  std::printf("%s, %s, %d threads: %.0f ms a step\n\n", options.architecture.c_str(),
              options.amp ? "bfloat16" : "float32", options.threads, 1e3 * seconds[kSteps / 2]);
  if (device.is_cuda()) return;

  const at::CallbackHandle handle = at::addThreadLocalCallback(at::RecordFunctionCallback(enter, leave));
  double total_s = 0.0;
  for (int i = 0; i < kSteps; ++i) total_s += step();
  at::removeCallback(handle);
  std::puts("| phase | operator | ms | % |\n|---|---|-:|-:|");
  for (const Row& row : table_rows(total_s)) {
    std::printf("| %s | %s | %.1f | %.0f |\n", row.phase.c_str(), row.name.c_str(),
                1e3 * row.seconds / kSteps, 100 * row.seconds / total_s);
  }
}

}  // namespace
}  // namespace svsep

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto among = [&](std::size_t i, const char* one, const char* other) {
    return arguments[i] == one || arguments[i] == other;
  };
  if (arguments.size() < 3 || arguments.size() > 4 || !among(0, "harmonic-unet", "thesis-cnn") ||
      !among(1, "float32", "bfloat16")) {
    std::fprintf(stderr,
                 "benchmark_training_step harmonic-unet|thesis-cnn float32|bfloat16 THREADS [DEVICE]\n");
    return 2;
  }
  svsep::TrainingOptions options;
  options.architecture = arguments[0];
  options.amp = arguments[1] == "bfloat16";
  options.threads = std::atoi(arguments[2].c_str());
  options.device = arguments.size() == 4 ? arguments[3] : "cpu";
  if (options.architecture != svsep::kThesisCnn) {  // what `svsep train` sets for the others
    options.loss = svsep::Loss::waveform;
    options.ema_decay = 0.9985;
    options.clip_norm = 5;
  }
  svsep::run(options);
}
