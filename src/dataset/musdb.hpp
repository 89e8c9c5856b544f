#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace svsep {

/// One song of a MUSDB18 folder.
struct Track {
  std::string name;  ///< the file's name without .stem.mp4
  std::filesystem::path path;
};

enum class Subset { train, test };

/// The `*.stem.mp4` of `musdb`/train or /test, by name. Opens none of them. Throws Error(input) where the
/// folder is missing or holds none.
[[nodiscard]] std::vector<Track> list_tracks(const std::filesystem::path& musdb, Subset subset);

/// Which songs to set aside for validation, in the order of `names`: those that the musdb package (Stöter and
/// Liutkus, doi:10.5281/zenodo.3271451) predefines, and where none of them is there, the last ceil(n / 7).
[[nodiscard]] std::vector<bool> validation_songs(const std::vector<std::string>& names);

}  // namespace svsep
