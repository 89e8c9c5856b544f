#pragma once

#include <cstdint>

namespace svsep {

/// Gate rows that are packed together.
constexpr std::int64_t kRecurrenceBlock = 128;

/// Gate rows (input, forget, cell and output gate of every unit) with those that fill the last block.
constexpr std::int64_t recurrence_rows(std::int64_t hidden) {
  return (4 * hidden + kRecurrenceBlock - 1) / kRecurrenceBlock * kRecurrenceBlock;
}

/// One direction of one layer of an LSTM: a loop over frames.
struct Recurrence {
  const float* gates = nullptr;  ///< products with the input and biases: [items][frames][8 * hidden], of both
                                 ///< directions; its own are the first 4 * hidden from here on
  const float* weights = nullptr;  ///< recurrent: blocks of kRecurrenceBlock rows, [hidden][rows] each
  float* output = nullptr;         ///< [items][frames][2 * hidden], of both directions
  std::int64_t hidden = 0;
  std::int64_t frames = 0;
  bool reverse = false;
};

/// Runs it for `items` sequences, up to four at once, for which the weights are read once.
void run(Recurrence recurrence, std::int64_t items);

}  // namespace svsep
