#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <torch/torch.h>
#include <vector>

namespace svsep {

/// Which process of a data-parallel training this is. One rank is a training without any other.
struct Ranks {
  int rank = 0;                ///< 0 to world_size - 1; rank 0 leads
  int world_size = 1;          ///< processes, all machines together
  int local_rank = 0;          ///< counts the processes of this machine
  std::string master_address;  ///< name or address of rank 0's machine; empty with one rank
  int master_port = 0;         ///< TCP, where rank 0 listens; 0 with one rank
};

/// Reads what launchers set: RANK, WORLD_SIZE and LOCAL_RANK (torchrun; these win), OMPI_COMM_WORLD_* (Open
/// MPI) or SLURM_PROCID, SLURM_NTASKS and SLURM_LOCALID; then MASTER_ADDR, and MASTER_PORT [29500]. None of
/// them set: one rank. Throws Error(usage) that names the variable and its value.
[[nodiscard]] Ranks ranks_from_environment();

/// choose_device(request) for one rank; with several, "auto" and "cuda" become the CUDA device of number
/// local_rank, or the only one where this process sees one.
[[nodiscard]] torch::Device choose_device(const std::string& request, const Ranks& ranks);

/// The ranks' common operations, by LibTorch's c10d: Gloo, and NCCL for tensors on CUDA devices. All ranks
/// call the same ones in the same order and wait in them for each other; with one rank they do nothing. Where
/// a rank is lost, the others throw Error(runtime): at once where its process ended, else after `timeout`.
/// Not thread-safe.
class ProcessGroup {
 public:
  /// Long enough for the slowest step of a rank, short enough that a lost one is noticed within a minute.
  static constexpr std::chrono::seconds kTimeout{45};

  /// Meets the other ranks. `device` is where the tensors of average() and broadcast() are. Throws
  /// Error(runtime) where they do not come within `timeout`, or the build lacks Gloo or NCCL.
  ProcessGroup(const Ranks& ranks, const torch::Device& device, std::chrono::milliseconds timeout = kTimeout);
  ~ProcessGroup();
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  [[nodiscard]] int rank() const noexcept { return ranks_.rank; }
  [[nodiscard]] int world_size() const noexcept { return ranks_.world_size; }
  [[nodiscard]] int local_rank() const noexcept { return ranks_.local_rank; }

  /// Replaces each tensor by its mean over the ranks, in flat buckets of 25 MiB. Shapes and types are the
  /// same on all ranks; every tensor is defined.
  void average(const std::vector<torch::Tensor>& gradients);

  /// Replaces each tensor by rank 0's.
  void broadcast(const std::vector<torch::Tensor>& parameters);

  /// The sums over the ranks of each value; as many values on all ranks.
  [[nodiscard]] std::vector<double> sum(const std::vector<double>& values);

  /// Waits for all ranks, for as long as a day: for work whose length differs between them. A process that
  /// ends is noticed at once here too, but not a machine that falls silent.
  void barrier();

 private:
  struct Groups;
  Ranks ranks_;
  std::unique_ptr<Groups> groups_;  // none with one rank
};

}  // namespace svsep
