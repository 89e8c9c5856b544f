#pragma once

#include <ATen/Parallel.h>
#include <algorithm>
#include <cstdint>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// Calls change(part) for views of a few rows of x [.., rows, columns], which share the threads, and are so
/// small that LibTorch leaves each to one. Of what a thread gets it computes the last elements with another
/// exp() or log() than the others, one bit apart now and then: x as a whole would depend on the number of
/// threads.
template <typename Change>
void in_small_parts(torch::Tensor x, const Change& change) {
  if (!x.is_cpu()) return change(x);
  const std::int64_t elements_a_row = std::max<std::int64_t>(1, x.numel() / x.size(-2));
  const std::int64_t rows = std::max<std::int64_t>(1, at::internal::GRAIN_SIZE / elements_a_row);
  std::vector<torch::Tensor> parts = x.split(rows, -2);
  at::parallel_for(0, static_cast<std::int64_t>(parts.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    const c10::InferenceMode as_here(x.is_inference());  // the other threads do not know
    for (std::int64_t i = begin; i < end; ++i) change(parts[static_cast<std::size_t>(i)]);
  });
}

}  // namespace svsep
