#pragma once

#include <string>

namespace svsep {

/// Opens one of svsep's modules (see own_files) and gives its function `entry`. It stays open until the
/// process ends. Throws Error(runtime) "cannot load <what>: <path>: <reason>".
[[nodiscard]] void* open_module(const std::string& file, const char* entry, const std::string& what);

}  // namespace svsep
