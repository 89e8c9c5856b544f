#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace svsep {

/// A stage of a pipeline: runs tasks one after the other, in the order in which they were pushed, on one
/// thread of its own, always the same one (OpenMP keeps a team of threads for every thread that calls it).
class TaskThread {
 public:
  using Task = std::function<void()>;

  /// At most `most_waiting` tasks, 1 or more, wait behind the one that runs.
  explicit TaskThread(std::size_t most_waiting);
  /// Drops the tasks that wait; one that runs ends first.
  ~TaskThread();
  TaskThread(const TaskThread&) = delete;
  TaskThread& operator=(const TaskThread&) = delete;

  /// Waits for room. Throws what a task threw: after that no task runs.
  void push(Task task);
  /// Returns when all tasks have ended. Throws as push().
  void wait();

 private:
  void run(const std::stop_token& stop);

  const std::size_t most_waiting_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Task> tasks_;  ///< that wait
  bool busy_ = false;
  std::exception_ptr failure_;
  std::jthread thread_;  ///< last: it uses the others
};

}  // namespace svsep
