#include "training/trainer.hpp"

#include "support/dataset.hpp"
#include "model/torch_mask_estimator.hpp"
#include "svsep/core/cancellation.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sstream>
#include <utility>

namespace svsep {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::write_track;
using testing::HasSubstr;
using testing::SizeIs;

const ThesisCnnSizes kTiny = {9, 2049, {2, 2, 2, 2}, {8, 8}};

/// A folder with two tracks to train on and one to validate on, written once.
const fs::path& dataset() {
  static const test::TemporaryFolder folder;
  static const fs::path musdb = [] {
    for (const char* name : {"a", "b", "c"}) write_track(folder / "musdb/train", name);
    return folder / "musdb";
  }();
  return musdb;
}

TrainingOptions quick(const test::TemporaryFolder& folder, const std::string& output = "model.safetensors") {
  TrainingOptions options;
  options.musdb = dataset();
  options.output = folder / output;
  options.device = "cpu";
  options.threads = 1;
  options.epochs = 1;
  options.steps_per_epoch = 2;
  options.batch_size = 4;
  options.tracks_in_batch = 2;
  return options;
}

std::string bytes_of(const fs::path& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::vector<std::vector<double>> rows_of(const fs::path& csv) {
  std::ifstream file(csv);
  std::string line;
  std::getline(file, line);
  std::vector<std::vector<double>> rows;
  while (std::getline(file, line)) {
    std::stringstream cells(line);
    auto& row = rows.emplace_back();
    for (std::string cell; std::getline(cells, cell, ',');) row.push_back(std::stod(cell));
  }
  return rows;
}

TEST(Train, LowersTheLossAndWritesARowAnEpoch) {
  const test::TemporaryFolder folder;
  TrainingOptions options = quick(folder);
  options.epochs = 3;
  options.steps_per_epoch = 10;
  options.learning_rate = 3e-3;
  train(options, kTiny);
  const auto rows = rows_of(folder / "model.csv");
  ASSERT_THAT(rows, SizeIs(3));
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_THAT(rows[i], SizeIs(8));
    EXPECT_EQ(rows[i][0], static_cast<double>(i + 1));
    EXPECT_EQ(rows[i][1], static_cast<double>(10 * (i + 1)));
    EXPECT_GE(rows[i][6], 0.0);
    EXPECT_EQ(rows[i][7], 3e-3);
  }
  EXPECT_LT(rows[2][2], 0.9 * rows[0][2]);  // losses
  EXPECT_LT(rows[2][4], 0.9 * rows[0][4]);
  EXPECT_GT(rows[2][5], 0.9);  // accuracy: nearly all bins are noise
}

TEST(Train, WritesAModelThatSaysEverythingAndSeparates) {
  const test::TemporaryFolder folder;
  train(quick(folder), kTiny);
  const ModelFile file(folder / "model.safetensors");
  const ModelInfo& info = file.info();
  EXPECT_EQ(info.architecture, "thesis-cnn");
  EXPECT_EQ(info.analysis, AnalysisParameters{});
  EXPECT_EQ(info.input_transform, InputTransform::log_level);
  EXPECT_EQ(info.label, "accompaniment");
  EXPECT_EQ(info.thresholds.accompaniment, 0.0F);
  EXPECT_THAT(info.training, HasSubstr("2 steps, seed 0; epoch 1 of at most 1: validation loss 0."));
  EXPECT_EQ(info.data, "musdb: 2 tracks to train on, 1 to validate on");
  EXPECT_THAT(info.licence, HasSubstr("unstated"));
  EXPECT_EQ(file.tensor_types(), "float16");
  TorchMaskEstimator estimator(file, torch::kCPU, 9);
  const std::size_t frames = estimator.batch_frames() + 2 * estimator.context_frames();
  const std::size_t bins = info.analysis.stft.bins();
  std::vector<float> mask(estimator.batch_frames() * bins, -1.0F);
  estimator.estimate(std::vector<float>(frames * bins, 1.0F), mask);
  EXPECT_TRUE(std::all_of(mask.begin(), mask.end(), [](float gain) { return gain >= 0 && gain <= 1; }));
}

TEST(Train, KeepsTheThesisThresholdsForTheThesisMasks) {
  const test::TemporaryFolder folder;
  TrainingOptions options = quick(folder);
  options.label = Label::mixture;
  options.input_transform = InputTransform::magnitude;
  options.history = folder / "other.csv";
  train(options, kTiny);
  const ModelFile file(options.output);
  EXPECT_EQ(file.info().label, "mixture");
  EXPECT_EQ(file.info().input_transform, InputTransform::magnitude);
  EXPECT_EQ(file.info().thresholds.vocals, 0.15F);
  EXPECT_EQ(file.info().thresholds.accompaniment, 0.8F);
  EXPECT_THAT(rows_of(folder / "other.csv"), SizeIs(1));
}

TEST(Train, GivesTheSameWeightsForTheSameSeed) {
  const test::TemporaryFolder folder;
  TrainingOptions other = quick(folder, "3.safetensors");
  other.seed = 1;
  for (const char* name : {"1.safetensors", "2.safetensors"}) {
    TrainingOptions options = quick(folder, name);
    options.threads = 2;
    train(options, kTiny);
  }
  train(other, kTiny);
  EXPECT_EQ(bytes_of(folder / "1.safetensors"), bytes_of(folder / "2.safetensors"));
  EXPECT_NE(bytes_of(folder / "1.safetensors"), bytes_of(folder / "3.safetensors"));
}

TEST(Train, StopsEarlyAndKeepsTheBestWeights) {
  const test::TemporaryFolder folder;
  TrainingOptions options = quick(folder);
  options.epochs = 9;
  options.patience = 2;
  options.learning_rate = 0.0;  // so no epoch is better than the first
  train(options, kTiny);
  const auto rows = rows_of(folder / "model.csv");
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_EQ(rows[1][4], rows[0][4]);  // the validation windows are the same every epoch
  EXPECT_NE(rows[1][2], rows[0][2]);  // those of the training are not
  EXPECT_THAT(ModelFile(options.output).info().training, HasSubstr("epoch 1 of at most 9"));
}

TEST(Train, NamesTheTracksOfABatchWhoseLossIsNotFinite) {
  const test::TemporaryFolder folder;
  TrainingOptions options = quick(folder);
  options.learning_rate = 1e30;
  const Error error = error_of([&] { train(options, kTiny); });
  EXPECT_EQ(error.kind(), ErrorKind::runtime);
  EXPECT_THAT(error.what(), HasSubstr("the loss after 1 steps is not finite; its batch is of: "));
}

TEST(Train, LeavesOutTracksThatCannotBeRead) {
  const test::TemporaryFolder folder;
  fs::copy(dataset(), folder / "musdb", fs::copy_options::recursive);
  write_track(folder / "musdb/train", "four", {.streams = 4});
  std::ofstream(folder / "musdb/train/bad.stem.mp4") << "no media file";
  TrainingOptions options = quick(folder);
  options.musdb = folder / "musdb";
  train(options, kTiny);
  EXPECT_EQ(ModelFile(options.output).info().data, "musdb: 2 tracks to train on, 1 to validate on");
}

TEST(Train, RefusesADatasetThatItCannotValidateOn) {
  const test::TemporaryFolder folder;
  TrainingOptions options = quick(folder);
  options.musdb = folder / "musdb";
  EXPECT_EQ(error_of([&] { train(options, kTiny); }).kind(), ErrorKind::input);
  write_track(folder / "musdb/train", "a");
  std::ofstream(folder / "musdb/train/b.stem.mp4") << "no media file";
  const Error error = error_of([&] { train(options, kTiny); });
  EXPECT_EQ(error.kind(), ErrorKind::input);
  EXPECT_THAT(error.what(), HasSubstr("too few tracks"));
  EXPECT_FALSE(fs::exists(options.output));
}

TEST(Train, ChecksItsOutputsBeforeAnythingElse) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "file") << "x";
  TrainingOptions options = quick(folder, "file/model.safetensors");
  EXPECT_EQ(error_of([&] { train(options, kTiny); }).kind(), ErrorKind::output);
  options = quick(folder);
  options.history = folder / "file/history.csv";
  EXPECT_EQ(error_of([&] { train(options, kTiny); }).kind(), ErrorKind::output);
  options.history = options.output;
  EXPECT_EQ(error_of([&] { train(options, kTiny); }).kind(), ErrorKind::usage);
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
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("", std::make_shared<Interrupter>(words)));
  spdlog::set_level(spdlog::level::debug);
  TrainingOptions options = quick(folder);
  options.epochs = 100;
  try {
    train(options, kTiny);
  } catch (const Cancelled& cancelled) {
    const ModelFile file(options.output);
    return file.info().training.find(state) == std::string::npos ? 1 : 128 + cancelled.signal();
  }
  return 0;
}

TEST(TrainDeathTest, LeavesAModelWhenItIsInterrupted) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(std::exit(interrupted_run("step 1 of", " 1 steps, seed 0; stopped before")),
              testing::ExitedWithCode(130), "");
  EXPECT_EXIT(std::exit(interrupted_run("epoch 1:", " 2 steps, seed 0; epoch 1 of")),
              testing::ExitedWithCode(130), "");
}

}  // namespace
}  // namespace svsep
