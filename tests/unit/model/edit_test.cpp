#include "model/edit.hpp"

#include "svsep/error.hpp"

#include <cstdint>
#include <filesystem>
#include <gtest/gtest.h>
#include <support/temporary_folder.hpp>
#include <vector>

namespace svsep {
namespace {

const char* const kHarmonic = SVSEP_GOLDEN_DIR "/harmonic_unet_tiny.safetensors";
const char* const kCnn = SVSEP_GOLDEN_DIR "/cnn_tiny_f32.safetensors";

/// Of a tensor that an average or a calibration leaves in its shape.
std::vector<float> values(const ModelFile& file, const char* name, const std::vector<std::int64_t>& shape) {
  return file.values(name, shape);
}

TEST(AverageModels, GivesTheMeanOfEveryWeight) {
  const test::TemporaryFolder folder;
  const ModelFile original(kHarmonic);
  calibrate_model(kHarmonic, {.certainty = 3.0}, folder / "surer.safetensors");
  average_models({kHarmonic, folder / "surer.safetensors"}, folder / "mean.safetensors");
  const ModelFile mean(folder / "mean.safetensors");
  EXPECT_NEAR(values(mean, "mask.weight", {1, 4, 1, 1})[0],
              2 * values(original, "mask.weight", {1, 4, 1, 1})[0], 1e-5);
  EXPECT_EQ(values(mean, "encode1.weight", {5, 5, 3, 3}), values(original, "encode1.weight", {5, 5, 3, 3}));
  EXPECT_EQ(mean.info().architecture, original.info().architecture);
}

TEST(AverageModels, RefusesModelsThatDoNotFit) {
  const test::TemporaryFolder folder;
  EXPECT_THROW(average_models({kHarmonic, kCnn}, folder / "mean.safetensors"), Error);
  EXPECT_THROW(average_models({kHarmonic}, folder / "mean.safetensors"), Error);
  EXPECT_FALSE(std::filesystem::exists(folder / "mean.safetensors"));
}

TEST(CalibrateModel, ChangesTheLogitsAndWhatItSays) {
  const test::TemporaryFolder folder;
  const ModelFile original(kHarmonic);
  calibrate_model(kHarmonic,
                  {.certainty = 0.5, .bias_per_octave = 0.25, .vocals_threshold = 0.15, .licence = "CC0-1.0"},
                  folder / "once.safetensors");
  calibrate_model(folder / "once.safetensors", {.certainty = 0.5}, folder / "twice.safetensors");
  const ModelFile once(folder / "once.safetensors");
  const ModelFile twice(folder / "twice.safetensors");
  EXPECT_NEAR(values(once, "mask.bias", {1})[0], 0.5 * values(original, "mask.bias", {1})[0], 1e-6);
  EXPECT_FLOAT_EQ(once.info().thresholds.vocals, 0.15F);
  EXPECT_EQ(twice.info().licence, "CC0-1.0");
  // Bins of 344.5 Hz: bin 32 is 5.78 octaves above 200 Hz.
  EXPECT_NEAR(values(once, "output.bias", {33})[32], 0.25 * 5.784, 1e-3);
  EXPECT_EQ(values(once, "output.bias", {33})[0], 0.0F);
  EXPECT_NEAR(values(twice, "output.bias", {33})[32], 0.125 * 5.784, 1e-3);
}

TEST(CalibrateModel, ChangesNothingByDefault) {
  const test::TemporaryFolder folder;
  calibrate_model(kCnn, {}, folder / "same.safetensors");
  const ModelFile original(kCnn);
  const ModelFile same(folder / "same.safetensors");
  EXPECT_EQ(same.tensor_names(), original.tensor_names());
  EXPECT_EQ(same.info().training, original.info().training);
  EXPECT_EQ(values(same, "dense3.bias", {297}), values(original, "dense3.bias", {297}));
}

TEST(CalibrateModel, RefusesNumbersOutOfRange) {
  const test::TemporaryFolder folder;
  EXPECT_THROW(calibrate_model(kCnn, {.certainty = 0}, folder / "x.safetensors"), Error);
  EXPECT_THROW(calibrate_model(kCnn, {.vocals_threshold = 1.5}, folder / "x.safetensors"), Error);
}

}  // namespace
}  // namespace svsep
