#include "import/checkpoint.hpp"
#include "svsep/error.hpp"
#include "weight_files.hpp"

#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <support/temporary_folder.hpp>
#include <vector>

namespace svsep {
namespace {

class YamlTest : public testing::Test {
 protected:
  ValueTree read(const std::string& text) {
    test::write_bytes(path_, text);
    return read_yaml(path_);
  }

  static std::string complaint(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::model);
      return error.what();
    }
    return {};
  }

  test::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "config.yaml";
};

TEST_F(YamlTest, ReadsConfigurationsAsTheirUsersHaveThem) {
  const ValueTree tree = read(
      "audio:\n  chunk_size: 352800  # samples\n  min_mean_abs: 0.000\n"
      "model:\n  stereo: true\n  flash_attn: True\n  freqs_per_bands: !!python/tuple\n    - 2\n    - 2\n    "
      "- "
      "129\n"
      "  empty:\n  init: 1e-3\n  big: 10_000\n  act: gelu\n  quoted: '5'\n  multi: []\n"
      "training:\n  instruments: ['vocals', \"other\"]\n  target_instrument: null\n");
  EXPECT_EQ(tree.integer("audio.chunk_size", 1, 1 << 24), 352800);
  EXPECT_EQ(tree.number("audio.min_mean_abs", 0, 1), 0);
  EXPECT_TRUE(tree.flag("model.stereo"));
  EXPECT_TRUE(tree.flag("model.flash_attn"));
  EXPECT_EQ(tree.integers("model.freqs_per_bands", 1, 1025), (std::vector<std::int64_t>{2, 2, 129}));
  EXPECT_FALSE(tree.has("model.empty"));
  EXPECT_EQ(tree.number("model.init", 0, 1), 1e-3);
  EXPECT_EQ(tree.integer("model.big", 0, 1 << 20), 10000);
  EXPECT_EQ(tree.text("model.act"), "gelu");
  EXPECT_EQ(tree.text("model.quoted"), "5");
  EXPECT_EQ(tree.size("model.multi"), 0U);
  EXPECT_EQ(tree.texts("training.instruments"), (std::vector<std::string>{"vocals", "other"}));
  EXPECT_FALSE(tree.has("training.target_instrument"));
  EXPECT_EQ(tree.integer_or("model.nothing", 7, 0, 9), 7);
  EXPECT_EQ(tree.text_or("model.act", "relu"), "gelu");
}

TEST_F(YamlTest, NamesTheFileTheKeyAndWhatIsThere) {
  const ValueTree tree = read("a: {b: text, c: 12, d: 1.5}\n");
  const auto expect = [&](const std::string& text, const std::function<void()>& work) {
    const std::string said = complaint(work);
    EXPECT_NE(said.find(path_.string() + ": " + text), std::string::npos)
        << "expected " << text << ", got " << said;
  };
  expect("a.x: expected a whole number from 1 to 9, got nothing", [&] { (void)tree.integer("a.x", 1, 9); });
  expect("a.c: expected a whole number from 1 to 9, got 12", [&] { (void)tree.integer("a.c", 1, 9); });
  expect("a.d: expected a whole number", [&] { (void)tree.integer("a.d", 1, 9); });
  expect("a.b: expected a number from 0 to 1, got 'text'", [&] { (void)tree.number("a.b", 0, 1); });
  expect("a: expected text, got a dictionary of 3", [&] { (void)tree.text("a"); });
  expect("a.b: expected true or false", [&] { (void)tree.flag("a.b"); });
  expect("a.b: expected a list", [&] { (void)tree.texts("a.b"); });
}

TEST_F(YamlTest, RunsNothingAndGrowsNowhere) {
  EXPECT_EQ(read("a: !!python/object/apply:os.system ['touch /tmp/x']\nb: 1\n").integer("b", 0, 9), 1);
  EXPECT_NE(complaint([&] { (void)read("a: &x [1, 2]\nb: [*x, *x]\n"); }).find("line 2: has an alias"),
            std::string::npos);
  EXPECT_NE(complaint([&] { (void)read(std::string(40, '[')); }), "");
  EXPECT_NE(complaint([&] { (void)read(std::string(10000, '[')); }), "");
  EXPECT_NE(complaint([&] { (void)read("? [1, 2]\n: 3\n"); }).find("a key that is no text"),
            std::string::npos);
  EXPECT_NE(complaint([&] { (void)read("a: [1, 2\n"); }).find("line"), std::string::npos);
  EXPECT_NE(complaint([&] { (void)read(std::string(2 << 20, 'a')); }).find("is larger than"),
            std::string::npos);
}

}  // namespace
}  // namespace svsep
