#include "training/process_group.hpp"

#include "core/log.hpp"
#include "network/device.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/error.hpp"
#include "training/c10d.hpp"

#include <algorithm>
#include <array>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <spdlog/fmt/fmt.h>
#include <string_view>
#include <utility>

namespace svsep {
namespace {

constexpr std::int64_t kBucketBytes = 25 << 20;
constexpr std::chrono::hours kBarrierTimeout{24};
constexpr int kDefaultPort = 29500;  // torchrun's
constexpr int kLastPort = 65535;

/// The names that a launcher gives to the same three numbers.
struct Launcher {
  const char* rank;
  const char* world_size;
  const char* local_rank;
};

constexpr std::array<Launcher, 3> kLaunchers = {
    {{"RANK", "WORLD_SIZE", "LOCAL_RANK"},
     {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"},
     {"SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"}}};

/// The variable's value; an empty one is none.
std::optional<std::string> variable(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

[[noreturn]] void fail_usage(const std::string& text) {
  throw Error(ErrorKind::usage, "cannot join the other ranks: " + text);
}

std::optional<int> number(const char* name, int lowest, int highest) {
  const std::optional<std::string> text = variable(name);
  if (!text) return std::nullopt;
  int value = 0;
  const char* const end = text->data() + text->size();
  const auto [parsed, code] = std::from_chars(text->data(), end, value);
  if (code != std::errc() || parsed != end || value < lowest || value > highest) {
    fail_usage(highest == std::numeric_limits<int>::max()
                   ? fmt::format("{}; expected {} or more, got {}", name, lowest, *text)
                   : fmt::format("{}; expected {} to {}, got {}", name, lowest, highest, *text));
  }
  return value;
}

/// The library's reason: one line, without its backtrace.
std::string reason(const std::exception& error) {
  const auto* const torch_error = dynamic_cast<const c10::Error*>(&error);
  const std::string text = torch_error != nullptr ? torch_error->what_without_backtrace() : error.what();
  return text.substr(0, text.find('\n'));
}

/// Runs a common operation of the ranks.
template <typename Work>
void with_all_ranks(const Work& work) {
  try {
    work();
  } catch (const std::exception& error) {
    throw_if_cancelled();  // a rank that was told to stop loses the others, who were told so too
    throw Error(ErrorKind::runtime,
                "lost contact with the other ranks: " + reason(error) + "; go on with --resume");
  }
}

/// Neighbours of one type together, as long as they stay below the bucket's size.
std::vector<std::vector<torch::Tensor>> buckets_of(const std::vector<torch::Tensor>& tensors) {
  std::vector<std::vector<torch::Tensor>> buckets;
  std::int64_t bytes = 0;
  for (const torch::Tensor& tensor : tensors) {
    const std::int64_t more = tensor.numel() * static_cast<std::int64_t>(tensor.element_size());
    if (buckets.empty() || bytes + more > kBucketBytes ||
        buckets.back().front().scalar_type() != tensor.scalar_type()) {
      buckets.emplace_back();
      bytes = 0;
    }
    buckets.back().push_back(tensor);
    bytes += more;
  }
  return buckets;
}

torch::Tensor flat(const std::vector<torch::Tensor>& bucket) {
  std::vector<torch::Tensor> pieces;
  for (const torch::Tensor& tensor : bucket) pieces.push_back(tensor.reshape(-1));
  return torch::cat(pieces);
}

void unflatten(const torch::Tensor& whole, const std::vector<torch::Tensor>& bucket) {
  std::int64_t start = 0;
  for (const torch::Tensor& tensor : bucket) {
    tensor.copy_(whole.narrow(0, start, tensor.numel()).view(tensor.sizes()));
    start += tensor.numel();
  }
}

/// Starts `operation` on each bucket, then waits for each and puts its values back, divided by `divisor`.
template <typename Operation>
void in_buckets(const std::vector<torch::Tensor>& tensors, int divisor, const Operation& operation) {
  const torch::NoGradGuard no_gradients;
  const auto buckets = buckets_of(tensors);
  std::vector<std::vector<torch::Tensor>> wholes;
  std::vector<c10::intrusive_ptr<c10d::Work>> works;
  wholes.reserve(buckets.size());  // what works on them refers to them
  for (const auto& bucket : buckets) {
    works.push_back(operation(wholes.emplace_back(std::vector{flat(bucket)})));
  }
  for (std::size_t index = 0; index < buckets.size(); ++index) {
    works[index]->wait();
    torch::Tensor& whole = wholes[index].front();
    if (divisor != 1) whole.div_(divisor);
    unflatten(whole, buckets[index]);
  }
}

std::string key_of(int rank) { return fmt::format("rank {}", rank); }

/// Each rank leaves its name in rank 0's store and waits for the others'.
c10d_group::StorePointer meet(const Ranks& ranks, std::chrono::milliseconds timeout) {
  const auto fail = [&](const std::string& text) {
    throw Error(ErrorKind::runtime, fmt::format("cannot meet the other ranks: {}:{}: {}",
                                                ranks.master_address, ranks.master_port, text));
  };
  c10d_group::StorePointer store;
  try {
    c10d::TCPStoreOptions options;
    options.port = static_cast<std::uint16_t>(ranks.master_port);
    options.isServer = ranks.rank == 0;
    options.waitWorkers = false;
    options.timeout = timeout;
    store = c10::make_intrusive<c10d::TCPStore>(ranks.master_address, options);
    store->set(key_of(ranks.rank), std::vector<std::uint8_t>{1});
  } catch (const std::exception& error) {
    fail(reason(error));
  }
  std::vector<std::string> missing;
  try {
    std::vector<std::string> all;
    for (int rank = 0; rank < ranks.world_size; ++rank) all.push_back(key_of(rank));
    try {
      store->wait(all, timeout);
    } catch (const std::exception&) {
      std::copy_if(all.begin(), all.end(), std::back_inserter(missing),
                   [&](const std::string& key) { return !store->check({key}); });
    }
  } catch (const std::exception& error) {
    fail(reason(error));
  }
  if (!missing.empty()) {
    fail(fmt::format("expected {} ranks within {} s, got all but {}", ranks.world_size,
                     std::chrono::duration_cast<std::chrono::seconds>(timeout).count(),
                     fmt::join(missing, ", ")));
  }
  return store;
}

}  // namespace

Ranks ranks_from_environment() {
  const auto* const launcher = std::find_if(kLaunchers.begin(), kLaunchers.end(), [](const Launcher& names) {
    return variable(names.rank) && variable(names.world_size);
  });
  if (launcher == kLaunchers.end()) {
    const Launcher& names = kLaunchers.front();
    if (variable(names.rank) || variable(names.world_size)) {
      fail_usage(fmt::format("expected both RANK and WORLD_SIZE, got only {}",
                             variable(names.rank) ? names.rank : names.world_size));
    }
    return {};
  }
  Ranks ranks;
  ranks.world_size = *number(launcher->world_size, 1, std::numeric_limits<int>::max());
  ranks.rank = *number(launcher->rank, 0, ranks.world_size - 1);
  ranks.local_rank = number(launcher->local_rank, 0, ranks.world_size - 1).value_or(0);
  if (ranks.world_size == 1) return {};
  const std::optional<std::string> address = variable("MASTER_ADDR");
  if (!address) {
    fail_usage(fmt::format("{} is {}, but MASTER_ADDR is not set; expected the name of rank 0's machine",
                           launcher->world_size, ranks.world_size));
  }
  ranks.master_address = *address;
  ranks.master_port = number("MASTER_PORT", 1, kLastPort - 1).value_or(kDefaultPort);
  // torchrun then listens there itself, and its protocol is that of its own version.
  if (variable("TORCHELASTIC_USE_AGENT_STORE") == "True") ++ranks.master_port;
  return ranks;
}

torch::Device choose_device(const std::string& request, const Ranks& ranks) {
  const bool any_cuda = request == "cuda" || (request == "auto" && torch::cuda::is_available());
  if (ranks.world_size == 1 || !any_cuda || torch::cuda::device_count() <= 1) return choose_device(request);
  return choose_device(fmt::format("cuda:{}", ranks.local_rank));
}

struct ProcessGroup::Groups {
  c10d_group::StorePointer store;
  c10d_group::BackendPointer tensors;   // average, broadcast
  c10d_group::BackendPointer numbers;   // sum; on the CPU, so that they do not wait for a device
  c10d_group::BackendPointer patience;  // barrier
};

ProcessGroup::ProcessGroup(const Ranks& ranks, const torch::Device& device, std::chrono::milliseconds timeout)
    : ranks_(ranks) {
  if (ranks.world_size == 1) return;
  if (device.is_cuda()) c10::impl::getDeviceGuardImpl(c10::kCUDA)->setDevice(device);
  logger().info("rank {} of {} (number {} of this machine), meets the others at {}:{}", ranks.rank,
                ranks.world_size, ranks.local_rank, ranks.master_address, ranks.master_port);
  groups_ = std::make_unique<Groups>();
  groups_->store = meet(ranks, timeout);
  const auto group = [&](const auto& make, const char* name, std::chrono::milliseconds patience) {
    c10d_group::BackendPointer result;
    with_all_ranks([&] {
      const auto store = c10::make_intrusive<c10d::PrefixStore>(name, groups_->store);
      result = make(store, ranks.rank, ranks.world_size, patience);
    });
    if (!result) {
      throw Error(
          ErrorKind::runtime,
          fmt::format("cannot train with {} ranks: this build has no {}, whose headers were not there",
                      ranks.world_size, device.is_cuda() ? "Gloo or no NCCL" : "Gloo"));
    }
    return result;
  };
  groups_->numbers = group(c10d_group::make_gloo, "numbers", timeout);
  groups_->patience = group(c10d_group::make_gloo, "patience", kBarrierTimeout);
  groups_->tensors = device.is_cuda() ? group(c10d_group::make_nccl, "tensors", timeout) : groups_->numbers;
}

ProcessGroup::~ProcessGroup() = default;

void ProcessGroup::average(const std::vector<torch::Tensor>& gradients) {
  if (!groups_) return;
  with_all_ranks([&] {
    in_buckets(gradients, ranks_.world_size,
               [&](std::vector<torch::Tensor>& whole) { return groups_->tensors->allreduce(whole); });
  });
}

void ProcessGroup::broadcast(const std::vector<torch::Tensor>& parameters) {
  if (!groups_) return;
  with_all_ranks([&] {
    in_buckets(parameters, 1,
               [&](std::vector<torch::Tensor>& whole) { return groups_->tensors->broadcast(whole); });
  });
}

std::vector<double> ProcessGroup::sum(const std::vector<double>& values) {
  if (!groups_ || values.empty()) return values;
  std::vector<torch::Tensor> tensors = {torch::tensor(values, torch::kDouble)};
  with_all_ranks([&] { groups_->numbers->allreduce(tensors)->wait(); });
  const double* const sums = tensors.front().data_ptr<double>();
  return {sums, sums + values.size()};
}

void ProcessGroup::barrier() {
  if (!groups_) return;
  with_all_ranks([&] { groups_->patience->barrier()->wait(); });
}

}  // namespace svsep
