#include "model/device.hpp"
#include "model/torch_mask_estimator.hpp"
#include "svsep/backend/backend.hpp"

#include <memory>
#include <string>
#include <torch/version.h>

namespace svsep {
namespace {

class TorchBackend : public Backend {
 public:
  [[nodiscard]] std::string description() const override {
    return std::string("LibTorch ") + TORCH_VERSION + (torch::cuda::is_available() ? ", CUDA" : ", CPU");
  }

  [[nodiscard]] std::unique_ptr<MaskEstimator> make_estimator(const ModelFile& model,
                                                              const EstimatorOptions& options) override {
    set_threads(options.threads);
    return std::make_unique<TorchMaskEstimator>(model, choose_device(options.device), options.stride);
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
