#include "core/atomic_file.hpp"
#include "core/log.hpp"
#include "core/progress.hpp"
#include "core/rng.hpp"
#include "core/task_thread.hpp"
#include "core/text.hpp"
#include "support/temporary_folder.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <memory>
#include <mutex>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace svsep {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::size_t file_count(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(AtomicFile, AppearsOnlyWhenCommitted) {
  const test::TemporaryFolder folder;
  const fs::path path = folder.path() / "new folder" / "ü.txt";
  {
    AtomicFile file(path);
    std::ofstream(file.temporary_path()) << "whole";
    EXPECT_FALSE(fs::exists(path));
    file.commit();
  }
  EXPECT_EQ(content(path), "whole");
  EXPECT_EQ(file_count(path.parent_path()), 1U);
}

TEST(AtomicFile, LeavesNothingAndKeepsTheEarlierFileWithoutCommit) {
  const test::TemporaryFolder folder;
  const fs::path path = folder.path() / "file.txt";
  write_file(path, "earlier");
  {
    AtomicFile file(path);
    std::ofstream(file.temporary_path()) << "half";
  }
  EXPECT_EQ(content(path), "earlier");
  EXPECT_EQ(file_count(folder.path()), 1U);
}

TEST(AtomicFile, RefusesAFolderAndAParentThatIsAFile) {
  const test::TemporaryFolder folder;
  write_file(folder.path() / "file", "");
  for (const fs::path& path : {folder.path(), folder.path() / "file" / "below"}) {
    try {
      AtomicFile file(path);
      ADD_FAILURE() << "no error for " << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::output);
    }
  }
}

TEST(Cancellation, TurnsASignalIntoAnException) {
  install_cancellation_handlers();
  EXPECT_NO_THROW(throw_if_cancelled());
  std::raise(SIGTERM);
  EXPECT_EQ(cancellation_signal(), SIGTERM);
  EXPECT_THROW(throw_if_cancelled(), Cancelled);
}

TEST(Rng, DependsOnEveryKeyAndOnNothingElse) {
  EXPECT_EQ(Rng({1, 2, 3})(), Rng({1, 2, 3})());
  const std::vector<std::uint64_t> firsts = {Rng({1, 2, 3})(), Rng({0, 2, 3})(), Rng({1, 0, 3})(),
                                             Rng({1, 2, 0})(), Rng({3, 2, 1})(), Rng({1, 2})()};
  for (std::size_t a = 0; a < firsts.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) EXPECT_NE(firsts[a], firsts[b]);
  }
}

TEST(Rng, IsUniform) {
  Rng rng({7});
  std::vector<int> counts(10);
  double sum = 0;
  for (int draw = 0; draw < 100000; ++draw) {
    ++counts[rng.below(10)];
    const double value = rng.uniform(-1, 1);
    ASSERT_GE(value, -1.0);
    ASSERT_LT(value, 1.0);
    sum += value;
  }
  EXPECT_NEAR(sum / 100000, 0.0, 0.01);
  EXPECT_GT(*std::min_element(counts.begin(), counts.end()), 9600);
  EXPECT_LT(*std::max_element(counts.begin(), counts.end()), 10400);
}

TEST(TaskThread, RunsTasksInOrderOnOneThreadOfItsOwn) {
  std::vector<int> order;
  std::vector<std::thread::id> threads;
  {
    TaskThread stage(2);
    for (int task = 0; task < 100; ++task) {
      stage.push([&, task] {
        order.push_back(task);
        threads.push_back(std::this_thread::get_id());
      });
    }
    stage.wait();
  }
  ASSERT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(std::count(threads.begin(), threads.end(), threads.front()), 100);
  EXPECT_NE(threads.front(), std::this_thread::get_id());
}

TEST(TaskThread, LetsNoMoreTasksWaitThanItWasTold) {
  std::mutex gate;
  std::atomic<int> pushed = 0;
  TaskThread stage(3);
  std::unique_lock closed(gate);
  std::jthread pusher([&] {
    for (int task = 0; task < 10; ++task) {
      stage.push([&] { const std::lock_guard pass(gate); });
      ++pushed;
    }
  });
  while (pushed < 4) std::this_thread::yield();  // one runs, three wait
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(pushed, 4);
  closed.unlock();
  pusher.join();
  stage.wait();
  EXPECT_EQ(pushed, 10);
}

