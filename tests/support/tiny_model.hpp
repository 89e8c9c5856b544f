#pragma once

#include "core/rng.hpp"
#include "svsep/model_file.hpp"

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace svsep::test {

/// Writes a whole model of the thesis' architecture with tiny layers and random weights: quick, and deaf.
inline void write_tiny_model(const std::filesystem::path& path, ModelInfo info = {}) {
  info.sizes = {{"convolution_channels", {2, 2, 2, 2}}, {"dense_units", {4, 4}}};
  info.level_radius_frames = 20;
  constexpr std::int64_t kBins = 2049;
  constexpr std::int64_t kWindowFrames = 9;
  constexpr std::int64_t kPooledTwice = 15;
  const std::vector<std::pair<std::string, std::vector<std::int64_t>>> kernels = {
      {"conv1", {2, 1, 3, 12}},
      {"conv2", {2, 2, 3, 12}},
      {"conv3", {2, 2, 3, 12}},
      {"conv4", {2, 2, 3, 12}},
      {"dense1", {4, kWindowFrames * kPooledTwice * 2}},
      {"dense2", {4, 4}},
      {"dense3", {kWindowFrames * kBins, 4}}};
  std::vector<NamedTensor> tensors = {{"input.mean", {kBins}, std::vector<float>(kBins, -4.0F)},
                                      {"input.scale", {kBins}, std::vector<float>(kBins, 2.0F)}};
  for (const auto& [name, shape] : kernels) {
    std::int64_t count = 1;
    for (const std::int64_t extent : shape) count *= extent;
    const double bound = std::sqrt(6.0 * static_cast<double>(shape[0]) / static_cast<double>(count));
    Rng rng({tensors.size()});
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = static_cast<float>(rng.uniform(-bound, bound));
    tensors.push_back({name + ".weight", shape, std::move(values)});
    tensors.push_back(
        {name + ".bias", {shape[0]}, std::vector<float>(static_cast<std::size_t>(shape[0]), 0.1F)});
  }
  write_model_file(path, info, tensors, TensorType::float16);
}

}  // namespace svsep::test
