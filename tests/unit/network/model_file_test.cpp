#include "svsep/model_file.hpp"

#include "svsep/error.hpp"
#include "tiny_model.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <support/temporary_folder.hpp>
#include <vector>

namespace svsep {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string read_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_bytes(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::uint64_t header_length(const std::string& bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  return length;
}

std::string with_header(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}

class ModelFileTest : public testing::Test {
 protected:
  /// What the loader says of these bytes: empty where it takes them and all that a network reads from them.
  std::string complaint(const std::string& bytes) {
    write_bytes(path_, bytes);
    try {
      const ModelFile file(path_);
      ThesisCnn network(thesis_cnn_sizes(file));
      load_parameters(*network, file);
      (void)load_statistics(file);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::model) << error.what();
      EXPECT_NE(std::string(error.what()).find(path_.string()), std::string::npos) << error.what();
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
      return error.what();
    }
    return {};
  }

  std::string valid_bytes() {
    test::write_tiny_model(path_);
    return read_bytes(path_);
  }

  test::TemporaryFolder folder_;
  fs::path path_ = folder_ / "model.safetensors";
};

TEST_F(ModelFileTest, KeepsEverythingThatWasStated) {
  ModelInfo info = test::tiny_info();
  info.analysis.sample_rate_hz = 44100;
  info.log_floor = 0.00123F;
  info.label = "mixture";
  info.training = "two \"steps\",\nnewline and Ünïcode";
  test::write_tiny_model(path_, info);
  const ModelFile file(path_);
  const ModelInfo& read = file.info();
  EXPECT_EQ(read.architecture, info.architecture);
  EXPECT_EQ(read.sizes, info.sizes);
  EXPECT_EQ(read.analysis, info.analysis);
  EXPECT_EQ(read.window_frames, info.window_frames);
  EXPECT_EQ(read.input_transform, info.input_transform);
  EXPECT_EQ(read.level_radius_frames, info.level_radius_frames);
  EXPECT_EQ(read.log_floor, info.log_floor);
  EXPECT_EQ(read.label, info.label);
  EXPECT_EQ(read.thresholds.vocals, info.thresholds.vocals);
  EXPECT_EQ(read.thresholds.accompaniment, info.thresholds.accompaniment);
  EXPECT_EQ(read.training, info.training);
  EXPECT_EQ(read.data, info.data);
  EXPECT_EQ(read.licence, info.licence);
  EXPECT_EQ(file.parameter_count(), 4185);
  EXPECT_EQ(file.tensor_types(), "float32");
  EXPECT_EQ(file.tensor_names().size(), 16U);
}

TEST_F(ModelFileTest, KeepsFloat32Exactly) {
  const ThesisCnn written = test::write_tiny_model(path_);
  torch::manual_seed(1);
  ThesisCnn read(test::tiny_sizes());
  load_parameters(*read, ModelFile(path_));
  for (const auto& parameter : written->named_parameters()) {
    EXPECT_TRUE(parameter.value().equal(read->named_parameters()[parameter.key()])) << parameter.key();
  }
}

TEST_F(ModelFileTest, KeepsEveryHalfExactly) {
  std::vector<float> halves;
  for (int exponent = 0; exponent < 31; ++exponent) {
    for (int mantissa = 0; mantissa < 1024; ++mantissa) {
      const float value = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -24)
                                        : std::ldexp(static_cast<float>(1024 + mantissa), exponent - 25);
      halves.insert(halves.end(), {value, -value});
    }
  }
  const std::array shape = {static_cast<std::int64_t>(halves.size())};
  write_model_file(path_, test::tiny_info(), {{"halves", {shape[0]}, halves}}, TensorType::float16);
  const ModelFile file(path_);
  EXPECT_EQ(file.values("halves", shape), halves);
  EXPECT_EQ(file.tensor_types(), "float16");
}

TEST_F(ModelFileTest, RoundsToTheNearestHalfAndTiesToEven) {
  std::vector<float> values = {2049,  2051, -2049, 65519, std::ldexp(1.0F, -25), std::ldexp(3.0F, -25),
                               1e-30F};
  const std::vector<float> expected = {2048, 2052, -2048, 65504, 0, std::ldexp(4.0F, -25), 0};
  std::mt19937 random(1);
  std::uniform_real_distribution<float> exponent(-26, 15.9F);
  for (int i = 0; i < 10000; ++i) values.push_back(std::exp2(exponent(random)) * (i % 2 == 0 ? 1.0F : -1.0F));
  const std::array shape = {static_cast<std::int64_t>(values.size())};
  write_model_file(path_, test::tiny_info(), {{"values", {shape[0]}, values}}, TensorType::float16);
  const std::vector<float> read = ModelFile(path_).values("values", shape);
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(read[i], expected[i]) << values[i];
  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSERT_LE(std::abs(read[i] - values[i]), std::max(std::abs(values[i]) * 0x1p-11F, 0x1p-25F)) << values[i];
  }
}

