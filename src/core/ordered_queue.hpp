#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

namespace svsep {

/// Items that threads compute some way ahead, taken strictly in order: what comes out does not depend on how
/// many threads there are. Without any, pop() computes.
template <typename Job, typename Item>
class OrderedQueue {
 public:
  using NextJob = std::function<std::optional<Job>()>;  ///< none: there are no more. One call at a time.
  using Work = std::function<Item(const Job&)>;

  /// `make_work` is called once by each thread, so that its Work can own what threads cannot share. What a
  /// Work throws, pop() throws in the item's place. At most `ahead` items are under way or ready, one a
  /// thread at least.
  OrderedQueue(std::size_t threads, std::size_t ahead, NextJob next_job, std::function<Work()> make_work)
      : ahead_(std::max({std::size_t{1}, threads, ahead})), next_job_(std::move(next_job)) {
    if (threads == 0) work_ = make_work();
    for (; threads > 0; --threads) {
      threads_.emplace_back([this, make_work](const std::stop_token& stop) { run(stop, make_work); });
    }
  }

  /// The next item; none after the last.
  [[nodiscard]] std::optional<Item> pop() {
    if (work_) {
      const std::optional<Job> job = next_job_();
      return job ? std::optional<Item>(work_(*job)) : std::nullopt;
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return slots_.empty() ? finished_ : slots_.front().done(); });
    if (slots_.empty()) return std::nullopt;
    Slot slot = std::move(slots_.front());
    slots_.pop_front();
    changed_.notify_all();
    lock.unlock();
    if (slot.error) std::rethrow_exception(slot.error);
    return std::move(slot.item);
  }

 private:
  struct Slot {
    std::optional<Item> item;
    std::exception_ptr error;
    [[nodiscard]] bool done() const { return item || error; }
  };

  void run(const std::stop_token& stop, const std::function<Work()>& make_work) {
    Work work;
    std::exception_ptr broken;
    try {
      work = make_work();
    } catch (...) {
      broken = std::current_exception();
    }
    std::unique_lock lock(mutex_);
    while (true) {
      if (!changed_.wait(lock, stop, [this] { return finished_ || slots_.size() < ahead_; }) || finished_)
        return;
      Slot& slot = slots_.emplace_back();  // stays where it is until it is done and popped
      std::optional<Job> job;
      Slot result{std::nullopt, broken};
      try {
        if (!broken) job = next_job_();
      } catch (...) {
        result.error = std::current_exception();
      }
      if (!job && !result.error) {
        slots_.pop_back();
        finished_ = true;
      } else if (job) {
        lock.unlock();
        try {
          result.item = work(*job);
        } catch (...) {
          result.error = std::current_exception();
        }
        job.reset();
        lock.lock();
      }
      if (result.done()) slot = std::move(result);
      if (broken) finished_ = true;
      changed_.notify_all();
    }
  }

  std::size_t ahead_;
  NextJob next_job_;
  Work work_;  // of pop(), where there are no threads
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Slot> slots_;             // from the next to be popped on
  bool finished_ = false;              // no more slots will come
  std::vector<std::jthread> threads_;  // last, so that they end before what they use
};

}  // namespace svsep
