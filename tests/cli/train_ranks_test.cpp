#include "support/dataset.hpp"
#include "support/free_port.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"
#include "support/train_command.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace svsep {
namespace {

namespace fs = std::filesystem;

using test::text_of;

std::vector<double> numbers_of(const fs::path& csv) {
  std::ifstream file(csv);
  std::string line;
  std::getline(file, line);
  std::vector<double> numbers;
  while (std::getline(file, line)) {
    std::stringstream cells(line.substr(0, line.rfind(',')));  // without the seconds
    for (std::string cell; std::getline(cells, cell, ',');)
      numbers.push_back(std::strtod(cell.c_str(), nullptr));
  }
  return numbers;
}

/// The float16 values of a model file, numbered from the lowest up.
std::vector<int> halves_of(const fs::path& model) {
  const std::string bytes = text_of(model);
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), sizeof header_bytes);
  std::vector<int> numbers;
  for (std::size_t at = sizeof header_bytes + header_bytes; at + 1 < bytes.size(); at += 2) {
    std::uint16_t half = 0;
    std::memcpy(&half, bytes.data() + at, sizeof half);
    numbers.push_back((half & 0x8000U) == 0 ? half : -(half & 0x7FFF));
  }
  return numbers;
}

/// `svsep train` on two short songs, as one process or as two.
class TrainRanks : public ::testing::Test {
 protected:
  TrainRanks() {
    test::write_track(folder_ / "musdb/train", "a");
    test::write_track(folder_ / "musdb/train", "b", {.seconds = 2.5});
  }

  [[nodiscard]] std::vector<std::string> command(const std::string& name, const std::string& arch,
                                                 const std::string& steps) const {
    std::vector<std::string> all = test::TrainCommand{.musdb = folder_ / "musdb",
                                                      .cache = folder_ / "cache",
                                                      .output = path(name + ".safetensors"),
                                                      .architecture = arch,
                                                      .steps_per_epoch = steps,
                                                      .batch_size = "4"}
                                       .arguments();
    all.insert(all.begin(), SVSEP_BINARY);
    return all;
  }

  /// How each of two ranks ended: its exit code, or 128 + the signal that ended it. Rank 1 gets `signal` once
  /// rank 0 `says` so.
  std::pair<int, int> run_ranks(const std::vector<std::string>& arguments, int signal = 0,
                                const std::string& says = {}) {
    const std::string port = std::to_string(test::free_port());
    const pid_t ranks[] = {start(arguments, port, "0"), start(arguments, port, "1")};
    int status[] = {0, 0};
    for (bool sent = signal == 0; !sent && ::waitpid(ranks[0], &status[0], WNOHANG) == 0;) {
      if (log().find(says) != std::string::npos) {
        ::kill(ranks[1], signal);
        sent = true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    for (int rank : {0, 1}) ::waitpid(ranks[rank], &status[rank], 0);
    const auto code = [](int s) { return WIFEXITED(s) ? WEXITSTATUS(s) : 128 + WTERMSIG(s); };
    return {code(status[0]), code(status[1])};
  }

  [[nodiscard]] std::string log(const char* rank = "0") const {
    return text_of(path(std::string("log") + rank));
  }
  [[nodiscard]] fs::path path(const std::string& name) const { return folder_ / name; }

 private:
  pid_t start(const std::vector<std::string>& arguments, const std::string& port,
              const std::string& rank) const {
    const pid_t child = ::fork();
    if (child != 0) return child;
    const std::pair<const char*, std::string> variables[] = {
        {"WORLD_SIZE", "2"}, {"RANK", rank}, {"MASTER_ADDR", "127.0.0.1"}, {"MASTER_PORT", port}};
    for (const auto& [name, value] : variables) ::setenv(name, value.c_str(), 1);
    std::vector<char*> argv;
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    if (std::freopen(path("log" + rank).c_str(), "w", stderr) != nullptr) ::execv(argv[0], argv.data());
    ::_exit(127);
  }

  test::TemporaryFolder folder_;
};

TEST_F(TrainRanks, LearnTogetherWhatOneLearnsAlone) {
  ASSERT_EQ(test::run(command("one", "thesis-cnn", "3")).exit_code, 0);
  ASSERT_EQ(run_ranks(command("two", "thesis-cnn", "3")), std::pair(0, 0)) << log() << log("1");

  const std::vector<double> one = numbers_of(path("one.csv"));
  const std::vector<double> two = numbers_of(path("two.csv"));
  ASSERT_FALSE(one.empty());
  ASSERT_EQ(one.size(), two.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_NEAR(one[i], two[i], 1e-3 * std::abs(one[i])) << "column " << i;
  }
  const std::vector<int> first = halves_of(path("one.safetensors"));
  const std::vector<int> second = halves_of(path("two.safetensors"));
  ASSERT_GT(first.size(), 19'000'000U);
  ASSERT_EQ(first.size(), second.size());
  std::size_t others = 0;
  for (std::size_t i = 0; i < first.size(); ++i) others += std::abs(first[i] - second[i]) > 1 ? 1 : 0;
  // AdamW's first steps are as long for a gradient that is all rounding as for any other.
  EXPECT_LT(static_cast<double>(others), 1e-5 * static_cast<double>(first.size())) << others;
}

TEST_F(TrainRanks, EndWhereOneIsKilledAndResumeAsOne) {
  std::vector<std::string> arguments = command("model", "harmonic-unet", "15");
  EXPECT_EQ(run_ranks(arguments, SIGTERM, "step 1 of"), std::pair(128 + SIGTERM, 128 + SIGTERM)) << log();
  ASSERT_TRUE(fs::exists(path("model.checkpoint")));

  arguments.emplace_back("--resume");
  EXPECT_EQ(run_ranks(arguments, SIGKILL, "step 11 of"), std::pair(1, 128 + SIGKILL)) << log();
  EXPECT_NE(log().find("error: lost contact with the other ranks: "), std::string::npos) << log();
  EXPECT_NE(log().find("; go on with --resume\n"), std::string::npos) << log();

  const test::RunResult rest = test::run(arguments);
  EXPECT_EQ(rest.exit_code, 0) << rest.err;
  EXPECT_NE(rest.err.find("go on from"), std::string::npos) << rest.err;
  EXPECT_TRUE(fs::exists(path("model.safetensors")));
}

TEST_F(TrainRanks, RefuseABatchThatTheyCannotShare) {
  std::vector<std::string> arguments = command("model", "harmonic-unet", "1");
  *std::find(arguments.begin(), arguments.end(), "--batch-size=4") = "--batch-size=3";
  EXPECT_EQ(run_ranks(arguments), std::pair(2, 2)) << log();
  EXPECT_NE(log().find("expected a multiple of "), std::string::npos) << log();
}

}  // namespace
}  // namespace svsep
