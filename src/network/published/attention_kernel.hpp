#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace svsep {

/// One head's attention: softmax(queries . keys / sqrt(size)) . values. Row n of each begins n * its row
/// stride after the first.
struct AttentionHead {
  const float* queries = nullptr;
  const float* keys = nullptr;
  const float* values = nullptr;
  float* result = nullptr;
  std::ptrdiff_t query_row = 0;
  std::ptrdiff_t key_row = 0;  ///< of the values too
  std::ptrdiff_t result_row = 0;
  std::int64_t query_count = 0;
  std::int64_t key_count = 0;
  std::int64_t size = 0;
};

/// A head's keys and values in the order in which the products read them.
struct PackedHead {
  std::vector<float> keys;    ///< blocks of keys, [size][keys of the block], scaled
  std::vector<float> values;  ///< blocks of the head's size, [keys][size of the block]
};

[[nodiscard]] PackedHead pack(const AttentionHead& head);

/// The result of queries `begin` to `end`. Takes memory for a few rows of scores only.
void attend(const AttentionHead& head, const PackedHead& packed, std::int64_t begin, std::int64_t end);

}  // namespace svsep
