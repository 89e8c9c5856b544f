#pragma once

#include "network/mask/harmonic_unet.hpp"
#include "network/mask/mask_network.hpp"
#include "network/mask/thesis_cnn.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace svsep {

/// A network, how a song is cut into its windows, and how many of those are evaluated at once.
struct WindowedNetwork {
  std::shared_ptr<MaskNetwork> network;
  std::int64_t input_planes = 1;
  Windows windows;
  std::int64_t windows_per_batch_cpu = 0;
  std::int64_t windows_per_batch_cuda = 0;
};

/// The file's network by its architecture's name, with its parameters. The thesis CNN's windows advance
/// `stride` frames, 1 to the window's length, and so many of each are kept; with an `overlap` above 1, which
/// divides that length, all of each are kept, and they advance by its `overlap`-th part. Throws Error: model
/// (not one this version knows), usage (the stride, the overlap).
[[nodiscard]] WindowedNetwork load_network(const ModelFile& file, std::int64_t stride,
                                           std::int64_t overlap = 1);

/// An architecture as training needs it.
struct TrainableNetwork {
  ModelInfo info;  ///< architecture, sizes, analysis, window_frames, level_radius_frames
  /// A network with random weights, of torch's generator.
  std::function<std::shared_ptr<MaskNetwork>()> make;
  Windows windows;  ///< as WindowedNetwork, for songs
};

[[nodiscard]] TrainableNetwork trainable(const ThesisCnnSizes& sizes);
/// With batch normalisation, which stored_tensors() folds away.
[[nodiscard]] TrainableNetwork trainable(const HarmonicUnetSizes& sizes);
/// Of the default sizes, by its architecture's name.
[[nodiscard]] TrainableNetwork trainable(const std::string& name);

}  // namespace svsep
