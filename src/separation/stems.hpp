#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace svsep {

inline constexpr std::string_view kVocals = "vocals";
inline constexpr std::string_view kAccompaniment = "accompaniment";
/// The mixture less all stems that the model itself gives.
inline constexpr std::string_view kRest = "rest";
/// The wish for all stems that the model itself gives.
inline constexpr std::string_view kAllStems = "all";

/// The stems of a mask.
[[nodiscard]] std::vector<std::string> mask_stems();

/// The stems that were wished for, each once: `wanted` with "all" replaced by `own`; vocals and accompaniment
/// where nothing is wanted. `own` are the stems that the model itself gives. Vocals and accompaniment exist
/// where it gives one of them, the rest where `gives_rest`. Throws Error(usage) naming what exists.
[[nodiscard]] std::vector<std::string> choose_stems(std::span<const std::string> own,
                                                    std::span<const std::string> wanted, bool gives_rest);

/// A stem as a weighted sum of what there is.
struct StemSum {
  float mixture_gain = 0;
  std::vector<float> gains;  ///< of the model's own stems, in their order
};

/// How `name`, one of choose_stems(), is made of the mixture and `own`. The model's own stem where it gives
/// it; else accompaniment = mixture - vocals, vocals = mixture - accompaniment, rest = mixture - all own.
[[nodiscard]] StemSum stem_sum(std::span<const std::string> own, std::string_view name);

/// Which of the model's own `stems` the wanted ones are made of.
[[nodiscard]] std::vector<bool> used_stems(std::span<const StemSum> wanted, std::size_t stems);

}  // namespace svsep
