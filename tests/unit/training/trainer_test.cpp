#include "training/trainer.hpp"

#include "core/log.hpp"
#include "fake_data.hpp"
#include "network/mask/torch_mask_estimator.hpp"
#include "support/dataset.hpp"
#include "svsep/cancellation.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <spdlog/sinks/base_sink.h>
#include <sstream>
#include <utility>

namespace svsep {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using testing::HasSubstr;
using testing::SizeIs;

/// A run of two epochs of three steps.
TrainingOptions quick(const fs::path& output) {
  TrainingOptions options;
  options.output = output;
  options.epochs = 2;
  options.steps_per_epoch = 3;
  options.batch_size = 4;
  options.learning_rate = 3e-3;
  return options;
}

/// All of the machinery at once.
TrainingOptions elaborate(const fs::path& output) {
  TrainingOptions options = quick(output);
  options.architecture = kHarmonicUnet;
  options.loss = Loss::waveform;
  options.pretraining = Pretraining::autoencoder;
  options.warmup_steps = 2;
  options.weight_decay = 1e-2;
  options.ema_decay = 0.9;
  options.clip_norm = 5;
  return options;
}

void run(const TrainingOptions& options, int threads = 1) {
  const bool unet = options.architecture == kHarmonicUnet;
  TrainableNetwork plan = unet ? test::tiny_unet() : test::tiny_cnn();
  plan.info.input_transform = options.input_transform;
  ProcessGroup alone({}, torch::kCPU);
  torch::set_num_threads(threads);
  train(options, plan, test::fake_data(!unet), check_outputs(options), torch::kCPU, alone);
}

std::string bytes_of(const fs::path& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::vector<std::vector<std::string>> rows_of(const fs::path& csv) {
  std::ifstream file(csv);
  std::string line;
  std::vector<std::vector<std::string>> rows;
  while (std::getline(file, line)) {
    std::stringstream cells(line);
    auto& row = rows.emplace_back();
    for (std::string cell; std::getline(cells, cell, ',');) row.push_back(cell);
  }
  rows.erase(rows.begin());
  return rows;
}

/// The CSV but for its last column, the seconds.
std::string untimed(const fs::path& csv) {
  std::string text;
  for (const auto& row : rows_of(csv)) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i) text += row[i] + ",";
    text += "\n";
  }
  return text;
}

void expect_equal_runs(const fs::path& one, const fs::path& other) {
  EXPECT_EQ(bytes_of(one), bytes_of(other));
  const auto csv = [](const fs::path& model) { return fs::path(model).replace_extension(".csv"); };
  EXPECT_EQ(untimed(csv(one)), untimed(csv(other)));
  EXPECT_NE(untimed(csv(one)), "");
}

TEST(Train, LowersTheLossAndWritesARowAnEpoch) {
  const test::TemporaryFolder folder;
  TrainingOptions options = quick(folder / "model.safetensors");
  options.epochs = 3;
  options.steps_per_epoch = 20;
  run(options);
  const auto rows = rows_of(folder / "model.csv");
  ASSERT_THAT(rows, SizeIs(3));
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_THAT(rows[i], SizeIs(12));
    EXPECT_EQ(rows[i][0], std::to_string(i + 1));
    EXPECT_EQ(rows[i][1], std::to_string(20 * (i + 1)));
    EXPECT_EQ(rows[i][10], "0.003");
  }
  EXPECT_LT(std::stod(rows[2][2]), std::stod(rows[0][2]));
  EXPECT_LT(std::stod(rows[2][4]), std::stod(rows[0][4]));
  EXPECT_EQ(bytes_of(folder / "model.png").substr(1, 3), "PNG");
}

