#include "training/learner.hpp"

#include "fake_data.hpp"
#include "support/dataset.hpp"
#include "training/song_validation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <sstream>

namespace svsep {
namespace {

using testing::HasSubstr;

TrainingOptions quick() {
  TrainingOptions options;
  options.steps_per_epoch = 100;
  options.epochs = 10;
  options.learning_rate = 1e-2;
  return options;
}

Learner learner_of(const TrainingOptions& options, const TrainableNetwork& plan) {
  torch::manual_seed(1);
  return {options, plan, NetworkInput(plan.info, {}, torch::kCPU), torch::kCPU};
}

/// Mean losses of the first and the last five of 40 steps.
std::pair<double, double> losses(const TrainingOptions& options, const TrainableNetwork& plan,
                                 bool in_windows) {
  Learner learner = learner_of(options, plan);
  const TrainingData::Next next = test::fake_data(in_windows).training(1, 0, 40);
  Means first, between, last;
  for (int step = 0; step < 40; ++step) learner.learn(next(), step < 5 ? first : step < 35 ? between : last);
  return {first.loss(), last.loss()};
}

TEST(LearningRate, WarmsUpThenHoldsOrFallsToZero) {
  TrainingOptions options = quick();
  EXPECT_EQ(learning_rate(options, 0), 1e-2);
  options.warmup_steps = 10;
  EXPECT_NEAR(learning_rate(options, 0), 1e-3, 1e-12);
  EXPECT_NEAR(learning_rate(options, 9), 1e-2, 1e-12);
  EXPECT_EQ(learning_rate(options, 999), 1e-2);
  options.cosine = true;
  EXPECT_NEAR(learning_rate(options, 500), 0.5e-2, 1e-12);
  EXPECT_NEAR(learning_rate(options, 1000), 0.0, 1e-12);
}

TEST(Learner, LowersEveryLossWithEveryArchitecture) {
  for (const Loss loss : {Loss::bce, Loss::l1, Loss::waveform}) {
    for (const TrainableNetwork& plan : {test::tiny_cnn(), test::tiny_unet(), test::tiny_unet(2)}) {
      TrainingOptions options = quick();
      options.loss = loss;
      const auto [first, last] = losses(options, plan, false);
      EXPECT_LT(last, 0.9 * first) << plan.info.architecture << ", loss " << static_cast<int>(loss);
    }
  }
}

TEST(Learner, LowersTheLossOfWindows) {
  const auto [first, last] = losses(quick(), test::tiny_cnn(), true);
  EXPECT_LT(last, 0.97 * first);
}

TEST(Learner, LearnsInBfloat16WithClippedGradientsAndAnAverage) {
  TrainingOptions options = quick();
  options.amp = true;
  options.clip_norm = 1.0;
  options.ema_decay = 0.9;
  options.weight_decay = 1e-2;
  options.loss = Loss::waveform;
  for (const TrainableNetwork& plan : {test::tiny_unet(), test::tiny_unet(2)}) {
    const auto [first, last] = losses(options, plan, false);
    EXPECT_LT(last, 0.9 * first) << plan.info.architecture;
  }
}

/// Wide enough for the kernels that separation uses; a step first, so that batches have been normalised.
double validation_loss_of_wide_unet(bool amp) {
  TrainingOptions options = quick();
  options.amp = amp;
  options.loss = Loss::waveform;
  const HarmonicUnetSizes sizes{test::kBins, 1, 32, 8, {16, 16, 16, 16, 16}, {4, 4, 4, 4}, {1, 2}};
  Learner learner = learner_of(options, test::tiny(trainable(sizes)));
  Means learned, validated;
  learner.learn(test::stretches(4, 1), learned);
  learner.validate(test::stretches(4, 2), validated);
  return validated.loss();
}

TEST(Learner, ValidatesInBfloat16AsInFloat32) {
  const double exact = validation_loss_of_wide_unet(false);
  EXPECT_NEAR(validation_loss_of_wide_unet(true), exact, 0.02 * exact);
}

TEST(Learner, ReconstructsTheVocalsInItsPretraining) {
  TrainingOptions options = quick();
  options.pretraining = Pretraining::autoencoder;
  const auto [first, last] = losses(options, test::tiny_unet(), false);
  EXPECT_LT(last, 0.8 * first);
}

TEST(Learner, AveragesTheWeightsThatItHad) {
  TrainingOptions options = quick();
  options.ema_decay = 0.999;
  Learner learner = learner_of(options, test::tiny_cnn());
  const torch::Tensor before = state_of(learner.result())[0].clone();
  Means means;
  learner.learn(test::windows(4, 1), means);
  options.ema_decay = 0;
  Learner alone = learner_of(options, test::tiny_cnn());
  alone.learn(test::windows(4, 1), means);
  const torch::Tensor after = state_of(alone.result())[0];
  const torch::Tensor average = state_of(learner.result())[0];
  EXPECT_FALSE(after.allclose(before));
  EXPECT_TRUE(average.allclose(before / 12 + after * 11 / 12, 1e-4, 1e-6));  // keeps (0 + 1) / (0 + 12)
}

TEST(Learner, NamesThePiecesOfABatchWhoseLossIsNotFinite) {
  const TrainingOptions options = quick();
  Learner learner = learner_of(options, test::tiny_cnn());
  Means means;
  learner.learn(test::windows(4, 1), means);
  WindowBatch bad = test::windows(4, 2);
  bad.inputs[0][0][0] = std::numeric_limits<float>::quiet_NaN();
  const Error error = test::error_of([&] { learner.learn(bad, means); });
  EXPECT_EQ(error.kind(), ErrorKind::runtime);
  EXPECT_THAT(error.what(), HasSubstr("the loss after 1 steps is not finite; its batch is of: piece 2"));
}

TEST(Learner, GoesOnFromItsStateAsIfItHadNotStopped) {
  TrainingOptions options = quick();
  options.ema_decay = 0.9;
  Learner one = learner_of(options, test::tiny_cnn());
  Means means;
  for (std::uint64_t key = 0; key < 3; ++key) one.learn(test::windows(4, key), means);
  std::stringstream file;
  torch::serialize::OutputArchive out;
  one.save(out);
  out.save_to(file);
  options.seed = 0;
  Learner other = learner_of(options, test::tiny_cnn());
  torch::serialize::InputArchive in;
  in.load_from(file);
  other.load(in);
  EXPECT_EQ(other.steps(), 3);
  for (Learner* learner : {&one, &other}) learner->learn(test::windows(4, 9), means);
  for (std::size_t i = 0; i < state_of(one.result()).size(); ++i) {
    EXPECT_TRUE(state_of(one.result())[i].equal(state_of(other.result())[i]));
  }
}

/// Passes the lower half of the bins at 0.9 and the upper half at 0.1.
class HalfBand : public MaskNetwork {
 public:
  torch::Tensor forward(const torch::Tensor& windows) override {
    const torch::Tensor bin = torch::arange(windows.size(2));
    return torch::where(bin.lt(windows.size(2) / 2), 2.1972, -2.1972).to(torch::kFloat).expand_as(windows);
  }
};

TEST(SongValidation, MeasuresTheSdrAndChoosesThresholdsThatPay) {
  constexpr double kStep = 2 * M_PI / 64;
  Piece piece;
  piece.vocals = AudioBuffer(1, 3200);
  piece.accompaniment = AudioBuffer(1, 3200);
  for (std::size_t n = 0; n < 3200; ++n) {
    piece.vocals.channels[0][n] = static_cast<float>(std::sin(6 * kStep * static_cast<double>(n)));
    piece.accompaniment.channels[0][n] = static_cast<float>(std::sin(26 * kStep * static_cast<double>(n)));
  }
  const TrainableNetwork plan = test::tiny_unet();
  const auto validation = [&] {
    return SongValidation({1, [piece](std::size_t) { return piece; }}, plan,
                          NetworkInput(plan.info, {}, torch::kCPU), torch::kCPU);
  };
  const SongValidation songs = validation();
  HalfBand network;
  const SongScores scores = songs.score(network);
  const double expected_db = 10 * std::log10(1 / 0.02);  // a tenth of each is in the wrong place
  EXPECT_NEAR(scores.vocals.mean_db, expected_db, 0.1);
  EXPECT_NEAR(scores.accompaniment.mean_db, expected_db, 0.1);
  EXPECT_NEAR(scores.vocals.median_db, expected_db, 0.1);
  const Thresholds thresholds = songs.choose_thresholds(network);
  EXPECT_NEAR(thresholds.vocals, 0.15, 1e-6);
  EXPECT_NEAR(thresholds.accompaniment, 0.15, 1e-6);
  piece.accompaniment = AudioBuffer(1, 3200);
  const SongValidation alone = validation();
  EXPECT_EQ(alone.choose_thresholds(network).vocals, 0.0F);
  EXPECT_TRUE(std::isnan(alone.score(network).accompaniment.mean_db));
}

}  // namespace
}  // namespace svsep
