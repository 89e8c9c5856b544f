// Weight files that were made to do harm: refused with a reason, or harmless, in bounded memory.
#include "import/checkpoint.hpp"
#include "svsep/error.hpp"
#include "weight_files.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <support/temporary_folder.hpp>
#include <sys/resource.h>

namespace svsep {
namespace {

using test::checkpoint_of;
using test::pickled;
using test::pickled_tensor;
using test::zip_of;

const std::string kTensor = pickled_tensor("0", 8, 0, {2, 4}, {4, 1});
const std::string kState = "}(" + pickled("w") + kTensor + "u";

class HostileCheckpoint : public testing::Test {
 protected:
  /// What is said of these bytes; empty where they are taken.
  std::string complaint(const std::string& bytes) {
    test::write_bytes(path_, bytes);
    try {
      (void)open_checkpoint(path_);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::model) << error.what();
      EXPECT_NE(std::string(error.what()).find(path_.string()), std::string::npos) << error.what();
      return error.what();
    }
    return {};
  }
  std::string complaint_of_pickle(const std::string& pickle) { return complaint(checkpoint_of(pickle)); }

  void expect(const std::string& text, const std::string& bytes) {
    const std::string said = complaint(bytes);
    EXPECT_NE(said.find(text), std::string::npos) << "expected " << text << ", got " << said;
  }

