#include "dsp/fast_size.hpp"

#include <algorithm>
#include <cmath>

namespace svsep {
namespace {

bool is_smooth(std::size_t size) {
  for (const std::size_t factor : {2U, 3U, 5U, 7U, 11U, 13U}) {
    while (size % factor == 0) size /= factor;
  }
  return size == 1;
}

}  // namespace

std::size_t nearest_fast_even_size(double wanted) {
  const std::size_t middle = 2 * std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(wanted / 2)));
  for (std::size_t distance = 0;; distance += 2) {
    if (distance < middle && is_smooth(middle - distance)) return middle - distance;
    if (is_smooth(middle + distance)) return middle + distance;
  }
}

}  // namespace svsep
