#include "network/layers/winograd_kernels.hpp"

#include "network/layers/instruction_set.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#define SVSEP_KERNELS "network/layers/winograd_kernels.inc"

namespace svsep {
namespace {

constexpr std::int64_t kKernelRows = 3;
constexpr std::int64_t kMostPoints = 12;    // that a kernel takes at once
constexpr std::int64_t kPointsAtOnce = 96;  // of a block of frames
constexpr std::int64_t kMostFrames = 16;

/// A point is a group of positions of a frame.
std::int64_t points_per_frame(const WinogradShape& shape) { return shape.positions / kWinogradPositions; }

/// What a block of frames needs while it is computed, in floats: the points' values
/// [kWinogradValues][points, and those of the frames around][inputs], then
/// [kWinogradValues][points][outputs].
struct Block {
  Block(const WinogradShape& shape, std::int64_t frames)
      : points(frames * points_per_frame(shape)),
        seen_plane(((frames + (kKernelRows - 1) * shape.dilation) * points_per_frame(shape) + kMostPoints) *
                   shape.inputs),
        made_plane((points + kMostPoints) * shape.outputs) {}

  [[nodiscard]] std::int64_t floats() const { return kWinogradValues * (seen_plane + made_plane); }

  std::int64_t points, seen_plane, made_plane;
};

struct Kernels {
  void (*convolve)(const float*, const WinogradShape&, const float*, const float*, std::int64_t, std::int64_t,
                   float*, float*);
};

#include "network/layers/for_each_target.inc"

}  // namespace

bool winograd_is_fast() { return instruction_set() != InstructionSet::any; }

std::int64_t winograd_frames_at_once(const WinogradShape& shape) {
  return std::clamp<std::int64_t>(kPointsAtOnce / points_per_frame(shape), 1, kMostFrames);
}

std::int64_t winograd_scratch(const WinogradShape& shape, std::int64_t frames) {
  return Block(shape, frames).floats();
}

void winograd_pack(const float* weight, std::int64_t inputs, std::int64_t outputs, float* packed) {
  for (std::int64_t output = 0; output < outputs; ++output) {
    for (std::int64_t input = 0; input < inputs; ++input) {
      for (std::int64_t row = 0; row < kKernelRows; ++row) {
        const float* const taps = weight + ((output * inputs + input) * kKernelRows + row) * 3;
        const double before = taps[0], at = taps[1], after = taps[2];
        const std::array<double, kWinogradValues> values = {before / 4,
                                                            -(before + at + after) / 6,
                                                            -(before - at + after) / 6,
                                                            before / 24 + at / 12 + after / 6,
                                                            before / 24 - at / 12 + after / 6,
                                                            after};
        for (std::int64_t value = 0; value < kWinogradValues; ++value) {
          const std::int64_t panel = output / kWinogradChannels * kWinogradValues + value;
          packed[((panel * kKernelRows + row) * inputs + input) * kWinogradChannels +
                 output % kWinogradChannels] = static_cast<float>(values[static_cast<std::size_t>(value)]);
        }
      }
    }
  }
}

void winograd_convolve(const float* image, const WinogradShape& shape, const float* packed, const float* bias,
                       std::int64_t first, std::int64_t end, float* scratch, float* result) {
  kernels().convolve(image, shape, packed, bias, first, end, scratch, result);
}

}  // namespace svsep
