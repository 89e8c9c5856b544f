#include "network/layers/dropout.hpp"

#include <cstdint>
#include <vector>

namespace svsep {
namespace {

struct Part {
  std::int64_t index = 0;
  std::int64_t count = 1;
};

Part& part_of_batch() {
  static Part part;
  return part;
}

}  // namespace

void set_part_of_batch(int part, int parts) { part_of_batch() = {part, parts}; }

torch::Tensor dropout(const torch::Tensor& x, double probability) {
  const Part part = part_of_batch();
  const double kept = 1.0 - probability;
  std::vector<std::int64_t> sizes = x.sizes().vec();
  sizes.front() *= part.count;
  const torch::Tensor gains = torch::empty(sizes, x.options(), x.suggest_memory_format()).bernoulli_(kept);
  return x * gains.narrow(0, part.index * x.size(0), x.size(0)).div_(kept);
}

torch::Tensor uniform_values(std::int64_t windows, const torch::Device& device) {
  const Part part = part_of_batch();
  return torch::rand(windows * part.count, device).narrow(0, part.index * windows, windows);
}

}  // namespace svsep
