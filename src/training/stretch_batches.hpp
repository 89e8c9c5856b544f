#pragma once

#include "recipe/mixer.hpp"
#include "training/batches.hpp"

#include <memory>

namespace svsep {

/// Batches of a mixer's pieces: batch b of an epoch of size n has the pieces n b .. n b + n - 1. The same for
/// any number of workers and wherever the range begins. One thread at a time.
class StretchBatches {
 public:
  /// `mixer` must outlive it. Throws Error(usage) where the batch is not a multiple of the ranks.
  StretchBatches(const Mixer& mixer, const BatchRange& range);
  ~StretchBatches();

  /// Throws what Mixer::draw() throws. No more calls than range.count.
  [[nodiscard]] StretchBatch next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace svsep
