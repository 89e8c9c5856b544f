#pragma once

#include <string>
#include <torch/torch.h>

namespace svsep {

/// The device for "auto" (the first CUDA device where there is one), "cpu", "cuda" or "cuda:N"; logs which it
/// is and why. Throws Error: runtime (no CUDA, no such device), usage (none of these words).
[[nodiscard]] torch::Device choose_device(const std::string& request);

/// Sets the CPU threads of LibTorch's operators; 0: all processors. Throws Error(usage) for a negative
/// number.
void set_threads(int threads);

}  // namespace svsep
