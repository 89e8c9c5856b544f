#pragma once

#include <cstddef>

namespace svsep {

/// The even size nearest to `wanted`, at least 2, whose FFT is fast: no prime factor above 13.
[[nodiscard]] std::size_t nearest_fast_even_size(double wanted);

}  // namespace svsep
