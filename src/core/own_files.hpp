#pragma once

#include <filesystem>

namespace svsep {

/// Where svsep's own files lie: the modules and the models. The first of
///   - the prefix $SVSEP_PREFIX,
///   - the nearest folder above libsvsep (or above the program, where it holds the library's code) with any
///   of them,
/// so an installation that was moved and the build folder work alike, whatever program uses the library.
struct OwnFiles {
  std::filesystem::path modules;  ///< the folder of svsep_torch.so and svsep_import.so
  std::filesystem::path models;   ///< the folder of the shipped models
};

/// Nothing promises that they exist. Throws Error(runtime) where the system does not tell the library's
/// place.
[[nodiscard]] OwnFiles own_files();

}  // namespace svsep
