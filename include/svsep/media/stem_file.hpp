#pragma once

#include "svsep/media/decoder.hpp"

#include <array>
#include <cstddef>
#include <filesystem>
#include <string_view>

namespace svsep {

/// The stems of MUSDB18 (Rafii et al. 2017, doi:10.5281/zenodo.1117372), in its stream order.
enum class Stem : std::size_t { mixture, drums, bass, other, vocals };

inline constexpr std::array<std::string_view, 5> kStemNames = {"mixture", "drums", "bass", "other", "vocals"};

/// Opens one stem of a `.stem.mp4`. Throws Error(input) where the file has not exactly the five audio
/// streams.
[[nodiscard]] Decoder open_stem(const std::filesystem::path& path, Stem stem, const TimeRange& range = {});

/// Whether `path` is named like a stem file (`*.stem.mp4`, case aside).
[[nodiscard]] bool is_stem_file(const std::filesystem::path& path);

}  // namespace svsep
