#include "core/ordered_queue.hpp"

#include "svsep/error.hpp"

#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <string>

namespace svsep {
namespace {

using Queue = OrderedQueue<int, int>;

Queue::NextJob count_to(int end) {
  return [end, next = 0]() mutable { return next == end ? std::nullopt : std::optional<int>(next++); };
}

TEST(OrderedQueue, GivesTheItemsInOrderWithAnyNumberOfThreads) {
  for (const std::size_t threads : {0U, 1U, 2U, 16U}) {
    Queue queue(threads, 2 * threads, count_to(100), [] {
      return [](int job) {
        if (job % 7 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));  // others overtake it
        return job * job;
      };
    });
    for (int i = 0; i < 100; ++i) EXPECT_EQ(queue.pop(), i * i) << threads << " threads";
    EXPECT_EQ(queue.pop(), std::nullopt);
    EXPECT_EQ(queue.pop(), std::nullopt);
  }
}

TEST(OrderedQueue, ThrowsInPlaceWhatTheWorkThrew) {
  for (const std::size_t threads : {0U, 1U, 3U}) {
    Queue queue(threads, 4, count_to(5), [] {
      return [](int job) {
        if (job == 2) throw Error(ErrorKind::input, "two");
        return job;
      };
    });
    EXPECT_EQ(queue.pop(), 0);
    EXPECT_EQ(queue.pop(), 1);
    EXPECT_THROW(static_cast<void>(queue.pop()), Error);
    EXPECT_EQ(queue.pop(), 3);
    EXPECT_EQ(queue.pop(), 4);
    EXPECT_EQ(queue.pop(), std::nullopt);
  }
}

TEST(OrderedQueue, ThrowsWhatMakingTheWorkThrew) {
  Queue queue(2, 2, count_to(5), []() -> Queue::Work { throw Error(ErrorKind::runtime, "no work"); });
  EXPECT_THROW(static_cast<void>(queue.pop()), Error);
}

TEST(OrderedQueue, WorksAheadNoFurtherThanAskedAndStopsWhenNobodyTakesTheRest) {
  std::atomic<int> started = 0;
  {
    Queue queue(2, 4, count_to(1000), [&] {
      return [&](int job) {
        ++started;
        return job;
      };
    });
    EXPECT_EQ(queue.pop(), 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_LE(started, 5);
  }
  EXPECT_LE(started, 7);
}

TEST(OrderedQueue, AsksForJobsOneAtATime) {
  std::atomic<int> inside = 0;
  int next = 0;
  Queue queue(
      8, 16,
      [&]() -> std::optional<int> {
        EXPECT_EQ(++inside, 1);
        const int job = next++;
        --inside;
        return job < 500 ? std::optional<int>(job) : std::nullopt;
      },
      [] { return [](int job) { return job; }; });
  for (int i = 0; i < 500; ++i) ASSERT_EQ(queue.pop(), i);
}

}  // namespace
}  // namespace svsep
