#include "network/mask/unet_tcn.hpp"

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

constexpr std::array<std::int64_t, 2> kGoldenShape = {30, 33};        // frames, bins
constexpr std::array<std::int64_t, 3> kTwoPlanesShape = {2, 30, 33};  // planes, frames, bins

// Golden values: scripts/make_golden_unet.py tests/golden (numpy).
ModelFile golden_file(const std::string& planes = "") {
  return ModelFile(SVSEP_GOLDEN_DIR "/unet_tcn_tiny" + planes + ".safetensors");
}

torch::Tensor golden_tensor(const char* name) {
  return torch::tensor(golden_file().values(name, kGoldenShape)).view({1, kGoldenShape[0], kGoldenShape[1]});
}

UnetTcn golden_network(const std::string& planes = "") {
  const ModelFile file = golden_file(planes);
  UnetTcn network(unet_tcn_sizes(file));
  load_parameters(*network, file);
  network->eval();
  return network;
}

TEST(UnetTcn, AgreesWithNumpyOnTheLogits) {
  const torch::NoGradGuard no_gradients;
  const torch::Tensor logits = golden_network()->forward(golden_tensor("input.golden"));
  EXPECT_TRUE(logits.allclose(golden_tensor("input.golden_logits"), 1e-5, 1e-4));
}

TEST(UnetTcn, AgreesWithNumpyOnTheLogitsOfTwoPlanes) {
  const torch::NoGradGuard no_gradients;
  const ModelFile file = golden_file("_2");
  const torch::Tensor input =
      torch::tensor(file.values("input.golden", kTwoPlanesShape)).view({1, 2, 30, 33});
  const torch::Tensor expected =
      torch::tensor(file.values("input.golden_logits", kGoldenShape)).view({1, 30, 33});
  EXPECT_TRUE(golden_network("_2")->forward(input).allclose(expected, 1e-5, 1e-4));
}

TEST(UnetTcn, SeesNoFurtherThanItsContext) {
  const torch::NoGradGuard no_gradients;
  UnetTcn network = golden_network();
  const std::int64_t context = unet_tcn_sizes(golden_file()).context_frames();
  ASSERT_EQ(context, 11);  // 1 + 3 + 2 of the blocks and 5 of the convolutions
  const torch::Tensor input = golden_tensor("input.golden");
  torch::Tensor changed = input.clone();
  changed[0][15] += 1;
  const torch::Tensor difference = (network->forward(changed) - network->forward(input)).abs().amax({0, 2});
  for (std::int64_t frame = 0; frame < kGoldenShape[0]; ++frame) {
    EXPECT_EQ(difference[frame].item<float>() > 0, std::abs(frame - 15) <= context) << "frame " << frame;
  }
}

TEST(UnetTcn, HasTheParametersThatItsSizesAskFor) {
  const UnetTcn network;  // unet_tcn_sizes compares the count with the file's, so it must be right
  std::int64_t count = 0;
  for (const torch::Tensor& parameter : network->parameters()) count += parameter.numel();
  EXPECT_EQ(count, 3'133'236);
}

TEST(UnetTcn, GivesTheEstimatorTheMaskOfTheWholeSong) {
  for (const char* planes : {"", "_2"}) {
    test::expect_mask_of_the_whole_song(golden_file(planes), *golden_network(planes));
  }
}

TEST(UnetTcn, FoldsItsBatchNormalisationIntoWhatAModelFileHolds) {
  const test::TemporaryFolder folder;
  const torch::NoGradGuard no_gradients;
  torch::manual_seed(1);
  const UnetTcnSizes sizes = unet_tcn_sizes(golden_file());
  UnetTcn network(sizes, true);
  for (int step = 0; step < 3; ++step) network->forward(torch::randn({2, 20, 33}));  // its statistics move
  network->eval();
  ModelInfo info = golden_file().info();
  state_sizes(sizes, info);
  write_model_file(folder / "model.safetensors", info, network->stored_tensors(), TensorType::float32);
  const ModelFile file(folder / "model.safetensors");
  UnetTcn folded(unet_tcn_sizes(file));
  load_parameters(*folded, file);
  folded->eval();
  const torch::Tensor x = torch::randn({1, 30, 33});
  EXPECT_TRUE(folded->forward(x).allclose(network->forward(x), 1e-4, 1e-4));
}

TEST(UnetTcn, RefusesSizesThatDoNotFitTheFile) {
  const test::TemporaryFolder folder;
  const auto expect_refused = [&](const ModelInfo& info, const std::string& text) {
    write_model_file(folder / "model.safetensors", info, {{"mask.bias", {4}, {0, 0, 0, 0}}},
                     TensorType::float32);
    try {
      (void)unet_tcn_sizes(ModelFile(folder / "model.safetensors"));
      ADD_FAILURE() << "accepted; expected " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::model);
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
  };
  ModelInfo info = golden_file().info();
  expect_refused(info, "parameters of the stated sizes; expected ");
  info.sizes["channels"] = {8, 13};
  expect_refused(info, "channels in multiples of 4");
  info = golden_file().info();
  info.sizes["input_planes"] = {3};
  expect_refused(info, "size input_planes; expected 1 or 2, got 3");
  info = golden_file().info();
  info.sizes["dilations"] = {5000};
  expect_refused(info, "at most 4096 frames of context");
  info.sizes.erase("dilations");
  expect_refused(info, "size dilations; expected 1 values, got 0");
  info = golden_file().info();
  info.architecture = "thesis-cnn";
  expect_refused(info, "architecture; expected unet-tcn, got thesis-cnn");
}

}  // namespace
}  // namespace svsep
