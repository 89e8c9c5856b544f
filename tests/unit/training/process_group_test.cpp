#include "training/process_group.hpp"

#include "support/free_port.hpp"
#include "support/run.hpp"
#include "svsep/error.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <thread>

namespace svsep {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

/// The environment of a launcher for the time of a test, without what is around the test itself.
class Environment {
 public:
  explicit Environment(const std::map<std::string, std::string>& values) {
    for (const char* name : kNames) {
      const char* const value = std::getenv(name);
      if (value != nullptr) before_[name] = value;
      ::unsetenv(name);
    }
    for (const auto& [name, value] : values) ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~Environment() {
    for (const char* name : kNames) ::unsetenv(name);
    for (const auto& [name, value] : before_) ::setenv(name.c_str(), value.c_str(), 1);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  static constexpr const char* kNames[] = {"RANK",
                                           "WORLD_SIZE",
                                           "LOCAL_RANK",
                                           "OMPI_COMM_WORLD_RANK",
                                           "MASTER_ADDR",
                                           "MASTER_PORT",
                                           "SLURM_PROCID",
                                           "OMPI_COMM_WORLD_SIZE",
                                           "SLURM_LOCALID",
                                           "SLURM_NTASKS",
                                           "TORCHELASTIC_USE_AGENT_STORE",
                                           "OMPI_COMM_WORLD_LOCAL_RANK"};
  std::map<std::string, std::string> before_;
};

Ranks ranks_of(const std::map<std::string, std::string>& values) {
  const Environment environment(values);
  return ranks_from_environment();
}

std::string usage_error_of(const std::map<std::string, std::string>& values) {
  const Environment environment(values);
  try {
    static_cast<void>(ranks_from_environment());
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "no error";
}

TEST(Ranks, AreOneWhereNoLauncherSetsThem) {
  EXPECT_EQ(ranks_of({}).world_size, 1);
  EXPECT_EQ(ranks_of({}).rank, 0);
  EXPECT_EQ(ranks_of({{"RANK", "0"}, {"WORLD_SIZE", "1"}}).world_size, 1) << "and need no address";
  EXPECT_EQ(ranks_of({{"RANK", ""}, {"WORLD_SIZE", ""}}).world_size, 1);
  EXPECT_EQ(ranks_of({{"SLURM_NTASKS", "4"}}).world_size, 1) << "a shell of salloc, not a task";
}

TEST(Ranks, AreThoseOfEachLauncher) {
  const Ranks torchrun = ranks_of({{"RANK", "3"},
                                   {"WORLD_SIZE", "4"},
                                   {"LOCAL_RANK", "1"},
                                   {"MASTER_ADDR", "node7"},
                                   {"MASTER_PORT", "1234"}});
  EXPECT_EQ(torchrun.rank, 3);
  EXPECT_EQ(torchrun.world_size, 4);
  EXPECT_EQ(torchrun.local_rank, 1);
  EXPECT_EQ(torchrun.master_address, "node7");
  EXPECT_EQ(torchrun.master_port, 1234);
  const Ranks open_mpi = ranks_of({{"OMPI_COMM_WORLD_RANK", "2"},
                                   {"OMPI_COMM_WORLD_SIZE", "4"},
                                   {"OMPI_COMM_WORLD_LOCAL_RANK", "0"},
                                   {"MASTER_ADDR", "node7"}});
  EXPECT_EQ(open_mpi.rank, 2);
  EXPECT_EQ(open_mpi.world_size, 4);
  EXPECT_EQ(open_mpi.local_rank, 0);
  EXPECT_EQ(open_mpi.master_port, 29500);
  const Ranks slurm = ranks_of(
      {{"SLURM_PROCID", "5"}, {"SLURM_NTASKS", "8"}, {"SLURM_LOCALID", "1"}, {"MASTER_ADDR", "node7"}});
  EXPECT_EQ(slurm.rank, 5);
  EXPECT_EQ(slurm.world_size, 8);
  EXPECT_EQ(slurm.local_rank, 1);
}

TEST(Ranks, OfTorchrunWinOverTheClusterAroundIt) {
  const Ranks ranks = ranks_of({{"RANK", "1"},
                                {"WORLD_SIZE", "2"},
                                {"MASTER_ADDR", "node7"},
                                {"SLURM_PROCID", "0"},
                                {"SLURM_NTASKS", "1"}});
  EXPECT_EQ(ranks.rank, 1);
  EXPECT_EQ(ranks.world_size, 2);
}

TEST(Ranks, LeaveTorchrunItsOwnPort) {
  EXPECT_EQ(ranks_of({{"RANK", "1"},
                      {"WORLD_SIZE", "2"},
                      {"MASTER_ADDR", "node7"},
                      {"MASTER_PORT", "1234"},
                      {"TORCHELASTIC_USE_AGENT_STORE", "True"}})
                .master_port,
            1235);
}

TEST(Ranks, ThatContradictThemselvesAreNamedWithTheirValues) {
  EXPECT_EQ(usage_error_of({{"RANK", "1"}}),
            "cannot join the other ranks: expected both RANK and WORLD_SIZE, got only RANK");
  EXPECT_EQ(usage_error_of({{"RANK", "4"}, {"WORLD_SIZE", "4"}, {"MASTER_ADDR", "a"}}),
            "cannot join the other ranks: RANK; expected 0 to 3, got 4");
  EXPECT_EQ(usage_error_of({{"RANK", "0"}, {"WORLD_SIZE", "two"}, {"MASTER_ADDR", "a"}}),
            "cannot join the other ranks: WORLD_SIZE; expected 1 or more, got two");
  EXPECT_EQ(
      usage_error_of({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}}),
      "cannot join the other ranks: SLURM_NTASKS is 4, but MASTER_ADDR is not set; expected the name of "
      "rank 0's machine");
  EXPECT_EQ(usage_error_of({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"LOCAL_RANK", "-1"}, {"MASTER_ADDR", "a"}}),
            "cannot join the other ranks: LOCAL_RANK; expected 0 to 1, got -1");
  EXPECT_EQ(usage_error_of({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "0"}}),
            "cannot join the other ranks: MASTER_PORT; expected 1 to 65534, got 0");
}

TEST(ProcessGroup, OfOneRankChangesNothing) {
  ProcessGroup group({}, torch::kCPU);
  const torch::Tensor tensor = torch::arange(3.0);
  group.average({tensor});
  group.broadcast({tensor});
  group.barrier();
  EXPECT_TRUE(tensor.equal(torch::arange(3.0)));
  EXPECT_THAT(group.sum({1.5, 2}), ElementsAre(1.5, 2));
}

#ifdef SVSEP_GLOO

/// Runs a disabled test of this program in two processes, as ranks 0 and 1.
std::vector<test::RunResult> run_ranks(const std::string& part) {
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
  const std::string port = std::to_string(test::free_port());
  std::vector<std::future<test::RunResult>> running;
  for (const char* rank : {"0", "1"}) {
    running.push_back(std::async(std::launch::async, [=] {
      return test::run({"env", "WORLD_SIZE=2", std::string("RANK=") + rank, "MASTER_ADDR=127.0.0.1",
                        "MASTER_PORT=" + port, program, "--gtest_also_run_disabled_tests",
                        "--gtest_filter=Part.DISABLED_" + part});
    }));
  }
  std::vector<test::RunResult> results;
  for (auto& result : running) results.push_back(result.get());
  return results;
}

TEST(Part, DISABLED_Together) {
  const Ranks ranks = ranks_from_environment();
  ProcessGroup group(ranks, torch::kCPU);
  ASSERT_EQ(group.world_size(), 2);
  const bool leads = group.rank() == 0;

  // Of odd shapes, types and memory formats, and 72 MB: more than two buckets.
  const auto tensors = [](double value) {
    std::vector<torch::Tensor> result = {torch::full({9'000'000}, value), torch::full({1, 3, 2}, value),
                                         torch::full({}, value, torch::kDouble),
                                         torch::full({9'000'000}, value)};
    result.push_back(
        (torch::arange(24.0).view({2, 3, 2, 2}) + value).contiguous(at::MemoryFormat::ChannelsLast));
    return result;
  };
  const std::vector<torch::Tensor> mine = tensors(leads ? 1 : 4);
  group.average(mine);
  const std::vector<torch::Tensor> mean = tensors(2.5);
  for (std::size_t index = 0; index < mine.size(); ++index)
    EXPECT_TRUE(mine[index].equal(mean[index])) << index;
  EXPECT_TRUE(mine.back().is_contiguous(at::MemoryFormat::ChannelsLast));

  std::vector<torch::Tensor> parameters = tensors(leads ? 1 : 4);
  for (torch::Tensor& parameter : parameters) parameter.requires_grad_();
  group.broadcast(parameters);
  const std::vector<torch::Tensor> first = tensors(1);
  for (std::size_t index = 0; index < first.size(); ++index) {
    EXPECT_TRUE(parameters[index].equal(first[index])) << index;
  }
  EXPECT_THAT(group.sum({leads ? 1.5 : 2.25, 1}), ElementsAre(3.75, 2));
  if (leads) std::this_thread::sleep_for(200ms);
  group.barrier();
}

TEST(ProcessGroup, OfTwoProcessesAveragesBroadcastsAndSums) {
  for (const test::RunResult& result : run_ranks("Together")) {
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  }
}

/// What a rank throws that averages until the other is lost.
std::string lost(ProcessGroup& group) {
  try {
    for (int step = 0; step < 1000; ++step) group.average({torch::ones(3)});
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::runtime);
    return error.what();
  }
  return "no error";
}