  test::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "model.ckpt";
};

long peak_kilobytes() {
  rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST_F(HostileCheckpoint, TakesWhatIsAsItShouldBe) { EXPECT_EQ(complaint_of_pickle(kState), ""); }

TEST_F(HostileCheckpoint, RunsNoCommand) {
  const std::string victim = (folder_ / "ran").string();
  const std::string command = "cposix\nsystem\n(" + pickled("touch " + victim) + "tR";
  const std::string by_build = "cbuiltins\neval\n(" + pickled("1") + "tR}" + pickled("a") + command + "sb";
  EXPECT_EQ(complaint_of_pickle(command + "0" + kState), "");
  EXPECT_EQ(complaint_of_pickle("}(" + pickled("w") + kTensor + pickled("x") + command + "u"), "");
  EXPECT_EQ(complaint_of_pickle("}(" + pickled("state") + kState + pickled("kwargs") + by_build + "u"), "");
  EXPECT_NE(complaint_of_pickle(command), "");
  EXPECT_EQ(complaint_of_pickle("(S'touch " + victim + "'\nios\nsystem\n0" + kState), "");
  EXPECT_EQ(complaint_of_pickle("(cos\nsystem\n" + pickled("touch " + victim) + "o0" + kState), "");
  EXPECT_FALSE(std::filesystem::exists(victim));
}

TEST_F(HostileCheckpoint, RefusesTensorsBeyondTheirStorage) {
  const auto with = [](const std::string& tensor) {
    return checkpoint_of("}(" + pickled("w") + tensor + "u");
  };
  EXPECT_EQ(complaint(with(pickled_tensor("0", 8, 4, {2, 2}, {1, 2}))), "");
  expect("larger than its storage", with(pickled_tensor("0", 8, 5, {2, 2}, {1, 2})));
  expect("larger than its storage", with(pickled_tensor("0", 8, 0, {std::int64_t{1} << 47, 1}, {0, 1})));
  expect("larger than its storage",
         with(pickled_tensor("0", 8, 0, {1 << 30, 1 << 30, 1 << 30}, {1 << 30, 1 << 30, 1 << 30})));
  expect("larger than its storage", with(pickled_tensor("0", 8, 8, {}, {})));
  expect("storage 0: expected 36 bytes, got 32", with(pickled_tensor("0", 9, 0, {2}, {1})));
  expect("storage 7: expected 32 bytes, got 0", with(pickled_tensor("7", 8, 0, {2}, {1})));
  expect("storage 0: expected 64 bytes", with(pickled_tensor("0", 8, 0, {2}, {1}, "DoubleStorage")));
  expect("offset", with(pickled_tensor("0", 8, -1, {2}, {1})));
  expect("offset", with(pickled_tensor("0", 8, std::int64_t{1} << 60, {2}, {1})));
  expect("shape or strides", with(pickled_tensor("0", 8, 0, {-2}, {1})));
  expect("shape or strides", with(pickled_tensor("0", 8, 0, {2}, {-1})));
  expect("shape or strides",
         with(pickled_tensor("0", 8, 0, std::vector<std::int64_t>(9, 1), std::vector<std::int64_t>(9, 1))));
  expect("differ in length", with(pickled_tensor("0", 8, 0, {2}, {1, 1})));
  expect("expected 0 to", with(pickled_tensor("0", -8, 0, {2}, {1})));
  expect("expected 0 to", with(pickled_tensor("0", std::int64_t{1} << 62, 0, {2}, {1})));
}

TEST_F(HostileCheckpoint, RefusesCyclesAndGrowthBesideTheTensors) {
  const auto with = [](const std::string& value) {
    return checkpoint_of("}(" + pickled("state") + kState + pickled("kwargs") + value + "u");
  };
  expect("nested too deeply", with(std::string("]q\1h\1a")));  // a list that holds itself
  expect("nested too deeply", with("}q\1" + pickled("a") + std::string("h\1s")));
  std::string laughs = "]q" + std::string(1, '\0') + "0";  // each list holds the one before ten times
  for (char level = 1; level < 30; ++level) {
    laughs += "](";
    for (int i = 0; i < 10; ++i) laughs += std::string("h") + static_cast<char>(level - 1);
    laughs += std::string("eq") + level + "0";
  }
  expect("nested too deeply or too many", with(laughs + "h\x1d"));
  std::string text = pickled(std::string(1 << 20, 'x')) + std::string("q\1") + "0](";
  for (int i = 0; i < 100; ++i) text += "h\1";
  expect("too many", with(text + "e"));
  EXPECT_EQ(complaint_of_pickle("}q\1(" + pickled("w") + kTensor + pickled("self") + std::string("h\1u")),
            "");
}

TEST_F(HostileCheckpoint, BoundsTheMemoryOfAPickle) {
  const long before = peak_kilobytes();
  expect("more than", checkpoint_of(std::string(9'000'000, 'N')));
  expect("more than", checkpoint_of(std::string(9'000'000, ']')));
  expect("more than", checkpoint_of("N" + std::string(9'000'000, '2')));
  std::string memo = "N";
  for (std::uint32_t i = 0; i < 5'000'000; ++i) memo += "r" + test::little_endian(i);
  expect("more than", checkpoint_of(memo));
  std::string keys = "}(";  // 10^6 keys
  for (int i = 0; i < 1'000'000; ++i) keys += pickled("k" + std::to_string(i)) + "N";
  expect("more than", checkpoint_of(keys + "u"));
  // A list of a million pairs that is made a dictionary again and again.
  std::string pairs = "(" + std::string("](");
  for (int i = 0; i < 400'000; ++i) pairs += i == 0 ? std::string("NN\x86q\1") : std::string("h\1");
  pairs += "etq\2" + std::string("0");
  for (int i = 0; i < 1000; ++i) pairs += std::string("ccollections\nOrderedDict\nh\2R0");
  expect("more than", checkpoint_of(pairs));
  EXPECT_LT(peak_kilobytes() - before, 600'000);
}

TEST_F(HostileCheckpoint, RefusesAPickleThatIsDamaged) {
  expect("unknown instruction 0xff", checkpoint_of("\xFF"));
  expect("the stack is empty", checkpoint_of("0"));
  expect("the stack is empty", checkpoint_of(""));
  expect("no mark", checkpoint_of("Nt"));
  expect("the memo has no entry 7", checkpoint_of(std::string("h\7")));
  expect("a key without a value", checkpoint_of("}(Nu"));
  expect("ends too early", checkpoint_of("X" + test::little_endian(0xFFFFFFFFU) + "abc"));
  expect("ends too early", checkpoint_of("\x8e" + test::little_endian(~std::uint64_t{0}) + "abc"));
  expect("ends too early", checkpoint_of("cos"));
  expect("no tensors by name", checkpoint_of("}"));
  expect("no tensors by name", checkpoint_of("]"));
  expect("no tensors by name", checkpoint_of(kTensor));
}

TEST_F(HostileCheckpoint, RefusesArchivesThatAreNoPlainOnes) {
  const std::string pickle = "\x80\x02" + kState + ".";
  const std::string storage(32, '\0');
  EXPECT_EQ(complaint(zip_of({{"a/data.pkl", pickle}, {"a/data/0", storage}})), "");
  expect("is compressed or encrypted", zip_of({{"a/data.pkl", pickle, 8}, {"a/data/0", storage}}));
  expect("not where the directory says", zip_of({{"a/data.pkl", pickle}, {"a/data/0", storage, 0, 1 << 30}}));
  expect("entries overlap", zip_of({{"a/data.pkl", pickle, 0, static_cast<std::uint32_t>(pickle.size() + 1)},
                                    {"a/data/0", storage}}));
  expect("two entries named a/data.pkl", zip_of({{"a/data.pkl", pickle}, {"a/data.pkl", pickle}}));
  expect("no data.pkl", zip_of({{"a/other", pickle}}));
  expect("not little-endian",
         zip_of({{"a/data.pkl", pickle}, {"a/byteorder", "big"}, {"a/data/0", storage}}));
}

TEST_F(HostileCheckpoint, RefusesAFileCutAnywhere) {
  for (const char* const name : {"zip.pth", "legacy.pth", "plain.safetensors"}) {
    std::ifstream file(SVSEP_GOLDEN_DIR "/import/" + std::string(name), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    for (std::size_t length = 1; length < bytes.size(); length += 7) {
      ASSERT_NE(complaint(bytes.substr(0, length)), "") << name << ", " << length;
    }
  }
}

TEST_F(HostileCheckpoint, SurvivesDamageToAnyByte) {
  std::mt19937 random(1);
  for (const char* const name : {"zip.pth", "package.th", "package_legacy.th", "plain.safetensors"}) {
    std::ifstream file(SVSEP_GOLDEN_DIR "/import/" + std::string(name), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    for (std::size_t position = 0; position < bytes.size(); ++position) {
      std::string damaged = bytes;
      damaged[position] = static_cast<char>(random());
      (void)complaint(damaged);
    }
  }
}

TEST_F(HostileCheckpoint, RefusesSafetensorsThatLie) {
  const auto with = [](const std::string& header, std::size_t data = 8) {
    return test::little_endian(static_cast<std::uint64_t>(header.size())) + header + std::string(data, '\0');
  };
  EXPECT_EQ(complaint(with(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})")), "");
  expect("lies outside the file", with(R"({"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})"));
  expect("fewer bytes than its shape", with(R"({"w":{"dtype":"F16","shape":[4],"data_offsets":[0,4]}})"));
  expect("expected 2 bytes, got 4", with(R"({"w":{"dtype":"F16","shape":[1],"data_offsets":[0,4]}})"));
  expect("expected dtype", with(R"({"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})"));
  expect("shape", with(R"({"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}})"));
  expect("of a type that is not known", with(R"({"w":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}})"));
  expect("holds no tensor", with("{}"));
  expect("nested too deeply", with(R"({"w":{"a":[[[)"));
}

}  // namespace
}  // namespace svsep