TEST_F(ModelFileTest, DoesNotWriteWhatCannotBeReadBack) {
  const auto write = [&](float value, TensorType type) {
    write_model_file(path_, test::tiny_info(), {{"value", {1}, {value}}}, type);
  };
  EXPECT_THROW(write(NAN, TensorType::float32), Error);
  EXPECT_THROW(write(INFINITY, TensorType::float16), Error);
  EXPECT_THROW(write(65520, TensorType::float16), Error);
  EXPECT_THROW(write_model_file(path_, test::tiny_info(), {{"value", {2}, {1.0F}}}, TensorType::float32),
               Error);
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(ModelFileTest, RefusesTensorsOfAnotherNameShapeOrNotFinite) {
  std::string bytes = valid_bytes();
  const std::array<std::int64_t, 1> bins = {33};
  const std::array<std::int64_t, 2> other = {3, 11};
  const ModelFile file(path_);
  EXPECT_EQ(file.values("input.mean", bins).size(), 33U);
  EXPECT_THROW((void)file.values("input.median", bins), Error);
  EXPECT_THROW((void)file.values("input.mean", other), Error);
  bytes.replace(bytes.size() - 4, 4, std::string("\x00\x00\xC0\x7F", 4));  // a NaN
  EXPECT_NE(complaint(bytes).find("not finite"), std::string::npos);
}

TEST_F(ModelFileTest, RefusesWhatIsNoRegularFile) {
  for (const fs::path& path : {folder_ / "missing.safetensors", folder_.path(), fs::path("/dev/null")}) {
    try {
      const ModelFile file(path);
      ADD_FAILURE() << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::model) << error.what();
    }
  }
}

TEST_F(ModelFileTest, RefusesAFileCutAnywhereOrTooLong) {
  const std::string bytes = valid_bytes();
  const std::uint64_t data = 8 + header_length(bytes);
  for (std::size_t length = 0; length < bytes.size(); length += length < data ? 1 : 101) {
    ASSERT_NE(complaint(bytes.substr(0, length)), "") << length;
  }
  EXPECT_NE(complaint(bytes + "x"), "");
  EXPECT_EQ(complaint(bytes), "");
}

TEST_F(ModelFileTest, SurvivesDamageToEveryByteOfItsHeader) {
  const std::string bytes = valid_bytes();
  const std::uint64_t data = 8 + header_length(bytes);
  std::mt19937 random(1);
  int accepted = 0;  // damage to a text, say
  for (std::size_t position = 0; position < data; ++position) {
    for (const unsigned damage : {0x01U, 0x80U, 1 + static_cast<unsigned>(random() % 255)}) {
      std::string damaged = bytes;
      damaged[position] = static_cast<char>(static_cast<unsigned char>(damaged[position]) ^ damage);
      accepted += complaint(damaged).empty() ? 1 : 0;
    }
  }
  EXPECT_LT(accepted, static_cast<int>(data));
}

