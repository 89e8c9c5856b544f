#include "network/mask/unet_pair.hpp"

#include <algorithm>

namespace svsep {
namespace {

constexpr const char* kArchitecture = "unet-pair";

}  // namespace

std::int64_t UnetPairSizes::context_frames() const {
  constexpr std::int64_t kStep = HarmonicUnetImpl::kFrameStep;
  const std::int64_t needed = std::max(linear.context_frames(), harmonic.context_frames());
  return (needed + kStep - 1) / kStep * kStep;
}

UnetPairSizes unet_pair_sizes(const ModelFile& file) {
  check_architecture(file, kArchitecture);
  UnetPairSizes sizes{unet_tcn_part_sizes(file), harmonic_unet_part_sizes(file)};
  check_parameter_count(file, parameter_count(sizes.linear) + parameter_count(sizes.harmonic));
  return sizes;
}

UnetPairImpl::UnetPairImpl(const UnetPairSizes& sizes)
    : linear_(register_module("linear", UnetTcn(sizes.linear))),
      harmonic_(register_module("harmonic", HarmonicUnet(sizes.harmonic))) {}

torch::Tensor UnetPairImpl::forward(const torch::Tensor& windows) {
  return (linear_(windows) + harmonic_(windows)) / 2;
}

}  // namespace svsep
