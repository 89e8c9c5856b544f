#include "network/device.hpp"

#include "core/log.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <thread>

#ifdef __GLIBC__
#include <malloc.h>
#endif

/// Of the BLAS that LibTorch may use: it has threads of its own, which LibTorch's setting does not reach.
extern "C" void openblas_set_num_threads(int threads) __attribute__((weak));

namespace svsep {
namespace {

constexpr std::string_view kCudaPrefix = "cuda:";

}  // namespace

torch::Device choose_device(const std::string& request) {
  if (request == "cpu") return torch::kCPU;
  const auto devices = torch::cuda::is_available() ? static_cast<int>(torch::cuda::device_count()) : 0;
  if (request == "auto") {
    return devices > 0 ? torch::Device(torch::kCUDA, 0) : torch::kCPU;
  }
  int index = 0;
  if (request != "cuda") {
    const char* const end = request.data() + request.size();
    const char* const digits = request.data() + std::min(kCudaPrefix.size(), request.size());
    const auto [parsed, code] = std::from_chars(digits, end, index);
    if (!request.starts_with(kCudaPrefix) || code != std::errc() || parsed != end || index < 0) {
      throw Error(ErrorKind::usage, "unknown device; expected auto, cpu, cuda or cuda:N, got " + request);
    }
  }
  if (devices == 0) {
    throw Error(ErrorKind::runtime,
                "cannot use device " + request + ": no CUDA in this LibTorch or on this machine");
  }
  if (index >= devices) {
    throw Error(ErrorKind::runtime, "cannot use device " + request + ": no such CUDA device; expected 0 to " +
                                        std::to_string(devices - 1) + ", got " + std::to_string(index));
  }
  return {torch::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

void log_device(const torch::Device& device, const std::string& request) {
  logger().info("device {} ({})", device.str(),
                request != "auto"  ? "as asked"
                : device.is_cuda() ? "the first CUDA device"
                                   : "no CUDA device");
}

torch::ScalarType fastest_type(const torch::Device& device) {
  if (device.is_cuda()) return torch::kHalf;
#ifdef __x86_64__
  if (device.is_cpu() && at::hasMKLDNN() && __builtin_cpu_supports("avx512bf16") != 0) {
    return torch::kBFloat16;
  }
#endif
  return torch::kFloat;
}

void set_threads(int threads) {
  if (threads < 0) {
    throw Error(ErrorKind::usage, "threads; expected 0 or more, got " + std::to_string(threads));
  }
  const auto processors = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const int count = threads == 0 ? processors : threads;
  // Where it is so already, that would only start a thread pool that nothing here uses, and which spins.
  if (count != torch::get_num_threads()) torch::set_num_threads(count);
  if (openblas_set_num_threads != nullptr) openblas_set_num_threads(count);
}

void give_freed_memory_back() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace svsep
