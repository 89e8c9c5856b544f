#pragma once

#include <filesystem>

namespace svsep {

/// The folder that holds bin/svsep, lib/svsep/ and share/svsep/: an installation's prefix or the build
/// folder. Throws Error(runtime) where the system does not tell.
[[nodiscard]] std::filesystem::path install_prefix();

}  // namespace svsep