TEST(Train, WritesAModelThatSaysEverythingAndSeparates) {
  const test::TemporaryFolder folder;
  for (const bool unet : {false, true}) {
    const fs::path path = folder / "model.safetensors";
    run(unet ? elaborate(path) : quick(path));
    const ModelFile file(path);
    EXPECT_EQ(file.info().architecture, unet ? kHarmonicUnet : kThesisCnn);
    EXPECT_EQ(file.info().label, unet ? "waveform" : "accompaniment");
    EXPECT_EQ(file.info().data, "fake");
    EXPECT_THAT(file.info().training, HasSubstr(" steps, seed 0; epoch "));
    EXPECT_EQ(file.tensor_types(), "float16");
    TorchMaskEstimator estimator(file, torch::kCPU, 5);
    const std::size_t frames = estimator.batch_frames() + 2 * estimator.context_frames();
    std::vector<float> mask(estimator.batch_frames() * test::kBins, -1.0F);
    estimator.estimate(std::vector<float>(frames * test::kBins, 1.0F), mask);
    EXPECT_TRUE(std::all_of(mask.begin(), mask.end(), [](float gain) { return gain >= 0 && gain <= 1; }));
  }
}

TEST(Train, WritesAModelThatOpensForEveryLossAndLabel) {
  const test::TemporaryFolder folder;
  TrainingOptions options = quick(folder / "model.safetensors");
  options.architecture = kHarmonicUnet;
  options.epochs = options.steps_per_epoch = 1;
  const auto label_of = [&](Loss loss, Label label) {
    options.loss = loss;
    options.label = label;
    run(options);
    return ModelFile(options.output).info().label;
  };
  EXPECT_EQ(label_of(Loss::bce, Label::accompaniment), "accompaniment");
  EXPECT_EQ(label_of(Loss::bce, Label::mixture), "mixture");
  EXPECT_EQ(label_of(Loss::bce, Label::ratio), "ratio");
  EXPECT_EQ(label_of(Loss::l1, Label::accompaniment), "l1");
  EXPECT_EQ(label_of(Loss::waveform, Label::accompaniment), "waveform");
}

TEST(Train, GivesTheSameWeightsForTheSameSeed) {
  const test::TemporaryFolder folder;
  TrainingOptions other = quick(folder / "3.safetensors");
  other.seed = 1;
  run(quick(folder / "1.safetensors"), 2);
  run(quick(folder / "2.safetensors"), 2);
  run(other, 2);
  expect_equal_runs(folder / "1.safetensors", folder / "2.safetensors");
  EXPECT_NE(bytes_of(folder / "1.safetensors"), bytes_of(folder / "3.safetensors"));
}

TEST(Train, StopsEarlyAndKeepsTheBestWeights) {
  const test::TemporaryFolder folder;
  TrainingOptions options = quick(folder / "model.safetensors");
  options.epochs = 9;
  options.patience = 2;
  options.learning_rate = 0.0;  // so no epoch is better than the first
  run(options);
  const auto rows = rows_of(folder / "model.csv");
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_EQ(rows[1][4], rows[0][4]);  // the validation is the same every epoch
  EXPECT_NE(rows[1][2], rows[0][2]);  // the training is not
  EXPECT_THAT(ModelFile(options.output).info().training, HasSubstr("epoch 1:"));
}

TEST(Train, ResumesAtAnEpochsEndAsIfItHadNotStopped) {
  const test::TemporaryFolder folder;
  for (const auto& options_of : {quick, elaborate}) {
    run(options_of(folder / "whole.safetensors"));
    TrainingOptions parts = options_of(folder / "parts.safetensors");
    parts.epochs = 1;
    run(parts);
    parts.epochs = 2;
    parts.resume = true;
    run(parts);
    expect_equal_runs(folder / "whole.safetensors", folder / "parts.safetensors");
  }
}

TEST(Train, ResumesAfterAnyBatchAsIfItHadNotStopped) {
  const test::TemporaryFolder folder;
  for (const auto& options_of : {quick, elaborate}) {
    run(options_of(folder / "whole.safetensors"));
    TrainingOptions parts = options_of(folder / "parts.safetensors");
    parts.max_minutes = 0;  // over after every batch
    run(parts);
    EXPECT_THAT(ModelFile(parts.output).info().training, HasSubstr(" 1 steps, seed 0; stopped before"));
    parts.resume = true;
    for (int batch = 2; batch <= 13; ++batch) run(parts);  // at most 3 of the pretraining and 2 x (3 + 1)
    expect_equal_runs(folder / "whole.safetensors", folder / "parts.safetensors");
  }
}

