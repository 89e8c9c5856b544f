#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace svsep {

/// A vector as a queue of samples or bins: short against what is moved through it.
template <typename T>
void append(std::vector<T>& queue, std::span<const T> values) {
  queue.insert(queue.end(), values.begin(), values.end());
}

template <typename T>
void drop_front(std::vector<T>& queue, std::size_t count) {
  queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(count));
}

/// The first `count` values, which leave the queue.
template <typename T>
[[nodiscard]] std::vector<T> take_front(std::vector<T>& queue, std::size_t count) {
  std::vector<T> taken(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(count));
  drop_front(queue, count);
  return taken;
}

}  // namespace svsep
