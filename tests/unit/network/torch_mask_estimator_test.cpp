#include "network/mask/torch_mask_estimator.hpp"

#include "svsep/error.hpp"
#include "tiny_model.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <span>
#include <string>
#include <support/temporary_folder.hpp>
#include <utility>
#include <vector>

namespace svsep {
namespace {

constexpr std::int64_t kBins = 33;
constexpr std::int64_t kHalf = 4;  ///< frames of a window before its middle one

/// A song of magnitudes: 0 before frame 0 and from `frames` on, as the separator gives it.
class Song {
 public:
  explicit Song(std::int64_t frames) : frames_(frames), magnitudes_(torch::rand({frames, kBins}) * 3) {}

  /// Rows first .. first + count, zeros beyond the ends.
  [[nodiscard]] torch::Tensor rows(std::int64_t first, std::int64_t count) const {
    torch::Tensor block = torch::zeros({count, kBins});
    for (std::int64_t row = 0; row < count; ++row) {
      if (first + row >= 0 && first + row < frames_) block[row].copy_(magnitudes_[first + row]);
    }
    return block;
  }

 private:
  std::int64_t frames_;
  torch::Tensor magnitudes_;
};

/// The mask of the batch that starts at frame `first`.
torch::Tensor estimate(TorchMaskEstimator& estimator, const Song& song, std::int64_t first,
                       float gain = 1.0F) {
  const auto context = static_cast<std::int64_t>(estimator.context_frames());
  const auto batch = static_cast<std::int64_t>(estimator.batch_frames());
  const torch::Tensor block = (song.rows(first - context, 2 * context + batch) * gain).contiguous();
  torch::Tensor mask = torch::full({batch, kBins}, NAN);
  const auto count = [](const torch::Tensor& tensor) { return static_cast<std::size_t>(tensor.numel()); };
  estimator.estimate({block.data_ptr<float>(), count(block)}, {mask.data_ptr<float>(), count(mask)});
  return mask;
}

class TorchMaskEstimatorTest : public testing::Test {
 protected:
  TorchMaskEstimatorTest() {
    torch::manual_seed(11);
    torch::set_num_threads(1);  // so little work is quicker alone
  }

  TorchMaskEstimator open(std::size_t stride, InputTransform transform = InputTransform::log_level,
                          std::size_t overlap = 1) {
    ModelInfo info = test::tiny_info();
    info.input_transform = transform;
    network_ = test::write_tiny_model(path_, info);
    return {ModelFile(path_), torch::kCPU, stride, torch::kFloat, overlap};
  }

