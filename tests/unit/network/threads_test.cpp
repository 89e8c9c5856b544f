#include <ATen/Parallel.h>
#include <chrono>
#include <gtest/gtest.h>
#include <mutex>
#include <set>
#include <thread>

namespace svsep {
namespace {

/// at::parallel_for is compiled into the networks: without OpenMP it has one thread, and only the time tells.
TEST(Threads, AreSharedByTheNetworksOwnLoops) {
#ifdef __clang__
  GTEST_SKIP() << "LibTorch's threads are GCC's";
#endif
  const int threads = at::get_num_threads();
  at::set_num_threads(2);
  std::mutex mutex;
  std::set<std::thread::id> seen;
  at::parallel_for(0, 2, 1, [&](std::int64_t, std::int64_t) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const std::lock_guard lock(mutex);
    seen.insert(std::this_thread::get_id());
  });
  at::set_num_threads(threads);
  EXPECT_EQ(seen.size(), 2U);
}

}  // namespace
}  // namespace svsep
