#pragma once

#include <cstdint>

// What a U-Net over positions does on a CPU between its convolutions, in one pass each, without LibTorch.
// Images are rows of [positions][channels]; the channels are a multiple of kChannelsAtOnce. A value is a
// float, or the upper half of one (bfloat16), in which it is rounded to nearest.

namespace svsep {

inline constexpr std::int64_t kChannelsAtOnce = 16;

struct DenseAcrossWeights {
  std::int64_t positions = 0;
  std::int64_t units = 0;
  const float* squeeze = nullptr;         ///< [positions][units]
  const float* squeeze_offset = nullptr;  ///< [units]
  const float* expand = nullptr;          ///< [units][positions]
  const float* expand_offset = nullptr;   ///< [positions]
};

/// Rows y = relu(image) become y + expand(relu(squeeze(y))), alike for every channel. `scratch` holds
/// (positions + units) * kChannelsAtOnce values.
void rectify_and_add_dense_across(float* image, std::int64_t rows, std::int64_t channels,
                                  const DenseAcrossWeights& weights, float* scratch);
void rectify_and_add_dense_across(std::uint16_t* image, std::int64_t rows, std::int64_t channels,
                                  const DenseAcrossWeights& weights, float* scratch);

/// A row of `image` becomes relu(image + below), where each of the positions below serves two.
void add_larger_and_rectify(float* image, const float* below, std::int64_t positions, std::int64_t channels);
void add_larger_and_rectify(std::uint16_t* image, const std::uint16_t* below, std::int64_t positions,
                            std::int64_t channels);

}  // namespace svsep
