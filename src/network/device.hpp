#pragma once

#include "svsep/error.hpp"

#include <string>
#include <torch/torch.h>

namespace svsep {

/// The device for "auto" (the first CUDA device where there is one), "cpu", "cuda" or "cuda:N". Throws Error:
/// runtime (no CUDA, no such device), usage (none of these words).
[[nodiscard]] torch::Device choose_device(const std::string& request);

/// Logs which device it is and why.
void log_device(const torch::Device& device, const std::string& request);

/// Sets the CPU threads of LibTorch's operators; 0: all processors. Throws Error(usage) for a negative
/// number.
void set_threads(int threads);

/// The fastest type that a network may compute in there: float16 on CUDA, bfloat16 on a CPU that multiplies
/// it, else float32. A network must not be given raw magnitudes in it: only what is standardised has a known
/// range.
[[nodiscard]] torch::ScalarType fastest_type(const torch::Device& device);

/// Runs `work` and returns its result; an exception of LibTorch's becomes "<what>: LibTorch: <its first
/// line>", Error(runtime).
template <typename Work>
auto with_torch_errors(const std::string& what, const Work& work) {
  try {
    return work();
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    throw Error(ErrorKind::runtime, what + ": LibTorch: " + text.substr(0, text.find('\n')));
  }
}

/// Gives memory back to the system that was freed but kept: after weights were packed, as much as they take.
void give_freed_memory_back();

}  // namespace svsep
