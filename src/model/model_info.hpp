#pragma once

#include "svsep/model_file.hpp"

#include <filesystem>
#include <map>
#include <string>

namespace svsep {

/// What the metadata of a model file states, see docs/development/model-file.md. Throws Error(model), which
/// names `path`, the field and both values.
[[nodiscard]] ModelInfo model_info_of(const std::filesystem::path& path,
                                      const std::map<std::string, std::string>& metadata);

/// The metadata that states this.
[[nodiscard]] std::map<std::string, std::string> metadata_of(const ModelInfo& info);

}  // namespace svsep
