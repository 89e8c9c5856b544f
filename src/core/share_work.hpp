#pragma once

#include <cstddef>
#include <functional>
#include <optional>

namespace svsep {

/// Gives the items 0..count-1, each to one caller, then nothing. Throws Cancelled once a stop was asked for.
using NextItem = std::function<std::optional<std::size_t>()>;

/// Runs `worker` on `threads` threads at once, the caller's among them (fewer where there are fewer items),
/// and returns when all are done. The first exception of a worker ends the hand-out of items and is rethrown.
void share_work(std::size_t count, int threads, const std::function<void(const NextItem&)>& worker);

}  // namespace svsep
