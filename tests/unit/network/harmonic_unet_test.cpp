#include "network/mask/harmonic_unet.hpp"

#include "svsep/error.hpp"
#include "whole_song.hpp"

#include <array>
#include <cstdint>
#include <gtest/gtest.h>
#include <string>
#include <support/temporary_folder.hpp>
#include <vector>

namespace svsep {
namespace {

constexpr std::array<std::int64_t, 2> kFramesAndBins = {30, 33};
constexpr std::array<std::int64_t, 3> kInputShape = {2, 30, 33};  // planes, frames, bins

// Golden values: scripts/make_golden_unet.py tests/golden (numpy).
const ModelFile& harmonic_file() {
  static const ModelFile file(SVSEP_GOLDEN_DIR "/harmonic_unet_tiny.safetensors");
  return file;
}

torch::Tensor input(const ModelFile& file) {
  return torch::tensor(file.values("input.golden", kInputShape)).view({1, 2, 30, 33});
}

torch::Tensor expected_logits(const ModelFile& file) {
  return torch::tensor(file.values("input.golden_logits", kFramesAndBins)).view({1, 30, 33});
}

HarmonicUnet harmonic_network() {
  HarmonicUnet network(harmonic_unet_sizes(harmonic_file()));
  load_parameters(*network, harmonic_file());
  network->eval();
  return network;
}

TEST(HarmonicUnet, AgreesWithNumpyOnTheLogits) {
  const torch::NoGradGuard no_gradients;
  EXPECT_TRUE(harmonic_network()
                  ->forward(input(harmonic_file()))
                  .allclose(expected_logits(harmonic_file()), 1e-5, 1e-4));
}

TEST(HarmonicUnet, GivesTheKeptFramesOfWindowsAsIfItComputedAll) {
  const torch::NoGradGuard no_gradients;
  HarmonicUnet network = harmonic_network();
  const std::int64_t context = harmonic_unet_sizes(harmonic_file()).context_frames();
  torch::manual_seed(1);
  for (const std::int64_t kept : {1, 3, 4, 64}) {
    const Windows windows{2 * context + kept, kept, kept};
    const torch::Tensor stretch = torch::randn({2, windows.frames + 2 * windows.hop, 33});
    const torch::Tensor all = network->forward(windows_of(stretch, windows));
    const torch::Tensor slid = network->slide(stretch, windows);
    ASSERT_EQ(slid.size(1), kept);
    EXPECT_TRUE(slid.allclose(all.narrow(1, windows.before_kept(), kept), 1e-5, 1e-5)) << kept;
  }
}

TEST(HarmonicUnet, SeesNoFurtherThanItsContext) {
  const torch::NoGradGuard no_gradients;
  HarmonicUnet network = harmonic_network();
  const std::int64_t context = harmonic_unet_sizes(harmonic_file()).context_frames();
  ASSERT_EQ(context, 48);  // 4 (1 + 2) of the blocks, 33 of the other convolutions, 3 of the step
  torch::manual_seed(1);
  const torch::Tensor song = torch::randn({1, 2, 140, 33});
  for (const std::int64_t place : {68, 69, 70, 71}) {
    torch::Tensor changed = song.clone();
    changed.select(2, place) += 1;
    const torch::Tensor difference = (network->forward(changed) - network->forward(song)).abs().amax({0, 2});
    EXPECT_GT(difference[place].item<float>(), 0);
    EXPECT_EQ(difference.narrow(0, 0, place - context).max().item<float>(), 0);
    EXPECT_EQ(difference.narrow(0, place + context + 1, 139 - place - context).max().item<float>(), 0);
  }
}

TEST(HarmonicUnet, MovesItsMaskWithTheVoice) {
  // Convolutions alone are alike at all pitches, so without what tells it the height, a picture that is two
  // octaves higher gets the same logits two octaves higher.
  const torch::NoGradGuard no_gradients;
  torch::manual_seed(3);
  HarmonicUnetSizes sizes;
  sizes.positions_per_octave = 64;
  sizes.dilations = {1};
  HarmonicUnet network(sizes);
  network->eval();
  for (auto& parameter : network->named_parameters()) {
    if (parameter.key() == "encode0.weight") parameter.value().select(1, 7).zero_();  // the height's
  }
  const std::int64_t frames = 40;
  const auto with_tone_at = [&](double bin) {
    torch::Tensor x = torch::full({1, 2, frames, sizes.bins}, -3.0);
    const torch::Tensor distance =
        (torch::arange(sizes.bins, torch::kDouble).clamp_min(0.1) / bin).log2().abs() * 12;
    x.select(1, 0) += (4 * (1 - distance).clamp_min(0)).to(torch::kFloat);
    return network->forward(x)[0][frames / 2];
  };
  const torch::Tensor low = with_tone_at(100);
  const torch::Tensor high = with_tone_at(400);
  const torch::Tensor nothing =
      network->forward(torch::full({1, 2, frames, sizes.bins}, -3.0))[0][frames / 2];
  for (const std::int64_t bin : {90, 100, 110}) {
    const float moved = (high[4 * bin] - nothing[4 * bin]).item<float>();
    EXPECT_NEAR((low[bin] - nothing[bin]).item<float>(), moved, 0.02 * std::abs(moved) + 1e-4) << bin;
  }
}

TEST(HarmonicUnet, HasTheParametersThatItsSizesAskFor) {
  const HarmonicUnet network;
  std::int64_t count = 0;
  for (const torch::Tensor& parameter : network->parameters()) count += parameter.numel();
  EXPECT_EQ(count, 2'194'009);
  EXPECT_EQ(parameter_count(HarmonicUnetSizes{}), count);
}

TEST(HarmonicUnet, FoldsItsBatchNormalisationIntoWhatAModelFileHolds) {
  const test::TemporaryFolder folder;
  const torch::NoGradGuard no_gradients;
  torch::manual_seed(1);
  const HarmonicUnetSizes sizes = harmonic_unet_sizes(harmonic_file());
  HarmonicUnet network(sizes, true);
  for (int step = 0; step < 3; ++step) network->forward(torch::randn({2, 2, 22, 33}));  // its statistics move
  network->eval();
  ModelInfo info = harmonic_file().info();
  state_sizes(sizes, info);
  write_model_file(folder / "model.safetensors", info, network->stored_tensors(), TensorType::float32);
  const ModelFile file(folder / "model.safetensors");
  HarmonicUnet folded(harmonic_unet_sizes(file));
  load_parameters(*folded, file);
  folded->eval();
  const torch::Tensor x = torch::randn({1, 2, 30, 33});
  EXPECT_TRUE(folded->forward(x).allclose(network->forward(x), 1e-4, 1e-4));
}

TEST(HarmonicUnet, GivesTheEstimatorTheMaskOfTheWholeSong) {
  test::expect_mask_of_the_whole_song(harmonic_file(), *harmonic_network());
}

TEST(HarmonicUnet, RefusesSizesThatDoNotFitTheFile) {
  const test::TemporaryFolder folder;
  const auto expect_refused = [&](const ModelInfo& info, const std::string& text) {
    write_model_file(folder / "model.safetensors", info, {{"mask.bias", {1}, {0}}}, TensorType::float32);
    try {
      (void)harmonic_unet_sizes(ModelFile(folder / "model.safetensors"));
      ADD_FAILURE() << "accepted; expected " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::model);
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
  };
  const auto expect_size_refused = [&](const char* name, std::vector<std::int64_t> values,
                                       const std::string& text) {
    ModelInfo info = harmonic_file().info();
    info.sizes[name] = std::move(values);
    expect_refused(info, text);
  };
  expect_refused(harmonic_file().info(), "parameters of the stated sizes; expected ");
  expect_size_refused("positions", {40}, "expected 1 or 2 input_planes, 16 n positions");
  expect_size_refused("positions", {131072}, "at most 4194304 positions times bins");
  expect_size_refused("positions_per_octave", {33}, "an octave of them or more");
  expect_size_refused("input_planes", {3}, "expected 1 or 2 input_planes");
  expect_size_refused("harmonic_channels", {4, 5, 3, 6}, "size harmonic_channels; expected 5 values, got 4");
  expect_size_refused("dense_units", {5, 4, 3}, "size dense_units; expected 4 values, got 3");
  expect_size_refused("harmonic_dilations", {2000}, "at most 4096 frames of context");
  ModelInfo info = harmonic_file().info();
  info.architecture = "thesis-cnn";
  expect_refused(info, "architecture; expected harmonic-unet, got thesis-cnn");
}

TEST(HarmonicUnet, GoesOnFromWhatAModelFileHolds) {
  const torch::NoGradGuard no_gradients;
  HarmonicUnet network(harmonic_unet_sizes(harmonic_file()), true);
  network->adopt(harmonic_file());
  network->train();
  // The batch normalisation is measured in the first pass, which gives what the file's network gives.
  const torch::Tensor x = input(harmonic_file());
  const torch::Tensor first = network->forward(x);  // with dropout
  EXPECT_EQ(first.sizes(), expected_logits(harmonic_file()).sizes());
  network->eval();
  EXPECT_TRUE(network->forward(x).allclose(expected_logits(harmonic_file()), 1e-3, 1e-3));
}

TEST(HarmonicUnet, ComputesTheSameWhereNothingIsLearned) {
  torch::manual_seed(9);
  HarmonicUnetSizes sizes;  // channels that the kernels of separation take
  sizes.bins = 65;
  sizes.positions = 32;
  sizes.positions_per_octave = 8;
  sizes.channels = {16, 16, 48, 16, 32};
  sizes.dense_units = {9, 5, 3, 2};
  HarmonicUnet network(sizes);
  network->eval();
  for (torch::Tensor& parameter : network->parameters()) {
    const torch::NoGradGuard unlearned;
    parameter.copy_(0.3 * torch::randn_like(parameter));
    if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(torch::MemoryFormat::ChannelsLast));
  }
  const torch::Tensor windows = torch::randn({2, 2, 30, 65});
  const torch::Tensor expected = network->forward(windows).detach();
  const torch::NoGradGuard unlearned;
  const torch::Tensor got = network->forward(windows);
  EXPECT_LT((got - expected).abs().max().item<float>(), 1e-4 * expected.abs().max().item<float>());
}

}  // namespace
}  // namespace svsep
