#include "import/import_model.hpp"

#include "import/checkpoint.hpp"
#include "import/family.hpp"
#include "svsep/error.hpp"
#include "svsep/model_file.hpp"
#include "weight_files.hpp"

#include <array>
#include <filesystem>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <support/temporary_folder.hpp>
#include <vector>

namespace svsep {
namespace {

const std::string kGolden = SVSEP_GOLDEN_DIR "/import/";

class ImportModel : public testing::Test {
 protected:
  std::string complaint(const std::string& file) {
    try {
      import_model({.files = {file}, .output = output_});
    } catch (const Error& error) {
      EXPECT_FALSE(std::filesystem::exists(output_));
      return error.what();
    }
    return {};
  }

  test::TemporaryFolder folder_;
  std::filesystem::path output_ = folder_ / "model.safetensors";
};

TEST_F(ImportModel, MakesTheThesisNetworkOfKerasWeights) {
  for (const char* const name : {"thesis.h5", "thesis_compressed.h5"}) {
    import_model({.files = {kGolden + name}, .output = output_, .float32 = true, .licence = "CC0-1.0"});
    const ModelFile model(output_);
    const ModelInfo& info = model.info();
    EXPECT_EQ(info.architecture, "thesis-cnn");
    EXPECT_EQ(info.sizes.at("convolution_channels"), (std::vector<std::int64_t>{3, 2, 3, 2}));
    EXPECT_EQ(info.sizes.at("dense_units"), (std::vector<std::int64_t>{4, 3}));
    EXPECT_EQ(info.analysis.stft.fft_samples, 64U);
    EXPECT_EQ(info.window_frames, 9U);
    EXPECT_EQ(info.input_transform, InputTransform::magnitude);
    EXPECT_EQ(info.thresholds.vocals, 0.15F);
    EXPECT_EQ(info.thresholds.accompaniment, 0.8F);
    EXPECT_EQ(info.licence, "CC0-1.0");
    EXPECT_EQ(info.training, "the thesis' network (Keras), imported from " + std::string(name));

    // [height, width, inputs, outputs] has become [outputs, inputs, height, width].
    const Checkpoint source = open_checkpoint(kGolden + name);
    const ForeignTensor& kernel = source.tensor(source.package.text("layers.1.weights.0"));
    std::vector<float> before(3 * 12 * 3 * 2);
    kernel.read(0, before);
    const std::vector<float> after = model.values("conv2.weight", std::array<std::int64_t, 4>{2, 3, 3, 12});
    EXPECT_EQ(after[((1 * 3 + 2) * 3 + 1) * 12 + 7], before[((1 * 12 + 7) * 3 + 2) * 2 + 1]);
  }
}

TEST_F(ImportModel, StoresMatricesInHalfPrecisionAndVectorsWhole) {
  import_model({.files = {kGolden + "thesis.h5"}, .output = output_});
  EXPECT_EQ(ModelFile(output_).tensor_types(), "float16 and float32");
  const auto half = std::filesystem::file_size(output_);
  import_model({.files = {kGolden + "thesis.h5"}, .output = output_, .float32 = true});
  EXPECT_EQ(ModelFile(output_).tensor_types(), "float32");
  EXPECT_GT(std::filesystem::file_size(output_), half);
}

TEST_F(ImportModel, SaysWhichFamiliesThereAre) {
  const std::string said = complaint(kGolden + "zip.pth");
  EXPECT_NE(said.find("of no family that svsep knows (first: brain)"), std::string::npos) << said;
  EXPECT_NE(said.find("HT-Demucs"), std::string::npos) << said;
}

TEST(Families, HaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (const Family* const family : families())
    EXPECT_TRUE(names.insert(family->name).second) << family->name;
}

TEST(PublishedStems, AreThoseOfTheConfiguration) {
  test::TemporaryFolder folder;
  const auto stems = [&](const std::string& text) {
    test::write_bytes(folder / "c.yaml", text);
    return published_stems(read_yaml(folder / "c.yaml"));
  };
  using Stems = std::vector<std::string>;
  EXPECT_EQ(stems("training: {instruments: [vocals, other], target_instrument: vocals}"), Stems{"vocals"});
  EXPECT_EQ(stems("training: {instruments: [vocals, other], target_instrument: other}"),
            Stems{"accompaniment"});
  EXPECT_EQ(stems("training: {instruments: [Vocals, Instrumental], target_instrument: null}"),
            (Stems{"vocals", "accompaniment"}));
  EXPECT_EQ(stems("training: {instruments: [vocals, bass, drums, other]}"),
            (Stems{"vocals", "bass", "drums", "other"}));
}

}  // namespace
}  // namespace svsep
