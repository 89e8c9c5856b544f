#pragma once

#include "network/published/roformer_transformer.hpp"

namespace svsep {

/// Gated attention with rotary position embedding. `projected`: [sequences, positions, 3 * heads * head_size
/// + heads], queries, keys, values and gates -> [sequences * positions, heads * head_size].
[[nodiscard]] torch::Tensor attend_with_rotation(const torch::Tensor& projected, const Rotation& rotation,
                                                 std::int64_t heads);

}  // namespace svsep
