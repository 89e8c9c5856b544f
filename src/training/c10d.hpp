#pragma once

// LibTorch's c10d: what differs between its versions and flavours. SVSEP_GLOO and SVSEP_NCCL say that the
// headers are there which c10d's own ones include (cmake/Dependencies.cmake). Only process_group.cpp includes
// this.

#include <chrono>
#include <cstdlib>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/torch.h>
#include <torch/version.h>
#ifdef SVSEP_GLOO
#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#endif
#ifdef SVSEP_NCCL
#define USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif
#if TORCH_VERSION_MAJOR >= 2
#include <torch/csrc/distributed/c10d/Backend.hpp>
#else
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#endif

namespace svsep::c10d_group {

#if TORCH_VERSION_MAJOR >= 2
using Backend = c10d::Backend;
#else
using Backend = c10d::ProcessGroup;
#endif
using BackendPointer = c10::intrusive_ptr<Backend>;
using StorePointer = c10::intrusive_ptr<c10d::Store>;

/// Null where the build has no Gloo.
inline BackendPointer make_gloo([[maybe_unused]] const StorePointer& store, [[maybe_unused]] int rank,
                                [[maybe_unused]] int world_size,
                                [[maybe_unused]] std::chrono::milliseconds timeout) {
#ifdef SVSEP_GLOO
  using Gloo = c10d::ProcessGroupGloo;
  auto options = Gloo::Options::create(timeout);
  const char* const interface = std::getenv("GLOO_SOCKET_IFNAME");  // as PyTorch has it
  options->devices.push_back(interface == nullptr ? Gloo::createDefaultDevice()
                                                  : Gloo::createDeviceForInterface(interface));
  return c10::make_intrusive<Gloo>(store, rank, world_size, options);
#else
  return {};
#endif
}

/// Null where the build has no NCCL.
inline BackendPointer make_nccl([[maybe_unused]] const StorePointer& store, [[maybe_unused]] int rank,
                                [[maybe_unused]] int world_size,
                                [[maybe_unused]] std::chrono::milliseconds timeout) {
#ifdef SVSEP_NCCL
#if TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= 2
  constexpr const char* kBlockingWait = "TORCH_NCCL_BLOCKING_WAIT";
#else
  constexpr const char* kBlockingWait = "NCCL_BLOCKING_WAIT";
#endif
  // A lost rank is then an exception where we wait; without it, c10d's own thread ends the process.
  ::setenv(kBlockingWait, "1", 0);
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, world_size, options);
#else
  return {};
#endif
}

}  // namespace svsep::c10d_group