TEST(Train, RefusesToResumeARunOfOtherOptions) {
  const test::TemporaryFolder folder;
  TrainingOptions options = quick(folder / "model.safetensors");
  options.epochs = 1;
  run(options);
  options.resume = true;
  options.seed = 3;
  const Error error = error_of([&] { run(options); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_THAT(error.what(), HasSubstr("--seed; expected 0 (of the run that it is from), got 3"));
}

TEST(Train, RefusesACheckpointThatIsMissingTruncatedDamagedOrForeign) {
  const test::TemporaryFolder folder;
  TrainingOptions options = quick(folder / "model.safetensors");
  options.epochs = 1;
  options.resume = true;
  const fs::path checkpoint = folder / "model.checkpoint";
  const auto expect_refused = [&] {
    const Error error = error_of([&] { run(options); });
    EXPECT_EQ(error.kind(), ErrorKind::model) << error.what();
    EXPECT_THAT(error.what(), HasSubstr("cannot resume: " + checkpoint.string()));
  };
  expect_refused();
  options.resume = false;
  run(options);
  options.resume = true;
  const std::string whole = bytes_of(checkpoint);
  for (const std::size_t length : {std::size_t{0}, std::size_t{100}, whole.size() / 2, whole.size() - 1}) {
    std::ofstream(checkpoint, std::ios::binary) << whole.substr(0, length);
    expect_refused();
  }
  for (std::size_t n = 0; n < 100; ++n) {
    std::string damaged = whole;
    damaged[(n + 1) * whole.size() / 100 - 1] ^= 1;
    std::ofstream(checkpoint, std::ios::binary) << damaged;
    expect_refused();
  }
  torch::save(torch::ones({3}), checkpoint.string());
  expect_refused();
}

TEST(Train, ChecksItsOutputsBeforeAnythingElse) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "file") << "x";
  TrainingOptions options = quick(folder / "file/model.safetensors");
  EXPECT_EQ(error_of([&] { train(options); }).kind(), ErrorKind::output);
  options = quick(folder / "model.safetensors");
  options.history = folder / "file/history.csv";
  EXPECT_EQ(error_of([&] { train(options); }).kind(), ErrorKind::output);
  options.history = options.output;
  EXPECT_EQ(error_of([&] { train(options); }).kind(), ErrorKind::usage);
}

/// Presses Ctrl-C when the log says something that starts with `words`.
class Interrupter : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit Interrupter(std::string words) : words_(std::move(words)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (std::string(message.payload.data(), message.payload.size()).starts_with(words_)) std::raise(SIGINT);
  }
  void flush_() override {}

 private:
  std::string words_;
};

/// 128 + the signal where the run was cancelled and left a model that says `state`.
int interrupted_run(const std::string& words, const std::string& state) {
  const test::TemporaryFolder folder;
  install_cancellation_handlers();
  logger().sinks() = {std::make_shared<Interrupter>(words)};
  logger().set_level(spdlog::level::debug);
  TrainingOptions options = quick(folder / "model.safetensors");
  options.epochs = 100;
  try {
    run(options);
  } catch (const Cancelled& cancelled) {
    const ModelFile file(options.output);
    const bool resumable = fs::exists(folder / "model.checkpoint");
    return !resumable || file.info().training.find(state) == std::string::npos ? 1 : 128 + cancelled.signal();
  }
  return 0;
}

TEST(TrainDeathTest, LeavesAModelAndACheckpointWhenItIsInterrupted) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(std::exit(interrupted_run("step 1 of", " 1 steps, seed 0; stopped before")),
              testing::ExitedWithCode(130), "");
  EXPECT_EXIT(std::exit(interrupted_run("epoch 1:", " 3 steps, seed 0; epoch 1:")),
              testing::ExitedWithCode(130), "");
}

}  // namespace
}  // namespace svsep
