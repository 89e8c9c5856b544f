#pragma once

#include <ATen/Parallel.h>
#include <algorithm>
#include <cstdint>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// How a CPU goes through a large image: some rows at a time, each time on one thread, so that what lies
/// between two layers stays in a cache and needs no memory. Small images, and those of other devices, are one
/// tile.
struct Tiles {
  static constexpr std::int64_t kFewest = 4;

  std::int64_t rows = 0;     ///< in all
  std::int64_t at_once = 1;  ///< the tiles do not depend on the number of threads

  /// Of an image like `like` with `rows`, each tile of about `values` where a row has `values_per_row`.
  Tiles(const torch::Tensor& like, std::int64_t all_rows, std::int64_t values_per_row, std::int64_t values)
      : rows(all_rows), at_once(std::max<std::int64_t>(1, values / values_per_row)) {
    if (!like.is_cpu() || rows < kFewest * at_once) at_once = rows;
  }

  [[nodiscard]] bool are_one() const { return at_once == rows; }

  /// Calls work(first, end) for the rows of each tile.
  template <typename Work>
  void each(const Work& work) const {
    if (are_one()) return work(std::int64_t{0}, rows);
    at::parallel_for(0, (rows + at_once - 1) / at_once, 1, [&](std::int64_t begin, std::int64_t end) {
      const c10::InferenceMode inference;
      for (std::int64_t tile = begin; tile < end; ++tile) {
        work(tile * at_once, std::min((tile + 1) * at_once, rows));
      }
    });
  }

  /// A tensor of `shape` of what step(first, end) gives, along `axis`: `unit` of its rows for each.
  template <typename Step>
  [[nodiscard]] torch::Tensor joined(const std::vector<std::int64_t>& shape, std::int64_t axis,
                                     std::int64_t unit, const Step& step) const {
    if (are_one()) return step(std::int64_t{0}, rows);
    torch::Tensor result = torch::empty(shape);
    each([&](std::int64_t first, std::int64_t end) {
      result.narrow(axis, unit * first, unit * (end - first)).copy_(step(first, end));
    });
    return result;
  }
};

}  // namespace svsep
