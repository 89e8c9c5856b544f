#include "network/published/attention_kernel.hpp"

#include "network/layers/instruction_set.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#define SVSEP_KERNELS "network/published/attention_kernel.inc"

namespace svsep {
namespace {

constexpr std::int64_t kPackColumns = 32;  ///< of keys or values that lie together; a multiple of any tile's

std::int64_t rounded_up(std::int64_t count) {
  return (count + kPackColumns - 1) / kPackColumns * kPackColumns;
}

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

struct Kernels {
  std::int64_t rows;  ///< of queries that attend_rows() takes at once
  void (*attend_rows)(const AttentionHead&, const PackedHead&, std::int64_t, std::int64_t, float*);
};

#include "network/layers/for_each_target.inc"

}  // namespace

PackedHead pack(const AttentionHead& head) {
  const std::int64_t count = head.key_count, size = head.size;
  PackedHead packed;
  packed.keys.resize(at(rounded_up(count) * size));
  packed.values.resize(at(count * rounded_up(size)));
  const float scale = 1.0F / std::sqrt(static_cast<float>(size));
  for (std::int64_t key = 0; key < count; ++key) {
    const float* const from = head.keys + key * head.key_row;
    float* const to = packed.keys.data() + key / kPackColumns * kPackColumns * size + key % kPackColumns;
    for (std::int64_t k = 0; k < size; ++k) to[k * kPackColumns] = from[k] * scale;
    const float* const value = head.values + key * head.key_row;
    for (std::int64_t k = 0; k < size; ++k) {
      packed.values[at(k / kPackColumns * kPackColumns * count + key * kPackColumns + k % kPackColumns)] =
          value[k];
    }
  }
  return packed;
}

void attend(const AttentionHead& head, const PackedHead& packed, std::int64_t begin, std::int64_t end) {
  const std::int64_t rows = kernels().rows;
  std::vector<float> scores(at(rows * rounded_up(head.key_count)));
  for (std::int64_t first = begin; first < end; first += rows) {
    kernels().attend_rows(head, packed, first, std::min(rows, end - first), scores.data());
  }
}

}  // namespace svsep
