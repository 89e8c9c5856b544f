#pragma once

#include "network/input_transform.hpp"
#include "network/mask/thesis_cnn.hpp"
#include "svsep/model_file.hpp"

#include <filesystem>
#include <vector>

namespace svsep::test {

/// The thesis' network, as small as it can be: for the STFT of 64 samples of tiny_info().
inline ThesisCnnSizes tiny_sizes() {
  return {.window_frames = 9, .bins = 33, .convolution_channels = {4, 3, 5, 2}, .dense_units = {12, 7}};
}

inline ModelInfo tiny_info() {
  ModelInfo info;
  info.analysis.stft = {.fft_samples = 64, .window_samples = 32, .hop_samples = 8};
  info.level_radius_frames = 20;
  info.thresholds = {.vocals = 0.15F, .accompaniment = 0.8F};
  info.training = "random weights";
  info.data = "none";
  info.licence = "MIT";
  state_sizes(tiny_sizes(), info);
  return info;
}

/// Writes a network of random weights with random statistics; returns the network.
inline ThesisCnn write_tiny_model(const std::filesystem::path& path, const ModelInfo& info = tiny_info(),
                                  TensorType type = TensorType::float32) {
  torch::manual_seed(7);
  ThesisCnn network(tiny_sizes());
  network->eval();
  std::vector<NamedTensor> tensors = named_tensors(*network);
  for (NamedTensor& tensor : named_tensors({torch::randn({33}), torch::rand({33}) + 0.5})) {
    tensors.push_back(std::move(tensor));
  }
  write_model_file(path, info, tensors, type);
  return network;
}

}  // namespace svsep::test