TEST(Part, DISABLED_Killed) {
  ProcessGroup group(ranks_from_environment(), torch::kCPU);
  group.average({torch::ones(3)});
  if (group.rank() == 1) std::raise(SIGKILL);
  EXPECT_THAT(lost(group), AllOf(StartsWith("lost contact with the other ranks: "), HasSubstr("peer"),
                                 testing::EndsWith("; go on with --resume")));
}

TEST(ProcessGroup, EndsWhereAnotherProcessIsKilled) {
  const auto results = run_ranks("Killed");
  EXPECT_EQ(results[0].exit_code, 0) << results[0].out << results[0].err;
  EXPECT_EQ(results[1].exit_code, 128 + SIGKILL);
}

TEST(Part, DISABLED_KilledBeforeABarrier) {
  ProcessGroup group(ranks_from_environment(), torch::kCPU);
  if (group.rank() == 1) std::raise(SIGKILL);
  EXPECT_THROW(group.barrier(), Error);
}

TEST(ProcessGroup, EndsInABarrierWhereAnotherProcessIsKilled) {
  const auto results = run_ranks("KilledBeforeABarrier");
  EXPECT_EQ(results[0].exit_code, 0) << results[0].out << results[0].err;
}

TEST(Part, DISABLED_Silent) {
  ProcessGroup group(ranks_from_environment(), torch::kCPU, 2s);
  group.average({torch::ones(3)});
  if (group.rank() == 1) {
    std::this_thread::sleep_for(10s);  // alive, but not there
  } else {
    EXPECT_THAT(lost(group), StartsWith("lost contact with the other ranks: "));
  }
}

TEST(ProcessGroup, EndsWhereAnotherProcessFallsSilent) {
  for (const test::RunResult& result : run_ranks("Silent")) {
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  }
}

TEST(ProcessGroup, NamesTheRanksThatDoNotCome) {
  Ranks ranks{0, 3, 0, "127.0.0.1", test::free_port()};
  const auto message_of = [&] {
    try {
      const ProcessGroup group(ranks, torch::kCPU, 1s);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::runtime);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const std::string place =
      "cannot meet the other ranks: 127.0.0.1:" + std::to_string(ranks.master_port) + ": ";
  EXPECT_EQ(message_of(), place + "expected 3 ranks within 1 s, got all but rank 1, rank 2");
  ranks.rank = 1;
  EXPECT_THAT(message_of(), StartsWith(place)) << "where rank 0 is missing, nobody listens";
}

#else

TEST(ProcessGroup, OfSeveralRanksSaysThatTheBuildHasNoGloo) {
  EXPECT_THROW(ProcessGroup({0, 2, 0, "127.0.0.1", 29500}, torch::kCPU, 1s), Error);
}

#endif

}  // namespace
}  // namespace svsep
