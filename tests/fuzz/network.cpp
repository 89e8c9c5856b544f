#include "fuzz.hpp"
#include "network/mask/torch_mask_estimator.hpp"

#include <algorithm>
#include <vector>

namespace {

constexpr std::size_t kMostValues = 1 << 20;  ///< that the network is tried on
constexpr std::size_t kStride = 5;

}  // namespace

/// A model file as a network, which then looks at some frames.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  torch::set_num_threads(1);
  const svsep::fuzz::MemoryFile bytes(svsep::fuzz::text_of(data, size));
  svsep::fuzz::expect_only_errors([&] {
    const svsep::ModelFile file(bytes.path());
    const std::size_t stride = std::min(kStride, file.info().window_frames);
    svsep::TorchMaskEstimator estimator(file, torch::kCPU, stride, torch::kFloat);
    const std::size_t frames = 2 * estimator.context_frames() + estimator.batch_frames();
    const std::size_t bins = estimator.analysis().stft.bins();
    const std::size_t values = frames * estimator.input_planes() * bins;
    svsep::fuzz::require(values > 0, "a network looks at something");
    if (values > kMostValues) return;
    std::vector<float> magnitudes(values);
    for (std::size_t i = 0; i < values; ++i) magnitudes[i] = static_cast<float>(i % 7);
    std::vector<float> mask(estimator.batch_frames() * bins);
    estimator.estimate(magnitudes, mask);
  });
  return 0;
}
