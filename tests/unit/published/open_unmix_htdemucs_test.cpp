#include "golden_network.hpp"
#include "network/published/bag.hpp"
#include "network/published/htdemucs.hpp"
#include "network/published/wiener.hpp"
#include "svsep/error.hpp"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace svsep {
namespace {

// Golden values: scripts/make_golden_published.py (openunmix and demucs of PyPI).
class PublishedNetworkTest : public testing::TestWithParam<const char*> {
 protected:
  c10::InferenceMode inference_;
};

TEST_P(PublishedNetworkTest, GivesTheStemsOfTheReference) {
  const GoldenNetwork golden(GetParam());
  EXPECT_LT(golden.difference(golden.network->forward(golden.mixture.unsqueeze(0))[0]), 1e-5);
}

TEST_P(PublishedNetworkTest, SeparatesEachChunkOfABatchAlike) {
  const GoldenNetwork golden(GetParam());
  const torch::Tensor& x = golden.mixture;
  const torch::Tensor batch = torch::stack({x.flip(1), x * 0.5, x, x.flip(0), x * 0.1, x + 0.1, x * 2});
  EXPECT_LT(golden.difference(golden.network->forward(batch)[2]), 1e-5);
}

TEST_P(PublishedNetworkTest, GivesTheSameOnAnyNumberOfThreads) {
  const GoldenNetwork golden(GetParam());
  const int threads = at::get_num_threads();
  const torch::Tensor on_all = golden.network->forward(golden.mixture.unsqueeze(0));
  at::set_num_threads(1);
  const torch::Tensor on_one = golden.network->forward(golden.mixture.unsqueeze(0));
  at::set_num_threads(threads);
  EXPECT_LT((on_all - on_one).abs().max().item<double>(), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Families, PublishedNetworkTest,
                         testing::Values("open_unmix_tiny", "open_unmix_tiny_alone", "htdemucs_tiny",
                                         "htdemucs_tiny_plain"));

TEST(HtDemucs, FillsAShorterChunkWithSilence) {
  const c10::InferenceMode inference;
  const GoldenNetwork golden("htdemucs_tiny");
  const torch::Tensor half = golden.mixture.narrow(1, 0, 600).unsqueeze(0);
  const torch::Tensor padded = torch::constant_pad_nd(half, {0, golden.mixture.size(1) - 600});
  const torch::Tensor stems = golden.network->forward(half);
  ASSERT_EQ(stems.size(-1), 600);
  EXPECT_TRUE(stems.allclose(golden.network->forward(padded).narrow(-1, 0, 600)));
}

TEST(HtDemucs, GivesSilenceNearlyAsSilence) {
  const c10::InferenceMode inference;
  const GoldenNetwork golden("htdemucs_tiny");
  const torch::Tensor stems = golden.network->forward(torch::zeros_like(golden.mixture).unsqueeze(0));
  EXPECT_LT(stems.abs().max().item<double>(), 1e-4);
}

TEST(HtDemucs, RefusesSizesThatDoNotFitTogether) {
  ModelInfo info = GoldenNetwork("htdemucs_tiny").file.info();
  info.sizes["heads"] = {3};
  EXPECT_THROW((void)make_published_network(info), Error);
  info.sizes["heads"] = {2};
  info.sizes["depth"] = {4};
  EXPECT_THROW((void)make_published_network(info), Error);
  info.sizes.erase("depth");
  EXPECT_THROW((void)make_published_network(info), Error);
}

TEST(Wiener, GivesStemsThatAddUpToTheMixtureWhereTheirPowersDo) {
  const torch::Tensor mixture = torch::randn({2, 20, 70}, torch::kComplexFloat);
  const torch::Tensor level = mixture.abs().transpose(0, 1).contiguous();
  const torch::Tensor stems = wiener_filter(mixture, {level * 0.8, level * 0.6}, 300);
  EXPECT_LT((stems.sum(0) - mixture).abs().max().item<double>(), 1e-2);
}

TEST(Wiener, SilencesATargetOfMagnitudeZero) {
  const torch::Tensor mixture = torch::randn({2, 20, 70}, torch::kComplexFloat);
  const torch::Tensor level = mixture.abs().transpose(0, 1).contiguous();
  const torch::Tensor stems = wiener_filter(mixture, {level, torch::zeros_like(level)}, 300);
  EXPECT_EQ(stems[1].abs().max().item<double>(), 0.0);
}

/// Gives the mixture times a number for each stem.
class Multiplier : public ChunkNetwork {
 public:
  Multiplier(double first, double second) : factors_(torch::tensor({first, second}, torch::kFloat)) {}
  torch::Tensor forward(const torch::Tensor& mixture) override {
    ++calls;
    return mixture.unsqueeze(1) * factors_.view({1, 2, 1, 1});
  }
  int calls = 0;

 private:
  torch::Tensor factors_;
};

TEST(Bag, WeighsEveryNetworkPerStem) {
  Bag bag({std::make_shared<Multiplier>(1, 2), std::make_shared<Multiplier>(3, 4)}, {{1, 1}, {3, 0}});
  const torch::Tensor stems = bag.forward(torch::ones({1, 2, 5}));
  EXPECT_FLOAT_EQ(stems[0][0][0][0].item<float>(), 2.5F);
  EXPECT_FLOAT_EQ(stems[0][1][0][0].item<float>(), 2.0F);
}

TEST(Bag, DoesNotRunNetworksThatCountForNoStemInUse) {
  const auto first = std::make_shared<Multiplier>(1, 2), second = std::make_shared<Multiplier>(3, 4);
  Bag bag({first, second}, {{1, 0}, {0, 1}});
  bag.keep_stems({true, false});
  (void)bag.forward(torch::ones({1, 2, 5}));
  EXPECT_EQ(first->calls, 1);
  EXPECT_EQ(second->calls, 0);
}

}  // namespace
}  // namespace svsep
