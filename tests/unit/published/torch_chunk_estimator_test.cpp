#include "network/published/torch_chunk_estimator.hpp"

#include "network/mask/mask_network.hpp"
#include "network/published/families.hpp"
#include "support/separate.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace svsep {
namespace {

ModelFile golden_file(const std::string& name) {
  return ModelFile(std::filesystem::path(SVSEP_GOLDEN_DIR) / (name + ".safetensors"));
}

ChunkEstimatorOptions wanting(const std::vector<std::string>& stems) { return {.stems = stems}; }

/// Row-major values of one chunk.
std::vector<float> chunk_of_noise(const ChunkParameters& chunks) {
  std::vector<float> values;
  for (const auto& channel : noise(chunks.channels, chunks.chunk_samples).channels) {
    values.insert(values.end(), channel.begin(), channel.end());
  }
  return values;
}

TEST(TorchChunkEstimator, GivesWhatTheNetworkGives) {
  const ModelFile file = golden_file("mel_band_roformer_tiny");
  TorchChunkEstimator estimator(file, wanting({"all"}));
  const ChunkParameters& chunks = estimator.chunks();
  std::vector<float> mixture = chunk_of_noise(chunks);
  std::vector<float> stems(mixture.size() * chunks.stems.size());
  estimator.estimate(mixture, stems);

  const c10::InferenceMode inference;
  const std::shared_ptr<ChunkNetwork> network = make_published_network(file.info());
  load_parameters(*network, file);
  network->prepare(torch::kFloat);
  const auto channels = static_cast<std::int64_t>(chunks.channels);
  const auto samples = static_cast<std::int64_t>(chunks.chunk_samples);
  const torch::Tensor expected =
      network->forward(torch::from_blob(mixture.data(), {1, channels, samples})).contiguous();
  EXPECT_EQ(stems,
            std::vector<float>(expected.data_ptr<float>(), expected.data_ptr<float>() + expected.numel()));
}

TEST(TorchChunkEstimator, SeparatesASongIntoStemsThatAddUpToIt) {
  for (const char* model : {"bs_roformer_tiny", "bs_roformer_tiny_stems", "mel_band_roformer_tiny"}) {
    TorchChunkEstimator estimator(golden_file(model), wanting({"all"}));
    for (const int rate_hz : {44100, 32000}) {
      const AudioBuffer song = noise(3, 4001);
      const auto stems = separate_stems(estimator, song, rate_hz, {.stems = {"all", "rest"}});
      ASSERT_EQ(stems.size(), estimator.stems().size() + 1);
      for (std::size_t n = 0; n < song.samples(); ++n) {
        float sum = 0;
        for (const AudioBuffer& stem : stems) sum += stem.channels[2][n];
        ASSERT_NEAR(sum, song.channels[2][n], 1e-5) << model << ", sample " << n;
      }
    }
  }
}

TEST(TorchChunkEstimator, TakesTheOverlapThatIsAskedFor) {
  const ModelFile file = golden_file("bs_roformer_tiny");
  EXPECT_EQ(TorchChunkEstimator(file, {}).chunks().overlap, 0.5);
  EXPECT_EQ(TorchChunkEstimator(file, {.overlap = 0.25}).chunks().overlap, 0.25);
  EXPECT_THROW(TorchChunkEstimator(file, {.overlap = 1.0}), Error);
  EXPECT_THROW(TorchChunkEstimator(file, {.overlap = -0.1}), Error);
}

TEST(TorchChunkEstimator, RefusesStemsThatItWasNotPreparedFor) {
  TorchChunkEstimator estimator(golden_file("mel_band_roformer_tiny"), wanting({"vocals"}));
  EXPECT_NO_THROW((void)estimator.make_separator({}, {}, [](auto) {}));  // vocals and the mixture less them
  EXPECT_THROW((void)estimator.make_separator({}, {.stems = {"drums"}}, [](auto) {}), Error);
  EXPECT_THROW(TorchChunkEstimator(golden_file("mel_band_roformer_tiny"), wanting({"piano"})), Error);
}

TEST(TorchChunkEstimator, RefusesAModelThatEstimatesMasks) {
  try {
    TorchChunkEstimator(golden_file("cnn_tiny_f32"), {});
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::model);
    EXPECT_NE(std::string(error.what()).find("cnn_tiny_f32"), std::string::npos);
  }
}

}  // namespace
}  // namespace svsep