TEST_F(ModelFileTest, NamesWhatIsWrongInTheHeader) {
  const std::string bytes = valid_bytes();
  const std::uint64_t length = header_length(bytes);
  const json header = json::parse(bytes.substr(8, length));
  const std::string data = bytes.substr(8 + length);
  const auto expect = [&](const std::string& text, const std::function<void(json&)>& damage) {
    json damaged = header;
    damage(damaged);
    const std::string said = complaint(with_header(damaged.dump(), data));
    EXPECT_NE(said.find(text), std::string::npos) << "expected " << text << ", got " << said;
  };
  const auto expect_metadata = [&](const std::string& key, const std::string& value,
                                   const std::string& text) {
    expect(text, [&](json& damaged) { damaged["__metadata__"][key] = value; });
  };
  expect_metadata("format_version", "3", "format_version; expected 1 or 2, got '3'");
  expect_metadata("sample_rate_hz", "999", "sample_rate_hz; expected 1000 to 768000, got '999'");
  expect_metadata("sample_rate_hz", "1e9", "sample_rate_hz; expected");
  expect_metadata("sample_rate_hz", " 22050", "sample_rate_hz; expected");
  expect_metadata("sample_rate_hz", "99999999999999999999", "sample_rate_hz; expected");
  expect_metadata("fft_samples", "-64", "fft_samples; expected");
  expect_metadata("hop_samples", "7", path_.string());  // the STFT's own text follows
  expect_metadata("window_frames", "8", "window_frames; expected an odd number, got 8");
  expect_metadata("window_frames", "1025", "window_frames; expected 1 to 1024");
  expect_metadata("input_transform", "log", "input_transform; expected magnitude or log_level, got 'log'");
  expect_metadata("level_radius_frames", "10001", "level_radius_frames; expected 0 to 10000");
  expect_metadata("log_floor", "0", "log_floor; expected");
  expect_metadata(
      "label", "drums",
      "label; expected accompaniment or mixture or ratio or phase_sensitive or waveform or l1, got "
      "'drums'");
  expect_metadata("vocals_threshold", "1.5", "vocals_threshold; expected 0 to 1, got '1.5'");
  expect_metadata("accompaniment_threshold", "nan", "accompaniment_threshold; expected 0 to 1, got 'nan'");
  expect_metadata("size.dense_units", "12,", "size.dense_units");
  expect_metadata("size.dense_units", "12,7,", "size.dense_units");
  expect_metadata("size.dense_units", "12,0", "size.dense_units");
  expect_metadata("architecture", "evil\nline", "architecture; expected a name, got 'evil?line'");
  expect("metadata: no label", [](json& damaged) { damaged["__metadata__"].erase("label"); });
  expect("metadata 'label': not a string", [](json& damaged) { damaged["__metadata__"]["label"] = 1; });
  expect("no __metadata__", [](json& damaged) { damaged.erase("__metadata__"); });
  expect("dtype; expected F16 or F32, got 'I64'",
         [](json& damaged) { damaged["conv1.bias"]["dtype"] = "I64"; });
  expect("expected dtype, shape and data_offsets",
         [](json& damaged) { damaged["conv1.bias"].erase("shape"); });
  expect("shape; expected sizes", [](json& damaged) { damaged["conv1.bias"]["shape"] = {0}; });
  expect("shape; expected sizes", [](json& damaged) { damaged["conv1.bias"]["shape"] = {-4}; });
  expect("shape; expected sizes", [](json& damaged) { damaged["conv1.bias"]["shape"] = {4.0}; });
  expect("shape; expected sizes", [](json& damaged) {
    damaged["conv1.bias"]["shape"] = {4294967296, 4294967296, 4};
  });
  expect("too many dimensions", [](json& damaged) { damaged["conv1.bias"]["shape"] = json(9, 1); });
  expect("data_offsets: not two numbers", [](json& damaged) {
    damaged["conv1.bias"]["data_offsets"] = {-1, 3};
  });
  expect("data_offsets; expected at most", [](json& damaged) {
    damaged["conv1.bias"]["data_offsets"] = {18446744073709551600U, 18446744073709551615U};
  });
  expect("end of the data; expected", [](json& damaged) { damaged["conv1.bias"]["data_offsets"] = {16, 0}; });
  expect("tensors overlap or leave a hole", [](json& damaged) {
    damaged["conv1.bias"]["data_offsets"] = damaged["dense2.bias"]["data_offsets"];
    damaged["conv1.bias"]["shape"] = damaged["dense2.bias"]["shape"];
  });
  expect("size of the tensors", [](json& damaged) {
    std::string last;
    std::uint64_t end = 0;
    for (const auto& [name, fields] : damaged.items()) {
      if (name != "__metadata__" && fields["data_offsets"][1] > end) {
        last = name;
        end = fields["data_offsets"][1];
      }
    }
    damaged.erase(last);
  });
  expect("holds no tensor", [&](json& damaged) { damaged = {{"__metadata__", header["__metadata__"]}}; });
}

TEST_F(ModelFileTest, RefusesHeadersThatAreNoProperJson) {
  const auto said = [&](const std::string& header) { return complaint(with_header(header, "")); };
  EXPECT_NE(said("").find("not valid JSON"), std::string::npos);
  EXPECT_NE(said("null").find("not a JSON object"), std::string::npos);
  EXPECT_NE(said("{\"a\": \"\xFF\"}").find("not valid JSON"), std::string::npos);
  EXPECT_NE(said("{\"a\": 1e999}").find("out of range"), std::string::npos);
  EXPECT_NE(said("{\"a\": {}, \"a\": {}}").find("'a' occurs twice"), std::string::npos);
  EXPECT_NE(said("{\"a\": {\"shape\": [], \"shape\": []}}").find("'shape' occurs twice"), std::string::npos);
  EXPECT_NE(said(std::string(1 << 20, '[')).find("nested too deeply"), std::string::npos);
  EXPECT_NE(said(std::string(5 << 20, ' ')).find("header length"), std::string::npos);
  std::string huge_length(16, '\xFF');
  EXPECT_NE(complaint(huge_length).find("header length"), std::string::npos);
}

// Written by another writer (scripts/make_golden_cnn.py tests/golden, the safetensors package).
TEST_F(ModelFileTest, ReadsFilesOfTheSafetensorsPackage) {
  for (const std::string type : {"16", "32"}) {
    const ModelFile file(SVSEP_GOLDEN_DIR "/cnn_tiny_f" + type + ".safetensors");
    EXPECT_EQ(file.info().thresholds.accompaniment, 0.5F);
    EXPECT_EQ(file.parameter_count(), 4185);
    EXPECT_EQ(file.tensor_types(), type == "32" ? "float32" : "float16 and float32");
  }
}

}  // namespace
}  // namespace svsep
