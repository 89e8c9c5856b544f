#pragma once

#include <filesystem>
#include <string>

namespace svsep::cli {

/// The model that `separate` uses without a flag.
inline constexpr const char* kDefaultModel = "cnn";

/// The file of a model given by name ("cnn": a shipped one) or by path (with a slash or ".safetensors").
/// Throws Error(model) where a name has no file.
[[nodiscard]] std::filesystem::path locate_model(const std::string& name_or_path);

}  // namespace svsep::cli
