#include "svsep/error.hpp"
#include "svsep/model_file.hpp"

#include <array>
#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <limits>
#include <numeric>
#include <string>
#include <support/temporary_folder.hpp>
#include <vector>

namespace svsep {
namespace {

class ChunkModelFileTest : public testing::Test {
 protected:
  static ModelInfo info() {
    ModelInfo info;
    info.architecture = "htdemucs";
    info.sizes = {{"channels", {48}}, {"bottom_channels", {0}}, {"bands", std::vector<std::int64_t>(256, 3)}};
    info.numbers = {{"emb_scale", {10, -0.2, 1e-5}}};
    info.chunks = ChunkParameters{.sample_rate_hz = 48000,
                                  .channels = 1,
                                  .chunk_samples = 343980,
                                  .overlap = 0.75,
                                  .stems = {"drums", "vocals", "no vocals"},
                                  .weights = {{1, 0, 0.5}, {0, 1, 0.25}}};
    info.training = "by others";
    return info;
  }

  /// What the loader says of a file that states this.
  std::string complaint(const std::function<void(ModelInfo&)>& change) {
    ModelInfo changed = info();
    change(changed);
    write_model_file(path_, changed, {{"0.w", {1}, {1.0F}}}, TensorType::float16);
    try {
      const ModelFile file(path_);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::model);
      return error.what();
    }
    return {};
  }

  test::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "model.safetensors";
};

TEST_F(ChunkModelFileTest, KeepsEverythingThatWasStated) {
  EXPECT_EQ(complaint([](ModelInfo&) {}), "");
  const ModelFile file(path_);
  const ModelInfo& read = file.info();
  EXPECT_EQ(read.architecture, "htdemucs");
  EXPECT_EQ(read.sizes, info().sizes);
  EXPECT_EQ(read.numbers, info().numbers);
  EXPECT_EQ(read.training, "by others");
  ASSERT_TRUE(read.chunks);
  EXPECT_EQ(read.chunks->sample_rate_hz, 48000);
  EXPECT_EQ(read.chunks->channels, 1U);
  EXPECT_EQ(read.chunks->chunk_samples, 343980U);
  EXPECT_EQ(read.chunks->overlap, 0.75);
  EXPECT_EQ(read.chunks->stems, info().chunks->stems);
  EXPECT_EQ(read.chunks->weights, info().chunks->weights);
}

TEST_F(ChunkModelFileTest, TrustsNoNumber) {
  const auto expect = [&](const std::string& text, const std::function<void(ChunkParameters&)>& change) {
    const std::string said = complaint([&](ModelInfo& info) { change(*info.chunks); });
    EXPECT_NE(said.find(text), std::string::npos) << "expected " << text << ", got " << said;
  };
  using C = ChunkParameters;
  expect("sample_rate_hz; expected 8000 to 192000, got '7999'", [](C& c) { c.sample_rate_hz = 7999; });
  expect("channels; expected 1 to 2, got '3'", [](C& c) { c.channels = 3; });
  expect("chunk_samples; expected 1024 to 16777216, got '0'", [](C& c) { c.chunk_samples = 0; });
  expect("overlap; expected 0 to 0.99, got '1'", [](C& c) { c.overlap = 1; });
  expect("overlap; expected", [](C& c) { c.overlap = std::numeric_limits<double>::quiet_NaN(); });
  expect("stems; expected names", [](C& c) { c.stems = {}; });
  expect("stems; expected names", [](C& c) { c.stems = {"../vocals", "a", "b"}; });
  expect("stems: 'a' occurs twice", [](C& c) { c.stems = {"a", "b", "a"}; });
  expect("weights of network 1; expected 3, got 2", [](C& c) { c.weights[1].pop_back(); });
  expect("weights; expected 0 to 1000, got '-1'", [](C& c) { c.weights[0][0] = -1; });
  expect("weights: a stem has no network", [](C& c) { c.weights[0][0] = 0; });
  expect("weights: too many networks", [](C& c) { c.weights.resize(17, {1, 1, 1}); });
  EXPECT_NE(complaint([](ModelInfo& info) { info.numbers["x"] = {1e13}; }), "");
  EXPECT_NE(complaint([](ModelInfo& info) { info.sizes["x"] = {-1}; }), "");
  EXPECT_NE(complaint([](ModelInfo& info) { info.sizes["bands"].push_back(1); }), "");
}

TEST_F(ChunkModelFileTest, WritesTensorsPieceByPieceInOrder) {
  constexpr std::int64_t kCount = 3'000'000;
  std::int64_t next = 0;
  std::size_t largest = 0;
  const auto read = [&](std::int64_t first, std::span<float> values) {
    EXPECT_EQ(first, next);
    next += static_cast<std::int64_t>(values.size());
    largest = std::max(largest, values.size());
    std::iota(values.begin(), values.end(), static_cast<float>(first));
  };
  const std::vector<TensorStream> tensors = {
      {"a", {3, kCount / 3}, TensorType::float32, read},
      {"b", {}, TensorType::float16, [](auto, auto values) { values[0] = 7; }}};
  write_model_file(path_, info(), tensors);
  EXPECT_EQ(next, kCount);
  EXPECT_LT(largest, 2'000'000U);
  const ModelFile file(path_);
  EXPECT_EQ(file.tensor_types(), "float16 and float32");
  const std::array<std::int64_t, 2> shape = {3, kCount / 3};
  std::vector<float> expected(kCount);
  std::iota(expected.begin(), expected.end(), 0.0F);
  EXPECT_EQ(file.values("a", shape), expected);
  EXPECT_EQ(file.values("b", {}), std::vector<float>{7});
}

TEST_F(ChunkModelFileTest, LeavesNoFileWhereAPieceCannotBeRead) {
  const auto read = [](std::int64_t first, std::span<float> values) {
    if (first > 0) throw Error(ErrorKind::model, "gone");
    std::fill(values.begin(), values.end(), 0.0F);
  };
  const std::vector<TensorStream> tensors = {{"a", {3'000'000}, TensorType::float32, read}};
  EXPECT_THROW(write_model_file(path_, info(), tensors), Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

}  // namespace
}  // namespace svsep
