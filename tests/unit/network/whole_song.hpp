#pragma once

#include "network/mask/mask_network.hpp"
#include "network/mask/torch_mask_estimator.hpp"

#include <cstdint>
#include <gtest/gtest.h>
#include <torch/torch.h>
#include <vector>

namespace svsep::test {

/// Of a model of 33 bins that takes magnitudes: its estimator gives a song's frames the mask that the network
/// gives them when it sees the song in one window.
inline void expect_mask_of_the_whole_song(const ModelFile& file, MaskNetwork& network) {
  TorchMaskEstimator estimator(file, torch::kCPU, 5);
  const auto planes = static_cast<std::int64_t>(estimator.input_planes());
  const auto context = static_cast<std::int64_t>(estimator.context_frames());
  const auto batch = static_cast<std::int64_t>(estimator.batch_frames());
  torch::manual_seed(1);
  const torch::Tensor song = torch::rand({2 * context + batch, planes, 33});
  std::vector<float> mask(static_cast<std::size_t>(batch * 33));
  estimator.estimate({song.data_ptr<float>(), static_cast<std::size_t>(song.numel())}, mask);
  const torch::NoGradGuard no_gradients;
  const torch::Tensor whole = network.forward(song.transpose(0, 1).unsqueeze(0)).sigmoid()[0];
  EXPECT_TRUE(torch::tensor(mask).view({batch, 33}).allclose(whole.narrow(0, context, batch), 0, 1e-5));
}

}  // namespace svsep::test
