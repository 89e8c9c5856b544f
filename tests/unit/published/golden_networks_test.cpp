
#include "network/mask/mask_network.hpp"
#include "network/published/families.hpp"
#include "svsep/error.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace svsep {
namespace {

ModelFile golden_file(const std::string& name) {
  return ModelFile(std::filesystem::path(SVSEP_GOLDEN_DIR) / (name + ".safetensors"));
}

torch::Tensor tensor_of(const ModelFile& file, const std::string& name,
                        const std::vector<std::int64_t>& shape) {
  return torch::tensor(file.values(name, shape)).view(shape);
}

std::shared_ptr<ChunkNetwork> loaded(const ModelFile& file, torch::ScalarType type = torch::kFloat) {
  std::shared_ptr<ChunkNetwork> network = make_published_network(file.info());
  load_parameters(*network, file);
  network->prepare(type);
  return network;
}

struct Golden {
  torch::Tensor mixture, stems;
};

Golden golden_of(const ModelFile& file) {
  const ChunkParameters& chunks = *file.info().chunks;
  const auto channels = static_cast<std::int64_t>(chunks.channels);
  const auto samples = static_cast<std::int64_t>(chunks.chunk_samples);
  return {tensor_of(file, "input.golden", {channels, samples}),
          tensor_of(file, "input.golden_stems",
                    {static_cast<std::int64_t>(chunks.stems.size()), channels, samples})};
}

/// The greatest difference, relative to the greatest value expected.
double relative_difference(const torch::Tensor& got, const torch::Tensor& expected) {
  return ((got - expected).abs().max() / expected.abs().max()).item<double>();
}

class GoldenNetworkTest : public testing::TestWithParam<std::string> {
 protected:
  c10::InferenceMode inference_;
};

TEST_P(GoldenNetworkTest, GivesTheStemsOfTheReference) {
  const ModelFile file = golden_file(GetParam());
  const Golden golden = golden_of(file);
  const torch::Tensor stems = loaded(file)->forward(golden.mixture.unsqueeze(0));
  EXPECT_LT(relative_difference(stems[0], golden.stems), 1e-5);
}

TEST_P(GoldenNetworkTest, SeparatesEachChunkOfABatchAlike) {
  const ModelFile file = golden_file(GetParam());
  const Golden golden = golden_of(file);
  const torch::Tensor stems =
      loaded(file)->forward(torch::stack({golden.mixture.flip(1), golden.mixture, golden.mixture * 0.5}));
  EXPECT_LT(relative_difference(stems[1], golden.stems), 1e-5);
}

TEST_P(GoldenNetworkTest, StaysNearTheReferenceInBfloat16) {
  const ModelFile file = golden_file(GetParam());
  const Golden golden = golden_of(file);
  const torch::Tensor stems = loaded(file, torch::kBFloat16)->forward(golden.mixture.unsqueeze(0));
  EXPECT_EQ(stems.scalar_type(), torch::kFloat);
  EXPECT_LT(relative_difference(stems[0], golden.stems), 0.05);
}

INSTANTIATE_TEST_SUITE_P(Published, GoldenNetworkTest,
                         testing::Values("bs_roformer_tiny", "bs_roformer_tiny_stems",
                                         "mel_band_roformer_tiny", "mel_band_roformer_tiny_linear",
                                         "mdx23c_tiny", "mdx23c_tiny_batch", "mdx23c_tiny_group"),
                         [](const auto& name) { return name.param; });

TEST(RoformerSizesTest, RefusesBandsThatLeaveBinsOut) {
  const ModelFile file = golden_file("bs_roformer_tiny");
  for (const std::vector<std::int64_t>& counts : {std::vector<std::int64_t>{2, 2, 3, 4, 6, 7, 8},
                                                  {2, 1, 3, 4, 6, 7, 9},
                                                  {2, 2, 3, 4, 6, 7, 10},
                                                  {33}}) {
    ModelInfo info = file.info();
    info.sizes["band_bins"] = counts;
    try {
      static_cast<void>(make_published_network(info));
      FAIL() << counts.size();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::model);
      EXPECT_NE(std::string(error.what()).find("size band_bins; expected"), std::string::npos)
          << error.what();
    }
  }
}

TEST(RoformerSizesTest, RefusesSizesBeyondReason) {
  const ModelFile file = golden_file("bs_roformer_tiny");
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::int64_t>>{{"depth", 0},
                                                         {"depth", 1000},
                                                         {"dim", 0},
                                                         {"dim_head", 5},
                                                         {"ff_inner", 1 << 20},
                                                         {"stft_hop_length", 65}}) {
    ModelInfo info = file.info();
    info.sizes[name] = {value};
    EXPECT_THROW(static_cast<void>(make_published_network(info)), Error) << name;
  }
}

TEST(Mdx23cSizesTest, RefusesChunksAndBinsThatDoNotHalve) {
  const ModelFile file = golden_file("mdx23c_tiny");
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::int64_t>>{{"dim_f", 44},
                                                                                     {"num_scales", 4},
                                                                                     {"num_scales", 0},
                                                                                     {"hop_length", 300},
                                                                                     {"norm", 4},
                                                                                     {"act", 3}}) {
    ModelInfo info = file.info();
    info.sizes[name] = {value};
    EXPECT_THROW(static_cast<void>(make_published_network(info)), Error) << name;
  }
}

}  // namespace
}  // namespace svsep
