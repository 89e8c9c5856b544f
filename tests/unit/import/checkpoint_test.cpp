// Weight files that torch, safetensors and Keras have written: scripts/make_golden_import.py.
#include "import/checkpoint.hpp"

#include "svsep/error.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace svsep {
namespace {

const std::string kGolden = SVSEP_GOLDEN_DIR "/import/";

/// As the script: numbers that every type holds exactly.
std::vector<float> formula(std::int64_t count, std::int64_t salt) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>((7 * i + salt) % 32 - 16) / 8);
  return values;
}

std::vector<float> values_of(const Checkpoint& checkpoint, const std::string& name) {
  const ForeignTensor& tensor = checkpoint.tensor(name);
  std::vector<float> values(static_cast<std::size_t>(tensor.count()));
  tensor.read(0, values);
  return values;
}

using Shape = std::vector<std::int64_t>;

class TorchFiles : public testing::TestWithParam<const char*> {};

TEST_P(TorchFiles, HoldTheTensorsThatWereSaved) {
  const Checkpoint checkpoint = open_checkpoint(kGolden + GetParam());
  EXPECT_EQ(checkpoint.tensors.size(), 8U);
  EXPECT_EQ(checkpoint.shape("conv.weight", 3), (Shape{2, 3, 4}));
  EXPECT_EQ(values_of(checkpoint, "conv.weight"), formula(24, 1));
  EXPECT_EQ(values_of(checkpoint, "conv.bias"), formula(2, 2));
  EXPECT_EQ(checkpoint.tensor("half").type, ForeignType::float16);
  EXPECT_EQ(values_of(checkpoint, "half"), formula(5, 3));
  EXPECT_EQ(checkpoint.tensor("brain").type, ForeignType::bfloat16);
  EXPECT_EQ(values_of(checkpoint, "brain"), formula(6, 4));
  EXPECT_EQ(values_of(checkpoint, "double"), formula(3, 5));
  EXPECT_EQ(values_of(checkpoint, "norm.num_batches_tracked"), std::vector<float>{7});

  const std::vector<float> whole = formula(10, 7);
  EXPECT_EQ(values_of(checkpoint, "part"), std::vector<float>(whole.begin() + 2, whole.begin() + 5));
  const std::vector<float> before = formula(12, 6);
  const std::vector<float> turned = values_of(checkpoint, "turned");
  for (std::size_t row = 0; row < 4; ++row) {
    for (std::size_t column = 0; column < 3; ++column) {
      EXPECT_EQ(turned[3 * row + column], before[4 * column + row]) << row << ", " << column;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, TorchFiles,
                         testing::Values("zip.pth", "legacy.pth", "lightning.ckpt", "nested.pt", "package.th",
                                         "package_legacy.th", "plain.safetensors"),
                         [](const auto& file) {
                           std::string name = file.param;
                           return name.replace(name.find('.'), 1, "_");
                         });

TEST(CheckpointPackage, TellsPlainValuesAndNamesClassesWithoutMakingThem) {
  for (const char* const name : {"package.th", "package_legacy.th"}) {
    const ValueTree package = open_checkpoint(kGolden + name).package;
    EXPECT_EQ(package.texts("kwargs.sources"), (std::vector<std::string>{"drums", "vocals"}));
    EXPECT_EQ(package.integer("kwargs.channels", 1, 1000), 48);
    EXPECT_DOUBLE_EQ(package.number("kwargs.segment", 0, 100), 7.8);
    EXPECT_DOUBLE_EQ(package.number("kwargs.freq_emb", 0, 1), 0.2);
    EXPECT_TRUE(package.flag("kwargs.cac"));
    EXPECT_FALSE(package.has("kwargs.t_lr"));
    EXPECT_EQ(package.numbers("kwargs.nested.a", 0, 9), (std::vector<double>{1, 2.5}));
    EXPECT_EQ(package.text("kwargs.pair.1"), "b");
    EXPECT_EQ(std::get<OpaqueValue>(package.find("klass")->value).class_name, "demucs.htdemucs.HTDemucs");
    EXPECT_EQ(package.find("training_args"), nullptr);
  }
}

TEST(ForeignTensor, ReadsAnyPieceOfAnyOrderOfAxes) {
  const Checkpoint checkpoint = open_checkpoint(kGolden + "zip.pth");
  const std::vector<std::size_t> axes = {2, 0, 1};
  const ForeignTensor tensor = checkpoint.tensor("conv.weight").permuted(axes);
  EXPECT_EQ(tensor.shape, (Shape{4, 2, 3}));
  EXPECT_FALSE(tensor.is_contiguous());
  std::vector<float> all(24);
  tensor.read(0, all);
  for (std::size_t first = 0; first < all.size(); first += 5) {
    std::vector<float> piece(std::min<std::size_t>(5, all.size() - first));
    tensor.read(static_cast<std::int64_t>(first), piece);
    EXPECT_EQ(piece, std::vector<float>(all.begin() + static_cast<std::ptrdiff_t>(first),
                                        all.begin() + static_cast<std::ptrdiff_t>(first + piece.size())));
  }
  const std::vector<float> before = formula(24, 1);
  EXPECT_EQ(all[1 * 6 + 1 * 3 + 2], before[1 * 12 + 2 * 4 + 1]);
}

TEST(Checkpoint, TellsTheLengthOfLists) {
  Checkpoint checkpoint;
  for (const char* const name : {"layers.0.a", "layers.1.b", "layers.10.a", "layers.3.a", "other"}) {
    checkpoint.tensors[name] = {};
  }
  EXPECT_EQ(checkpoint.list_length("layers."), 2);
  EXPECT_EQ(checkpoint.list_length("layer."), 0);
}

TEST(KerasFiles, HoldLayersInTheModelsOrder) {
  for (const char* const name : {"thesis.h5", "thesis_compressed.h5"}) {
    const Checkpoint checkpoint = open_checkpoint(kGolden + name);
    EXPECT_EQ(checkpoint.tensors.size(), 14U) << name;
    EXPECT_EQ(checkpoint.package.size("layers"), 13U) << name;
    EXPECT_EQ(checkpoint.shape(checkpoint.package.text("layers.0.weights.0"), 4), (Shape{3, 12, 1, 3}))
        << name;
  }
}

TEST(KerasFiles, HoldTheSameValuesInPiecesAndCompressed) {
  const Checkpoint whole = open_checkpoint(kGolden + "thesis.h5");
  const Checkpoint compressed = open_checkpoint(kGolden + "thesis_compressed.h5");
  for (const auto& [name, tensor] : whole.tensors)
    EXPECT_EQ(values_of(whole, name), values_of(compressed, name));
}

TEST(Checkpoint, RefusesWhatIsNoWeightFile) {
  const auto kind_of = [](const std::string& path) {
    try {
      (void)open_checkpoint(path);
    } catch (const Error& error) {
      return error.kind();
    }
    return ErrorKind::runtime;
  };
  EXPECT_EQ(kind_of("/nowhere/model.ckpt"), ErrorKind::input);
  EXPECT_EQ(kind_of(SVSEP_GOLDEN_DIR), ErrorKind::input);
  EXPECT_EQ(kind_of(SVSEP_GOLDEN_DIR "/dsp_stft.txt"), ErrorKind::model);
}

}  // namespace
}  // namespace svsep
