#pragma once

#include <cstdint>
#include <torch/torch.h>

namespace svsep {

/// Which part of every batch this process sees, of `parts` equal ones in a row. dropout() then draws for the
/// whole batch, so that the ranks of a training drop together what one rank drops. Holds for the process, as
/// torch's generator does.
void set_part_of_batch(int part, int parts);

/// Sets values of x [windows, ...] to 0 with this probability and scales the others so that their
/// expectation stays. Draws from torch's generator.
[[nodiscard]] torch::Tensor dropout(const torch::Tensor& x, double probability);

/// [windows] values of 0 to 1, one for each window of this process' part of a batch.
[[nodiscard]] torch::Tensor uniform_values(std::int64_t windows, const torch::Device& device);

}  // namespace svsep