  test::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "model.safetensors";
  ThesisCnn network_{nullptr};
};

TEST_F(TorchMaskEstimatorTest, AddsTheOutputBiasOfTheFileToEachBinsLogits) {
  const ModelInfo info = test::tiny_info();
  const ThesisCnn network = test::write_tiny_model(path_, info);
  TorchMaskEstimator without(ModelFile(path_), torch::kCPU, 9);
  std::vector<NamedTensor> tensors = named_tensors(*network);
  for (NamedTensor& tensor : named_tensors(load_statistics(ModelFile(path_)))) {
    tensors.push_back(std::move(tensor));
  }
  const torch::Tensor bias = torch::linspace(-2, 2, kBins);
  tensors.push_back(named_tensor("output.bias", bias));
  write_model_file(path_, info, tensors, TensorType::float32);
  TorchMaskEstimator with(ModelFile(path_), torch::kCPU, 9);
  const Song song(100);
  const torch::Tensor expected = (estimate(without, song, 0).logit() + bias).sigmoid();
  EXPECT_TRUE(estimate(with, song, 0).allclose(expected, 0, 1e-5));

  tensors.back() = named_tensor("output.bias", torch::zeros({kBins + 1}));
  write_model_file(path_, info, tensors, TensorType::float32);
  EXPECT_THROW(TorchMaskEstimator(ModelFile(path_), torch::kCPU, 9), Error);
}

TEST_F(TorchMaskEstimatorTest, GivesEachFrameTheMiddleOfTheWindowAroundIt) {
  TorchMaskEstimator estimator = open(1, InputTransform::magnitude);
  EXPECT_EQ(estimator.context_frames(), 4U);
  const Song song(100);
  const torch::Tensor mask = estimate(estimator, song, 0);
  const torch::NoGradGuard no_gradients;
  for (std::int64_t frame = 0; frame < mask.size(0); ++frame) {
    const torch::Tensor window = song.rows(frame - kHalf, 9).unsqueeze(0);
    EXPECT_TRUE(mask[frame].allclose(network_(window).sigmoid()[0][kHalf], 0, 1e-6)) << "frame " << frame;
  }
}

TEST_F(TorchMaskEstimatorTest, KeepsTheMiddleFramesOfEveryStridethWindow) {
  const Song song(400);
  for (std::int64_t stride = 1; stride <= 9; ++stride) {
    TorchMaskEstimator estimator = open(static_cast<std::size_t>(stride), InputTransform::magnitude);
    const torch::Tensor mask = estimate(estimator, song, 0);
    ASSERT_EQ(mask.size(0) % stride, 0);
    const torch::NoGradGuard no_gradients;
    for (std::int64_t group = 0; group < mask.size(0); group += stride) {
      const std::int64_t centre = group + (stride - 1) / 2;
      const torch::Tensor window = song.rows(centre - kHalf, 9).unsqueeze(0);
      const torch::Tensor expected = network_(window).sigmoid()[0].narrow(0, kHalf + group - centre, stride);
      ASSERT_TRUE(mask.narrow(0, group, stride).allclose(expected, 0, 1e-6))
          << "stride " << stride << ", frame " << group;
    }
  }
}

TEST_F(TorchMaskEstimatorTest, AveragesTheWindowsThatOverlapAFrame) {
  const Song song(400);
  for (const std::int64_t overlap : {3, 9}) {
    TorchMaskEstimator estimator = open(1, InputTransform::magnitude, static_cast<std::size_t>(overlap));
    const std::int64_t hop = 9 / overlap;
    const torch::Tensor mask = estimate(estimator, song, 0);
    ASSERT_EQ(mask.size(0) % hop, 0);
    const torch::NoGradGuard no_gradients;
    for (std::int64_t frame = 0; frame < mask.size(0); ++frame) {
      torch::Tensor sum = torch::zeros({kBins});
      for (std::int64_t start = frame / hop * hop; start > frame - 9; start -= hop) {
        sum += network_(song.rows(start, 9).unsqueeze(0)).sigmoid()[0][frame - start];
      }
      ASSERT_TRUE(mask[frame].allclose(sum / static_cast<double>(overlap), 0, 1e-6))
          << overlap << " windows, frame " << frame;
    }
  }
}

TEST_F(TorchMaskEstimatorTest, GivesAFrameTheSameMaskWhereverInABatchItFalls) {
  TorchMaskEstimator estimator = open(1);
  EXPECT_EQ(estimator.context_frames(), 24U);
  const Song song(200);
  const torch::Tensor mask = estimate(estimator, song, 0);
  for (const std::int64_t shift : {1, 7, 16, 33}) {
    const torch::Tensor shifted = estimate(estimator, song, shift);
    const std::int64_t common = mask.size(0) - shift;
    EXPECT_TRUE(mask.slice(0, shift).allclose(shifted.slice(0, 0, common), 0, 1e-5)) << "shift " << shift;
  }
}

TEST_F(TorchMaskEstimatorTest, GivesAQuietSongTheMaskOfALoudOne) {
  TorchMaskEstimator estimator = open(1);
  const Song song(50);  // ends within the batch
  const torch::Tensor loud = estimate(estimator, song, 0);
  EXPECT_TRUE(loud.allclose(estimate(estimator, song, 0, 0.01F), 0, 1e-3));
  EXPECT_GE(loud.min().item<float>(), 0);
  EXPECT_LE(loud.max().item<float>(), 1);
  EXPECT_GT(loud.std().item<float>(), 1e-3);
}

TEST_F(TorchMaskEstimatorTest, AnswersForFewerFramesAsForABatch) {
  TorchMaskEstimator cnn = open(3);
  TorchMaskEstimator unet(ModelFile(SVSEP_GOLDEN_DIR "/harmonic_unet_tiny.safetensors"), torch::kCPU, 1);
  for (TorchMaskEstimator* estimator : {&cnn, &unet}) {
    const std::size_t values = estimator->input_planes() * estimator->analysis().stft.bins();
    const std::size_t context = 2 * estimator->context_frames();
    const std::size_t batch = estimator->batch_frames();
    const torch::Tensor block = torch::rand({static_cast<std::int64_t>((context + batch) * values)});
    const std::span<const float> seen(block.data_ptr<float>(), (context + batch) * values);
    std::vector<float> whole(batch * estimator->analysis().stft.bins());
    estimator->estimate(seen, whole);
    ASSERT_LT(estimator->step_frames(), batch);
    std::vector<float> part(estimator->step_frames() * estimator->analysis().stft.bins());
    estimator->estimate(seen.first((context + estimator->step_frames()) * values), part);
    for (std::size_t n = 0; n < part.size(); ++n) ASSERT_NEAR(part[n], whole[n], 1e-5) << n;
  }
}

TEST_F(TorchMaskEstimatorTest, StaysFiniteInSilence) {
  TorchMaskEstimator estimator = open(2);
  EXPECT_TRUE(estimate(estimator, Song(0), 0).isfinite().all().item<bool>());
}

// Golden values: scripts/make_golden_cnn.py tests/golden (TensorFlow's Keras, the safetensors package).
TEST_F(TorchMaskEstimatorTest, AgreesWithKerasThroughAnIndependentModelFile) {
  for (const std::string type : {"f32", "f16"}) {
    const ModelFile file(SVSEP_GOLDEN_DIR "/cnn_tiny_" + type + ".safetensors");
    TorchMaskEstimator estimator(file, torch::kCPU, 9);  // one window gives a group of nine frames
    const std::array<std::int64_t, 2> shape = {9, kBins};
    std::vector<float> block = file.values("input.golden", shape);
    block.resize((2 * estimator.context_frames() + estimator.batch_frames()) * kBins);
    std::vector<float> mask(estimator.batch_frames() * kBins);
    // The first group's window starts with the batch, after the context.
    block.insert(block.begin(), estimator.context_frames() * kBins, 0.0F);
    block.resize(block.size() - estimator.context_frames() * kBins);
    estimator.estimate(block, mask);
    const std::vector<float> expected = file.values("input.golden_mask", shape);
    for (std::size_t i = 0; i < expected.size(); ++i)
      ASSERT_NEAR(mask[i], expected[i], 1e-5) << type << " " << i;
  }
}

TEST_F(TorchMaskEstimatorTest, RefusesAnOverlapThatDoesNotDivideTheWindow) {
  EXPECT_THROW(open(9, InputTransform::log_level, 2), Error);
  EXPECT_THROW(open(9, InputTransform::log_level, 0), Error);
}

TEST_F(TorchMaskEstimatorTest, RefusesAStrideBeyondTheWindow) {
  EXPECT_THROW(open(0), Error);
  EXPECT_THROW(open(10), Error);
}

TEST_F(TorchMaskEstimatorTest, RefusesStatisticsThatCannotDivide) {
  const ThesisCnn network(test::tiny_sizes());
  std::vector<NamedTensor> tensors = named_tensors(*network);
  for (NamedTensor& tensor : named_tensors({torch::zeros({kBins}), torch::zeros({kBins})})) {
    tensors.push_back(std::move(tensor));
  }
  write_model_file(path_, test::tiny_info(), tensors, TensorType::float32);
  EXPECT_THROW(TorchMaskEstimator(ModelFile(path_), torch::kCPU, 1), Error);
}

}  // namespace
}  // namespace svsep
