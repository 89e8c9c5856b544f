#include "network/published/recurrence.hpp"

#include "network/layers/simd.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace svsep {
namespace {

constexpr std::int64_t kVectors = kRecurrenceBlock / static_cast<std::int64_t>(kLanes);
constexpr std::int64_t kMaxItems = 4;

/// sums[item][row] += weights[row][k] * state[item][k] for all rows and k.
template <int Items>
SVSEP_INLINE void add_products(const Recurrence& recurrence, std::int64_t rows, const float* state,
                               float* sums) {
  constexpr int kColumns = static_cast<int>(kVectors) / Items;
  for (std::int64_t block = 0; block < rows; block += kRecurrenceBlock) {
    for (int part = 0; part < Items; ++part) {
      const std::int64_t first =
          static_cast<std::int64_t>(part) * kColumns * static_cast<std::int64_t>(kLanes);
      const float* weights = recurrence.weights + block * recurrence.hidden + first;
      Floats sum[Items][kColumns];  // NOLINT(modernize-avoid-c-arrays): kept in registers
      for (int item = 0; item < Items; ++item) {
        for (int v = 0; v < kColumns; ++v) {
          sum[item][v] = load(sums + item * rows + block + first + v * static_cast<std::int64_t>(kLanes));
        }
      }
      for (std::int64_t k = 0; k < recurrence.hidden; ++k, weights += kRecurrenceBlock) {
        for (int v = 0; v < kColumns; ++v) {
          const Floats weight = load(weights + v * static_cast<std::int64_t>(kLanes));
          for (int item = 0; item < Items; ++item)
            sum[item][v] += weight * state[item * recurrence.hidden + k];
        }
      }
      for (int item = 0; item < Items; ++item) {
        for (int v = 0; v < kColumns; ++v) {
          store(sum[item][v], sums + item * rows + block + first + v * static_cast<std::int64_t>(kLanes));
        }
      }
    }
  }
}

/// New cell and state of one item from its sums [4][hidden]: input, forget, cell and output gate.
SVSEP_INLINE void advance(const float* sums, std::int64_t hidden, float* cell, float* state) {
  for (std::int64_t n = 0; n < hidden; n += static_cast<std::int64_t>(kLanes)) {
    const Floats in = logistic(load(sums + n));
    const Floats forget = logistic(load(sums + hidden + n));
    const Floats candidate = hyperbolic_tangent(load(sums + 2 * hidden + n));
    const Floats out = logistic(load(sums + 3 * hidden + n));
    const Floats next = forget * load(cell + n) + in * candidate;
    store(next, cell + n);
    store(out * hyperbolic_tangent(next), state + n);
  }
}

template <int Items>
SVSEP_INLINE void loop_over_frames(const Recurrence& recurrence) {
  const std::int64_t hidden = recurrence.hidden;
  const std::int64_t rows = recurrence_rows(hidden);
  const std::int64_t padded = hidden + static_cast<std::int64_t>(kLanes);
  std::vector<float> sums(static_cast<std::size_t>(Items * rows) + kLanes);
  std::vector<float> cells(static_cast<std::size_t>(Items * padded));
  std::vector<float> states(static_cast<std::size_t>(Items * hidden) + kLanes);
  std::vector<float> next(static_cast<std::size_t>(padded));
  for (std::int64_t step = 0; step < recurrence.frames; ++step) {
    const std::int64_t frame = recurrence.reverse ? recurrence.frames - 1 - step : step;
    for (int item = 0; item < Items; ++item) {
      const float* gates = recurrence.gates + (item * recurrence.frames + frame) * 8 * hidden;
      std::copy_n(gates, 4 * hidden, sums.data() + item * rows);
    }
    add_products<Items>(recurrence, rows, states.data(), sums.data());
    for (int item = 0; item < Items; ++item) {
      advance(sums.data() + item * rows, hidden, cells.data() + item * padded, next.data());
      std::copy_n(next.data(), hidden, states.data() + item * hidden);
      std::copy_n(next.data(), hidden, recurrence.output + (item * recurrence.frames + frame) * 2 * hidden);
    }
  }
}

SVSEP_WIDE void run_one(const Recurrence& recurrence) { loop_over_frames<1>(recurrence); }
SVSEP_WIDE void run_two(const Recurrence& recurrence) { loop_over_frames<2>(recurrence); }
SVSEP_WIDE void run_four(const Recurrence& recurrence) { loop_over_frames<4>(recurrence); }

}  // namespace

void run(Recurrence recurrence, std::int64_t items) {
  while (items > 0) {
    const std::int64_t now = items >= kMaxItems ? kMaxItems : std::min<std::int64_t>(items, 2);
    (now == 4 ? run_four : now == 2 ? run_two : run_one)(recurrence);
    recurrence.gates += now * recurrence.frames * 8 * recurrence.hidden;
    recurrence.output += now * recurrence.frames * 2 * recurrence.hidden;
    items -= now;
  }
}

}  // namespace svsep
