#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace svsep {

/// The model that `separate` uses without a flag.
inline constexpr const char* kDefaultModel = "unet";

/// The files of all shipped models, by name.
[[nodiscard]] std::vector<std::filesystem::path> shipped_models();

/// The file of a model given by name ("cnn": a shipped one) or by path (with a slash or ".safetensors").
/// Throws Error(model) where a name has no file.
[[nodiscard]] std::filesystem::path find_model(const std::string& name_or_path);

}  // namespace svsep
