#include "core/share_work.hpp"

#include "svsep/cancellation.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace svsep {

void share_work(std::size_t count, int threads, const std::function<void(const NextItem&)>& worker) {
  std::atomic<std::size_t> taken = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const NextItem next = [&]() -> std::optional<std::size_t> {
    throw_if_cancelled();
    const std::size_t item = taken++;
    if (item >= count) return std::nullopt;
    return item;
  };
  const auto run = [&] {
    try {
      worker(next);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
      taken = count;
    }
  };
  {
    std::vector<std::jthread> helpers(
        std::min(static_cast<std::size_t>(std::max(threads, 1)), std::max<std::size_t>(count, 1)) - 1);
    for (std::jthread& helper : helpers) helper = std::jthread(run);
    run();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace svsep
