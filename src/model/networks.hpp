#pragma once

#include "model/mask_network.hpp"
#include "model/thesis_cnn.hpp"
#include "model/unet_tcn.hpp"

#include <cstdint>
#include <functional>
#include <memory>

namespace svsep {

/// A network and how a song is cut into its windows: every one has `window_frames`, of which the
/// `kept_frames` middle ones count, and so many of them are evaluated at once.
struct WindowedNetwork {
  std::shared_ptr<MaskNetwork> network;
  std::int64_t input_planes = 1;
  std::int64_t window_frames = 0;
  std::int64_t kept_frames = 0;
  std::int64_t windows_per_batch_cpu = 0;
  std::int64_t windows_per_batch_cuda = 0;
};

/// The file's network by its architecture's name, with its parameters. `stride` is the frames that the thesis
/// CNN keeps of each window, 1..window_frames. Throws Error: model (not one this version knows), usage (the
/// stride).
[[nodiscard]] WindowedNetwork load_network(const ModelFile& file, std::int64_t stride);

/// An architecture as training needs it.
struct TrainableNetwork {
  ModelInfo info;  ///< architecture, sizes, analysis, window_frames, level_radius_frames
  /// A network with random weights, of torch's generator.
  std::function<std::shared_ptr<MaskNetwork>()> make;
  std::int64_t window_frames = 0;  ///< as WindowedNetwork, for songs
  std::int64_t kept_frames = 0;
};

[[nodiscard]] TrainableNetwork trainable(const ThesisCnnSizes& sizes);
/// With batch normalisation, which stored_tensors() folds away.
[[nodiscard]] TrainableNetwork trainable(const UnetTcnSizes& sizes);

}  // namespace svsep
