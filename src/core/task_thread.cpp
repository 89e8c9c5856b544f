#include "core/task_thread.hpp"

#include <utility>

namespace svsep {

TaskThread::TaskThread(std::size_t most_waiting)
    : most_waiting_(most_waiting), thread_([this](const std::stop_token& stop) { run(stop); }) {}

TaskThread::~TaskThread() = default;

void TaskThread::push(Task task) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return failure_ || tasks_.size() < most_waiting_; });
  if (failure_) std::rethrow_exception(failure_);
  tasks_.push_back(std::move(task));
  changed_.notify_all();
}

void TaskThread::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return failure_ || (tasks_.empty() && !busy_); });
  if (failure_) std::rethrow_exception(failure_);
}

void TaskThread::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!failure_ && changed_.wait(lock, stop, [this] { return !tasks_.empty(); }) &&
         !stop.stop_requested()) {
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    busy_ = true;
    changed_.notify_all();
    lock.unlock();
    std::exception_ptr failure;
    try {
      task();
    } catch (...) {
      failure = std::current_exception();
    }
    task = nullptr;  // what it holds goes before anyone is told
    lock.lock();
    failure_ = failure;
    busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace svsep
