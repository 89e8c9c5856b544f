#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace svsep {

/// The model that `separate` uses without a flag.
inline constexpr const char* kDefaultModel = "unet";

/// Where models come to that a user imports: $XDG_DATA_HOME/svsep/models, without that variable
/// ~/.local/share/svsep/models. Throws Error(model) where the environment has no HOME either.
[[nodiscard]] std::filesystem::path user_models_folder();

/// The file that an imported model of this name gets. Throws Error(usage) for what is no name: letters,
/// digits, "-", "_", "+" and "." inside.
[[nodiscard]] std::filesystem::path user_model_path(const std::string& name);

/// The files of all shipped models, by name.
[[nodiscard]] std::vector<std::filesystem::path> shipped_models();

/// The files in the user's folder, by name.
[[nodiscard]] std::vector<std::filesystem::path> user_models();

/// The file of a model given by name (a shipped one, else one of the user's) or by path (with a slash or
/// ".safetensors"). Throws Error(model) where a name has no file.
[[nodiscard]] std::filesystem::path find_model_file(const std::string& name_or_path);

}  // namespace svsep
