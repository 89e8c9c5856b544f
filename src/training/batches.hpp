#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <torch/torch.h>
#include <variant>

namespace svsep {

/// Windows of frames, shuffled across pieces: for networks that see a fixed window, and losses that compare
/// masks.
struct WindowBatch {
  torch::Tensor inputs;  ///< [windows, window_frames, bins] float32: log_compress()ed or bare magnitudes
  torch::Tensor labels;  ///< [windows, window_frames, bins]: uint8 (0 or 1), float32 for Label::ratio
  std::set<std::string> names;  ///< of the pieces
};

/// Stretches of audio: for networks that see their surroundings, and losses that hear the result. The
/// learner makes frames of them, on its device.
struct StretchBatch {
  torch::Tensor vocals;         ///< [stretches, channels, samples] float32
  torch::Tensor accompaniment;  ///< the same shape
  std::set<std::string> names;
};

using Batch = std::variant<WindowBatch, StretchBatch>;

}  // namespace svsep
