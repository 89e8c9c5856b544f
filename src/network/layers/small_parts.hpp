#pragma once

#include <ATen/Parallel.h>
#include <algorithm>
#include <cstdint>
#include <torch/torch.h>

namespace svsep {

/// Calls change(part) for views of a few rows of x [.., rows, columns], so small that LibTorch leaves each to
/// one thread. Of what a thread gets it computes the last elements with another exp() or log() than the
/// others, one bit apart now and then: x as a whole would depend on the number of threads.
template <typename Change>
void in_small_parts(torch::Tensor x, const Change& change) {
  if (!x.is_cpu()) return change(x);
  const std::int64_t elements_a_row = std::max<std::int64_t>(1, x.numel() / x.size(-2));
  const std::int64_t rows = std::max<std::int64_t>(1, at::internal::GRAIN_SIZE / elements_a_row);
  for (torch::Tensor& part : x.split(rows, -2)) change(part);
}

}  // namespace svsep
