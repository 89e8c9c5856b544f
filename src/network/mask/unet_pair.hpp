#pragma once

#include "network/mask/harmonic_unet.hpp"
#include "network/mask/mask_network.hpp"
#include "network/mask/unet_tcn.hpp"

#include <cstdint>
#include <torch/torch.h>

namespace svsep {

struct UnetPairSizes {
  UnetTcnSizes linear;
  HarmonicUnetSizes harmonic;  ///< of as many bins and planes

  /// Frames on either side of a frame that its mask may depend on, a multiple of
  /// HarmonicUnetImpl::kFrameStep.
  [[nodiscard]] std::int64_t context_frames() const;
};

/// The sizes that a model file states. Throws Error(model) as unet_tcn_sizes() and harmonic_unet_sizes().
[[nodiscard]] UnetPairSizes unet_pair_sizes(const ModelFile& file);

/// Two networks that see a song differently, bins in rows and octaves in rows, so that they rarely make the
/// same mistakes: its logits are the mean of theirs. Each learns alone; scripts/train_remix joins their
/// files.
class UnetPairImpl : public MaskNetwork {
 public:
  explicit UnetPairImpl(const UnetPairSizes& sizes);

  torch::Tensor forward(const torch::Tensor& windows) override;

 private:
  UnetTcn linear_;
  HarmonicUnet harmonic_;
};
TORCH_MODULE(UnetPair);

}  // namespace svsep
