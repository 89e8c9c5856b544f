#include "model/find.hpp"

#include "core/own_files.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <system_error>

namespace svsep {

std::vector<std::filesystem::path> shipped_models() {
  std::vector<std::filesystem::path> models;
  std::error_code none;  // no folder: no models
  for (const auto& entry : std::filesystem::directory_iterator(own_files().models, none)) {
    if (entry.path().extension() == ".safetensors") models.push_back(entry.path());
  }
  std::sort(models.begin(), models.end());
  return models;
}

std::filesystem::path find_model(const std::string& name_or_path) {
  if (name_or_path.find('/') != std::string::npos || name_or_path.ends_with(".safetensors")) {
    return name_or_path;
  }
  std::filesystem::path shipped = own_files().models / (name_or_path + ".safetensors");
  if (!std::filesystem::exists(shipped)) {
    throw Error(ErrorKind::model, "no such model: " + name_or_path + ": not found as " + shipped.string() +
                                      "; svsep info --models lists those there are");
  }
  return shipped;
}

}  // namespace svsep
