#pragma once

#include "svsep/model_file.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace svsep {

/// Writes the mean of the weights of models of one architecture and sizes, whose runs went on from the same
/// weights: that often does better than either. All else is the first one's. Throws Error: model (they do not
/// fit each other), usage (fewer than two), output.
void average_models(const std::vector<std::filesystem::path>& models, const std::filesystem::path& output);

/// What calibrate_model() changes; defaults change nothing.
struct Calibration {
  double certainty = 1.0;  ///< gain of the logits, above 0; below 1 makes masks softer
  /// Added to the logits per octave above 200 Hz: of songs, networks lose more voice, most of it high, than
  /// they let accompaniment through.
  double bias_per_octave = 0.0;
  std::optional<double> vocals_threshold = {};         ///< 0 to 1
  std::optional<double> accompaniment_threshold = {};  ///< 0 to 1
  std::string licence = {};                            ///< empty: as it is
};

/// Writes a copy of a model that estimates a mask. Throws Error: model (published networks have no mask),
/// usage (a number out of range), output.
void calibrate_model(const std::filesystem::path& model, const Calibration& calibration,
                     const std::filesystem::path& output);

}  // namespace svsep