TEST(TaskThread, ThrowsWhatATaskThrewAndRunsNoneAfterIt) {
  bool ran = false;
  TaskThread stage(2);
  stage.push([] { throw Error(ErrorKind::output, "full"); });
  EXPECT_THROW(stage.wait(), Error);
  EXPECT_THROW(stage.push([&] { ran = true; }), Error);
  EXPECT_THROW(stage.wait(), Error);
  EXPECT_FALSE(ran);
}

TEST(TaskThread, DropsWhatWaitsWhenItGoes) {
  std::atomic<int> started = 0;
  {
    TaskThread stage(5);
    for (int task = 0; task < 5; ++task) {
      stage.push([&] {
        ++started;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      });
    }
    while (started == 0) std::this_thread::yield();
  }
  EXPECT_EQ(started, 1);
}

TEST(OneLine, HoldsNoControlCharacters) {
  EXPECT_EQ(one_line("a\nb\rc\td\x1b[31m\x7f"), "a?b?c?d?[31m?");
  EXPECT_EQ(one_line("\xC2\x9B"
                     "2J \xC2\xA9 \xC3\x9B \xC2"),
            "?2J \xC2\xA9 \xC3\x9B \xC2");  // C1's CSI; a copyright sign
}

TEST(Text, ReadsTimesAsPeopleWriteThem) {
  EXPECT_EQ(parse_time("90"), 90.0);
  EXPECT_EQ(parse_time("1.5"), 1.5);
  EXPECT_EQ(parse_time("1:30"), 90.0);
  EXPECT_EQ(parse_time("0:01"), 1.0);
  EXPECT_EQ(parse_time("1:02:03.5"), 3723.5);
  EXPECT_EQ(parse_time("100:00"), 6000.0);
  for (const char* text : {"", "-1", "nan", "inf", "1.5s", "1:60", "1:2:3:4", ":", "1:", ":1", "1.5:00",
                           "1e3", "1..2", "+1", " 1", "0x1", "99999999999999999999"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

TEST(Text, TakesWhatIsNotUtf8AsLatin1) {
  EXPECT_EQ(clean_text("Caf\xe9\x1b[31m"), "Caf\xc3\xa9 [31m");
  EXPECT_EQ(clean_text("Bj\xc3\xb6rk\x7f"), "Bj\xc3\xb6rk ");
  EXPECT_EQ(clean_text("\xf0\x80\x80\x80"), "\xc3\xb0\xc2\x80\xc2\x80\xc2\x80");
  EXPECT_EQ(clean_text("a\nb\tc"), "a\nb\tc");
}

TEST(Text, FitsColumnsWithoutCuttingACharacter) {
  EXPECT_EQ(first_columns("\u00fc\u00fcb", 2), "\u00fc\u00fc");
  EXPECT_EQ(first_columns("\u6b4c\u6b4c", 3), "\u6b4c");
  EXPECT_EQ(first_columns("short", 80), "short");
}

TEST(Progress, WritesDurationsAsPeopleDo) {
  EXPECT_EQ(format_duration(0), "0:00");
  EXPECT_EQ(format_duration(59.6), "1:00");
  EXPECT_EQ(format_duration(245), "4:05");
  EXPECT_EQ(format_duration(3723), "1:02:03");
}

TEST(Log, LeavesTheHostProgramsLoggerAlone) {
  std::ostringstream heard;
  const auto hosts =
      std::make_shared<spdlog::logger>("host", std::make_shared<spdlog::sinks::ostream_sink_mt>(heard));
  spdlog::set_default_logger(hosts);
  logger().warn("before the start");
  start_log(Verbosity::quiet);
  logger().warn("after it");
  EXPECT_EQ(heard.str(), "");
  EXPECT_EQ(spdlog::default_logger(), hosts);
  EXPECT_EQ(hosts->level(), spdlog::level::info);
  EXPECT_EQ(spdlog::get("svsep"), nullptr);
  logger().sinks().clear();
}

}  // namespace
}  // namespace svsep
