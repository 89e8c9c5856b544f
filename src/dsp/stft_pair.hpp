#pragma once

#include "svsep/stft.hpp"

#include <memory>
#include <span>

namespace svsep {

/// Real and imaginary parts of one frame of two signals, bins() values each.
struct FramePair {
  std::span<const float> first_real, first_imaginary;
  std::span<const float> second_real, second_imaginary;
};

/// Frames of two equally long signals, any frame at any time: what two Stft would give (to float precision of
/// the frame's largest bin), for less, by one complex transform. One thread at a time an object.
class StftPair {
 public:
  explicit StftPair(const StftParameters& parameters);
  ~StftPair();

  /// Frame `frame` < frames(first.size()), which may be kept until the next call. A signal whose window is
  /// silent has zeros in all bins. Throws nothing but std::bad_alloc.
  FramePair frame(Samples first, Samples second, std::size_t frame);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Mean over the bins of the squared magnitude of every frame of first + second, without transforming them
/// (Parseval).
[[nodiscard]] std::vector<double> frame_powers(const StftParameters& parameters, Samples first,
                                               Samples second);

}  // namespace svsep
