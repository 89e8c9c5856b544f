#pragma once

#include <cstddef>
#include <cstdint>

// What RoFormers do on a CPU besides products of matrices, without LibTorch: for float32 rows in memory.

namespace svsep {

/// Queries, keys, values and gates of one sequence, as one product gives them: row p is position p and holds
/// 3 * heads * head_size values ([q, k, v][head][value]) and after those one gate per head.
struct AttentionInput {
  const float* rows = nullptr;
  std::ptrdiff_t row_stride = 0;
  std::int64_t positions = 0;
  std::int64_t heads = 0;
  std::int64_t head_size = 0;      ///< even
  const float* cosines = nullptr;  ///< [positions][head_size / 2], of the rotation of queries and keys
  const float* sines = nullptr;    ///< as cosines
};

/// Floats of scratch memory that attend_sequence() wants.
[[nodiscard]] std::size_t attention_scratch(const AttentionInput& input);

/// Softmax attention of every head with rotary position embedding (Su et al. 2021, neighbouring values are a
/// pair), each head's result times the logistic function of its gate. `result`: [positions][heads *
/// head_size], contiguous. Memory grows with the positions, not with their square.
void attend_sequence(const AttentionInput& input, float* scratch, float* result);

/// Each row divided by its Euclidean norm and multiplied by sqrt(size). `row_stride`: from one row of `x` to
/// the next. `result`: contiguous.
void normalise_rows(const float* x, std::ptrdiff_t row_stride, std::int64_t rows, std::int64_t size,
                    float* result);

}  // namespace svsep
