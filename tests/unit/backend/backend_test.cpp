#include "backend/backend.hpp"

#include "svsep/error.hpp"
#include "svsep/training.hpp"

#include <gtest/gtest.h>
#include <string>
#include <support/temporary_folder.hpp>
#include <vector>

namespace svsep {
namespace {

ModelFile tiny_model() { return ModelFile(SVSEP_GOLDEN_DIR "/cnn_tiny_f32.safetensors"); }

/// The kind of the Error that crossed the module's border.
template <typename Work>
ErrorKind kind_of_error(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()), "");
    return error.kind();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorKind::partial;
}

TEST(Backend, IsTheModuleBesideTheProgramOpenedOnce) {
  EXPECT_EQ(load_backend().choose_device("cpu"), "cpu");
  EXPECT_EQ(&load_backend(), &load_backend());
}

TEST(Backend, MakesAnEstimatorThatFillsTheMask) {
  const std::unique_ptr<Estimator> made =
      load_backend().make_estimator(tiny_model(), {.device = "cpu", .threads = 1, .stride = 3});
  auto* const estimator = dynamic_cast<MaskEstimator*>(made.get());
  ASSERT_NE(estimator, nullptr);
  const std::size_t bins = estimator->analysis().stft.bins();
  EXPECT_EQ(bins, 33U);
  EXPECT_EQ(estimator->batch_frames() % 3, 0U);
  const std::vector<float> magnitudes((2 * estimator->context_frames() + estimator->batch_frames()) * bins,
                                      0.5F);
  std::vector<float> mask(estimator->batch_frames() * bins, -1.0F);
  estimator->estimate(magnitudes, mask);
  for (const float gain : mask) ASSERT_TRUE(gain >= 0 && gain <= 1) << gain;
}

TEST(Backend, ThrowsErrorsThatTheProgramCatches) {
  const auto estimator_on = [](const std::string& device, std::size_t stride) {
    return [=] { (void)load_backend().make_estimator(tiny_model(), {device, 1, stride}); };
  };
  EXPECT_EQ(kind_of_error(estimator_on("toaster", 1)), ErrorKind::usage);
  EXPECT_EQ(kind_of_error(estimator_on("cuda:99", 1)), ErrorKind::runtime);
  EXPECT_EQ(kind_of_error(estimator_on("cpu", 10)), ErrorKind::usage);
  const test::TemporaryFolder folder;
  TrainingOptions options;
  options.data.musdb = {{folder / "missing"}};
  options.output = folder / "model.safetensors";
  EXPECT_EQ(kind_of_error([&] { load_backend().train(options); }), ErrorKind::input);
}

TEST(TrainingDefaults, AreTheThesisForItsNetwork) {
  const TrainingOptions options = training_defaults("thesis-cnn");
  EXPECT_EQ(options.batch_size, 128);
  EXPECT_EQ(options.learning_rate, 1e-4);
  EXPECT_EQ(options.epochs, 15);
  EXPECT_EQ(options.steps_per_epoch, 2000);
  EXPECT_EQ(options.patience, 3);
  EXPECT_EQ(options.loss, Loss::bce);
  EXPECT_EQ(options.ema_decay, 0.0);
  EXPECT_EQ(options.output, "thesis-cnn.safetensors");
}

TEST(TrainingDefaults, SuitOurNetworkInTheLibraryAsInTheProgram) {
  const TrainingOptions options = training_defaults("harmonic-unet");
  EXPECT_EQ(options.architecture, "harmonic-unet");
  EXPECT_EQ(options.batch_size, 8) << "stretches of 5 s, not 128 of them";
  EXPECT_EQ(options.loss, Loss::waveform);
  EXPECT_EQ(options.warmup_steps, 300);
  EXPECT_GT(options.ema_decay, 0.99);
  EXPECT_EQ(options.output, "harmonic-unet.safetensors");
}

}  // namespace
}  // namespace svsep
