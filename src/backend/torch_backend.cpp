#include "backend/backend.hpp"
#include "network/device.hpp"
#include "network/mask/torch_mask_estimator.hpp"
#include "network/published/torch_chunk_estimator.hpp"

#include <cstddef>
#include <memory>
#include <string>

namespace svsep {
namespace {

/// How many of the thesis CNN's windows see a frame, see EstimatorOptions::overlap.
std::size_t windows_per_frame(double overlap) { return overlap < 1.0 / 3 ? 1 : overlap < 7.0 / 9 ? 3 : 9; }

class TorchBackend : public Backend {
 public:
  [[nodiscard]] std::string choose_device(const std::string& request) const override {
    const torch::Device device = svsep::choose_device(request);
    log_device(device, request);
    return device.str();
  }

  [[nodiscard]] std::unique_ptr<Estimator> make_estimator(const ModelFile& model,
                                                          const EstimatorOptions& options) override {
    set_threads(options.threads);
    const torch::Device device = svsep::choose_device(options.device);
    const torch::ScalarType type = options.float32 ? torch::kFloat : fastest_type(device);
    at::globalContext().setAllowTF32CuDNN(type != torch::kFloat);  // which has ten bits, not float32's 23
    if (model.info().chunks) {
      return std::make_unique<TorchChunkEstimator>(
          model, ChunkEstimatorOptions{device, type, options.overlap, options.stems});
    }
    return std::make_unique<TorchMaskEstimator>(model, device, options.stride, type,
                                                windows_per_frame(options.overlap.value_or(0)));
  }

  void train(const TrainingOptions& options) override {
    with_torch_errors("cannot train", [&] { svsep::train(options); });
  }
};

}  // namespace
}  // namespace svsep

/// The module's only entry. The object lives as long as the module.
extern "C" svsep::Backend* svsep_backend() {
  static svsep::TorchBackend backend;
  return &backend;
}
