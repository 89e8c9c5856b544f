#include "network/mask/thesis_cnn.hpp"

#include "svsep/error.hpp"
#include "tiny_model.hpp"

#include <cmath>
#include <cstdint>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <support/temporary_folder.hpp>

namespace svsep {
namespace {

/// Values -1..1: the upper 24 bits of SplitMix64 (Steele et al. 2014), as in scripts/make_golden_cnn.py.
torch::Tensor splitmix(std::uint64_t stream, torch::IntArrayRef shape) {
  torch::Tensor values = torch::empty(shape);
  float* const data = values.data_ptr<float>();
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    std::uint64_t z = (stream << 40U) + static_cast<std::uint64_t>(i + 1) * 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    z ^= z >> 31U;
    data[i] = static_cast<float>(z >> 40U) * 0x1p-23F - 1.0F;
  }
  return values;
}

TEST(ThesisCnn, HasTheParametersOfTheThesis) {
  const ThesisCnn network;
  std::int64_t count = 0;
  for (const torch::Tensor& parameter : network->parameters()) count += parameter.numel();
  EXPECT_EQ(count, 19'489'049);
}

TEST(ThesisCnn, StartsWithGlorotUniformKernelsAndBiasesOfATenth) {
  torch::manual_seed(1);
  const ThesisCnn network;
  for (const auto& parameter : network->named_parameters()) {
    const torch::Tensor& values = parameter.value();
    if (values.dim() == 1) {
      EXPECT_TRUE(values.eq(0.1F).all().item<bool>()) << parameter.key();
      continue;
    }
    const std::int64_t receptive_field = values.dim() == 4 ? values.size(2) * values.size(3) : 1;
    const double limit =
        std::sqrt(6.0 / static_cast<double>(receptive_field * (values.size(0) + values.size(1))));
    EXPECT_LE(values.abs().max().item<double>(), limit * (1 + 1e-6)) << parameter.key();
    EXPECT_GT(values.abs().max().item<double>(), limit * 0.99) << parameter.key();
    EXPECT_NEAR(values.std().item<double>(), limit / std::sqrt(3.0), limit * 0.02) << parameter.key();
  }
}

TEST(ThesisCnn, StartsTheSameFromTheSameSeed) {
  torch::manual_seed(5);
  const ThesisCnn first(test::tiny_sizes());
  torch::manual_seed(5);
  const ThesisCnn second(test::tiny_sizes());
  for (const auto& parameter : first->named_parameters()) {
    EXPECT_TRUE(parameter.value().equal(second->named_parameters()[parameter.key()])) << parameter.key();
  }
}

// Golden values: scripts/make_golden_cnn.py tests/golden (TensorFlow's Keras).
TEST(ThesisCnn, AgreesWithKerasOnTheMask) {
  ThesisCnn network;
  network->eval();
  const torch::NoGradGuard no_gradients;
  std::uint64_t stream = 0;
  for (const char* layer : {"conv1", "conv2", "conv3", "conv4", "dense1", "dense2", "dense3"}) {
    torch::Tensor weight = network->named_parameters()[std::string(layer) + ".weight"];
    torch::Tensor bias = network->named_parameters()[std::string(layer) + ".bias"];
    const double fan_in = static_cast<double>(weight.numel() / weight.size(0));
    weight.copy_(splitmix(stream++, weight.sizes()) * static_cast<float>(std::sqrt(6 / fan_in)));
    bias.copy_(splitmix(stream++, bias.sizes()) * 0.1F);
  }
  const torch::Tensor mask = network(splitmix(100, {1, 9, 2049})).sigmoid().squeeze(0);

  constexpr std::int64_t kBinStep = 37;
  std::ifstream file(SVSEP_GOLDEN_DIR "/cnn_mask.txt");
  std::string line;
  std::int64_t frame = 0;
  for (; std::getline(file, line); ++frame) {
    std::istringstream values(line);
    double expected = 0;
    values >> expected;
    EXPECT_NEAR(mask[frame].sum(torch::kDouble).item<double>(), expected, 0.02) << "sum of frame " << frame;
    std::int64_t bin = 0;
    for (; values >> expected; bin += kBinStep) {
      ASSERT_NEAR(mask[frame][bin].item<double>(), expected, 1e-4) << "frame " << frame << ", bin " << bin;
    }
    EXPECT_GT(bin, 2049 - 1) << "frame " << frame;
  }
  EXPECT_EQ(frame, 9);
}

TEST(ThesisCnn, DropsOnlyWhileItTrains) {
  torch::manual_seed(3);
  ThesisCnn network(test::tiny_sizes());
  const torch::Tensor input = torch::rand({2, 9, 33});
  network->eval();
  EXPECT_TRUE(network(input).equal(network(input)));
  network->train();
  EXPECT_FALSE(network(input).equal(network(input)));
}

TEST(ThesisCnn, SlidesOverASongAsIfWindowByWindow) {
  torch::manual_seed(4);
  const torch::NoGradGuard no_gradients;
  for (const std::int64_t window : {9, 5, 4, 10}) {  // those of 4 frames share nothing
    ThesisCnnSizes sizes = test::tiny_sizes();
    sizes.window_frames = window;
    sizes.bins = 170;
    ThesisCnn network(sizes);
    network->eval();
    for (std::int64_t stride = 1; stride <= window; ++stride) {
      for (const std::int64_t count : {1, 2, 7}) {
        const torch::Tensor song = torch::randn({(count - 1) * stride + window, sizes.bins});
        const torch::Tensor logits = network->slide(song, {window, stride, stride});
        ASSERT_EQ(logits.sizes(), (std::vector<std::int64_t>{count, stride, sizes.bins}));
        for (std::int64_t i = 0; i < count; ++i) {
          const torch::Tensor expected = network(song.narrow(0, i * stride, window).unsqueeze(0))[0];
          const std::int64_t first = (window - stride + 1) / 2;
          ASSERT_TRUE(logits[i].allclose(expected.narrow(0, first, stride), 0, 1e-5))
              << "windows of " << window << ", stride " << stride << ", window " << i << " of " << count;
        }
      }
    }
  }
}

TEST(ThesisCnn, AveragesTheMasksOfAllWindowsThatOverlapAFrame) {
  torch::manual_seed(5);
  const torch::NoGradGuard no_gradients;
  ThesisCnn network(test::tiny_sizes());
  network->eval();
  for (const std::int64_t overlap : {1, 3, 9}) {
    const Windows windows{9, 9 / overlap, 9};
    constexpr std::int64_t kSongFrames = 36;
    const torch::Tensor song = torch::randn({kSongFrames, 33});
    const torch::Tensor masks = network->masks(song, windows);
    const std::int64_t first = 9 - windows.hop;  // the frame that the first mask is of
    ASSERT_EQ(masks.size(0), kSongFrames - 2 * first);
    for (std::int64_t frame = first; frame < kSongFrames - first; ++frame) {
      torch::Tensor sum = torch::zeros({33});
      for (std::int64_t start = 0; start + 9 <= kSongFrames; start += windows.hop) {
        if (frame < start || frame >= start + 9) continue;
        sum += network(song.narrow(0, start, 9).unsqueeze(0))[0][frame - start].sigmoid();
      }
      ASSERT_TRUE(masks[frame - first].allclose(sum / static_cast<double>(overlap), 0, 1e-5))
          << overlap << " windows, frame " << frame;
    }
  }
}

TEST(ThesisCnn, RefusesAnotherArchitectureAndSizesThatDoNotFitTheFile) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder / "model.safetensors";
  const auto expect_refused = [&](const ModelInfo& info, const std::string& text) {
    test::write_tiny_model(path, info);
    try {
      (void)thesis_cnn_sizes(ModelFile(path));
      ADD_FAILURE() << "accepted; expected " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::model);
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
  };
  ModelInfo info = test::tiny_info();
  info.architecture = "u-net";
  expect_refused(info, "architecture; expected thesis-cnn, got u-net");
  info = test::tiny_info();
  info.sizes.erase("dense_units");
  expect_refused(info, "size dense_units; expected 2 values, got 0");
  info = test::tiny_info();
  info.sizes["convolution_channels"] = {1 << 20, 1 << 20, 1 << 20, 1 << 20};
  expect_refused(info, "parameters of the stated sizes; expected ");
}

}  // namespace
}  // namespace svsep
