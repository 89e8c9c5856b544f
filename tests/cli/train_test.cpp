#include "support/dataset.hpp"
#include "support/run.hpp"
#include "support/run_until.hpp"
#include "support/temporary_folder.hpp"
#include "support/train_command.hpp"

#include <csignal>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <vector>

namespace svsep {
namespace {

namespace fs = std::filesystem;

using test::run_until;
using test::text_of;

/// The rows of a history without their last column, the seconds.
std::string untimed(const fs::path& csv) {
  std::istringstream lines(text_of(csv));
  std::string text;
  for (std::string line; std::getline(lines, line);) text += line.substr(0, line.rfind(',')) + "\n";
  return text;
}

TEST(Train, ResumesAKilledAndAStoppedRunToTheModelOfOneThatWasNot) {
  const test::TemporaryFolder folder;
  test::write_track(folder / "musdb/train", "a");
  test::write_track(folder / "musdb/train", "b", {.seconds = 2.5});
  const auto command = [&](const std::string& name) {
    return test::TrainCommand{.musdb = folder / "musdb",
                              .cache = folder / "cache",
                              .output = folder / (name + ".safetensors"),
                              .epochs = "2",
                              .steps_per_epoch = "2"}
        .arguments();
  };
  const test::RunResult whole = test::run_svsep(command("whole"));
  ASSERT_EQ(whole.exit_code, 0) << whole.err;

  const fs::path log = folder / "log of the second part";
  const auto says = [&](const char* words) {
    return [&log, words] { return text_of(log).find(words) != std::string::npos; };
  };
  std::vector<std::string> parts = command("parts");
  EXPECT_EQ(
      run_until(parts, folder / "log", SIGKILL, [&] { return fs::exists(folder / "parts.checkpoint"); }),
      128 + SIGKILL);
  parts.emplace_back("--resume");
  EXPECT_EQ(run_until(parts, log, SIGTERM, says("step 1 of")), 128 + SIGTERM) << text_of(log);
  EXPECT_NE(text_of(log).find("--resume goes on from"), std::string::npos) << text_of(log);
  const test::RunResult rest = test::run_svsep(parts);
  ASSERT_EQ(rest.exit_code, 0) << rest.err;

  EXPECT_TRUE(text_of(folder / "whole.safetensors") == text_of(folder / "parts.safetensors"));
  EXPECT_EQ(untimed(folder / "whole.csv"), untimed(folder / "parts.csv"));
}

TEST(Train, RefusesOptionsThatContradictEachOther) {
  const test::TemporaryFolder folder;
  const std::string data = folder.path().string();
  const auto expect_refused = [](std::vector<std::string> arguments, const std::string& words) {
    arguments.insert(arguments.begin(), "train");
    const test::RunResult result = test::run_svsep(arguments);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_NE(result.err.find(words), std::string::npos) << result.err;
  };
  expect_refused({"--vocals", data}, "expected --musdb, or --vocals and --accompaniment");
  expect_refused({"--vocals", data, "--accompaniment", data}, "--recipe thesis needs songs");
  expect_refused({"--musdb", data, "--label", "ratio", "--loss", "l1"},
                 "--label has no meaning with --loss l1");
  expect_refused({"--musdb", data, "--arch", "rnn"}, "--arch");
  expect_refused({"--musdb", data, "--ema", "1"}, "--ema");
  expect_refused({"--musdb", data, "-o", data + "/m", "--history", data + "/m"}, "--output and --history");
}

}  // namespace
}  // namespace svsep
