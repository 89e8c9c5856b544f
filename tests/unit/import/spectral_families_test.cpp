#include "import/family.hpp"
#include "import/mel_bands.hpp"
#include "svsep/error.hpp"
#include "svsep/model_file.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <numeric>
#include <set>
#include <string>
#include <support/temporary_folder.hpp>
#include <vector>

namespace svsep {
namespace {

const std::string kTinyRoformer = R"(
audio: {chunk_size: 1024, sample_rate: 44100}
model:
  stereo: true
  freqs_per_bands: !!python/tuple [2, 2, 3, 4, 6, 7, 9]
  stft_n_fft: 64
  stft_hop_length: 16
  stft_win_length: 64
  stft_normalized: false
training: {instruments: [vocals, drums], target_instrument: vocals}
)";

const std::string kTinyMdx23c = R"(
audio: {chunk_size: 1792, dim_f: 48, hop_length: 256, n_fft: 512, num_channels: 2}
model: {act: gelu, norm: InstanceNorm}
training: {instruments: [vocals, other], target_instrument: null}
)";

class SpectralFamiliesTest : public testing::Test {
 protected:
  ValueTree config(const std::string& text) {
    const std::filesystem::path path = folder_ / "config.yaml";
    std::ofstream(path) << text;
    return read_yaml(path);
  }

  static Checkpoint golden(const std::string& name) { return open_checkpoint(golden_path(name)); }
  static std::filesystem::path golden_path(const std::string& name) {
    return std::filesystem::path(SVSEP_GOLDEN_DIR) / (name + ".safetensors");
  }

  /// That the plan is what the golden model file states and holds.
  static void expect_golden(const ImportPlan& plan, const std::string& name) {
    const ModelFile file(golden_path(name));
    EXPECT_EQ(plan.info.architecture, file.info().architecture);
    EXPECT_EQ(plan.info.sizes, file.info().sizes);
    EXPECT_EQ(plan.info.chunks->chunk_samples, file.info().chunks->chunk_samples);
    EXPECT_EQ(plan.info.chunks->channels, file.info().chunks->channels);
    std::set<std::string> listed, held;
    for (const TensorSource& tensor : plan.tensors) listed.insert(tensor.name);
    for (const std::string& tensor : file.tensor_names()) {
      if (!tensor.starts_with("input.")) held.insert(tensor);
    }
    EXPECT_EQ(listed, held);
  }

  /// What describe() says of it.
  static std::string complaint(const Family& family, const Checkpoint& checkpoint, const ValueTree& config) {
    try {
      static_cast<void>(family.describe({&checkpoint, 1}, config));
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::model);
      return error.what();
    }
    return {};
  }

  test::TemporaryFolder folder_;
};

TEST_F(SpectralFamiliesTest, RecognisesEachFamilyByItsTensors) {
  const std::array<std::pair<std::string, const Family*>, 3> files = {
      {{"bs_roformer_tiny", &kBsRoformerFamily},
       {"mel_band_roformer_tiny", &kMelBandRoformerFamily},
       {"mdx23c_tiny", &kMdx23cFamily}}};
  for (const auto& [name, expected] : files) {
    const Checkpoint checkpoint = golden(name);
    for (const Family* const family : families()) {
      EXPECT_EQ(family->recognises(checkpoint), family == expected) << name << " as " << family->name;
    }
  }
}

TEST_F(SpectralFamiliesTest, DescribesBsRoformerAsTheGoldenFileStatesIt) {
  const Checkpoint checkpoint = golden("bs_roformer_tiny");
  const ImportPlan plan = kBsRoformerFamily.describe({&checkpoint, 1}, config(kTinyRoformer));
  expect_golden(plan, "bs_roformer_tiny");
  EXPECT_EQ(plan.info.chunks->stems, std::vector<std::string>{"vocals"});
}

TEST_F(SpectralFamiliesTest, DescribesMelBandRoformerWithLinearAttention) {
  const Checkpoint checkpoint = golden("mel_band_roformer_tiny_linear");
  expect_golden(kMelBandRoformerFamily.describe({&checkpoint, 1}, config(kTinyRoformer)),
                "mel_band_roformer_tiny_linear");
}

TEST_F(SpectralFamiliesTest, DescribesMdx23cAsTheGoldenFileStatesIt) {
  const Checkpoint checkpoint = golden("mdx23c_tiny");
  const ImportPlan plan = kMdx23cFamily.describe({&checkpoint, 1}, config(kTinyMdx23c));
  expect_golden(plan, "mdx23c_tiny");
  EXPECT_EQ(plan.info.chunks->stems, (std::vector<std::string>{"vocals", "accompaniment"}));
}

TEST_F(SpectralFamiliesTest, SaysWhichConfigurationIsMissing) {
  for (const auto& [name, family] : std::vector<std::pair<std::string, const Family*>>{
           {"bs_roformer_tiny", &kBsRoformerFamily}, {"mdx23c_tiny", &kMdx23cFamily}}) {
    EXPECT_NE(complaint(*family, golden(name), {}).find("expected --config FILE.yaml"), std::string::npos);
  }
}

TEST_F(SpectralFamiliesTest, NamesTheBandThatTheConfigurationDeniesIt) {
  std::string text = kTinyRoformer;
  text.replace(text.find("[2, 2, 3,"), 9, "[2, 3, 2,");
  EXPECT_NE(complaint(kBsRoformerFamily, golden("bs_roformer_tiny"), config(text))
                .find("band_split.to_features.1.0.gamma; expected [12] as its configuration says, got [8]"),
            std::string::npos);
}

TEST_F(SpectralFamiliesTest, RefusesAnActivationItDoesNotKnow) {
  std::string text = kTinyMdx23c;
  text.replace(text.find("gelu"), 4, "swish");
  EXPECT_NE(complaint(kMdx23cFamily, golden("mdx23c_tiny"), config(text)).find("model.act"),
            std::string::npos);
}

TEST(MelBandsTest, AreThoseOfSlaneysFilterBank) {
  // librosa 0.11: (librosa.filters.mel(sr=44100, n_fft=2048, n_mels=60) > 0), bins of each row
  const BandRanges ranges = mel_bands(44100, 2048, 60);
  ASSERT_EQ(ranges.bins.size(), 60U);
  EXPECT_EQ(ranges.first_bins.front(), 0);
  EXPECT_EQ(ranges.first_bins.back() + ranges.bins.back(), 1025);
  EXPECT_EQ(std::accumulate(ranges.bins.begin(), ranges.bins.end(), std::int64_t{0}), 1979);
  for (std::size_t band = 1; band < ranges.bins.size(); ++band) {
    EXPECT_GT(ranges.first_bins[band], ranges.first_bins[band - 1]);
    EXPECT_LT(ranges.first_bins[band], ranges.first_bins[band - 1] + ranges.bins[band - 1]);
  }
}

}  // namespace
}  // namespace svsep
