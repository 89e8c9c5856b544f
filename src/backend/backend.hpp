#pragma once

#include "svsep/model_file.hpp"
#include "svsep/separator.hpp"
#include "svsep/training.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace svsep {

/// How a network runs.
struct EstimatorOptions {
  std::string device = "auto";  ///< "auto" (CUDA where there is one), "cpu", "cuda" or "cuda:N"
  int threads = 0;              ///< CPU threads; 0: all processors
  std::size_t stride =
      9;  ///< thesis CNN: evaluate every stride-th window and use that many of its middle frames
  /// Share of a chunk that the next one sees again, 0 to 0.99; absent: the model's. The thesis CNN's windows
  /// of nine frames share 0, 2/3 or 8/9, whichever is nearest (absent: 0); our U-Nets have no such choice.
  std::optional<double> overlap = {};
  bool float32 = false;  ///< compute in float32 even where the device is faster in half of it
  /// Stems that will be wanted, see SeparationSettings::stems: a published network may do without the others.
  std::vector<std::string> stems = {};
};

/// All that needs LibTorch, behind a seam: LibTorch costs 0.4 s and 160 MB before main, so it lives in a
/// shared module that is opened only when a network is needed. A CPU and a CUDA module can stand side by
/// side.
class Backend {
 public:
  virtual ~Backend() = default;

  /// "cpu" or "cuda:N" for EstimatorOptions::device; logs which it is and why. Throws Error: runtime (no such
  /// device), usage (no such word).
  [[nodiscard]] virtual std::string choose_device(const std::string& request) const = 0;
  /// What separates songs with the model, of whichever family. Throws Error: model (not one this version
  /// knows), runtime (no such device).
  [[nodiscard]] virtual std::unique_ptr<Estimator> make_estimator(const ModelFile& model,
                                                                  const EstimatorOptions& options) = 0;
  /// See svsep::train.
  virtual void train(const TrainingOptions& options) = 0;
};

/// Opens the module svsep_torch.so of this installation, see own_files.
/// The object lives until the process ends. Throws Error(runtime) where it is missing or does not load.
Backend& load_backend();

}  // namespace svsep
