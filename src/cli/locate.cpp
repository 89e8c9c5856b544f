#include "cli/locate.hpp"

#include "svsep/core/error.hpp"
#include "svsep/core/executable.hpp"

namespace svsep::cli {

std::filesystem::path locate_model(const std::string& name_or_path) {
  if (name_or_path.find('/') != std::string::npos || name_or_path.ends_with(".safetensors")) {
    return name_or_path;
  }
  std::filesystem::path shipped =
      install_prefix() / "share" / "svsep" / "models" / (name_or_path + ".safetensors");
  if (!std::filesystem::exists(shipped)) {
    throw Error(ErrorKind::model, "no such model: " + name_or_path + ": not found as " + shipped.string());
  }
  return shipped;
}

}  // namespace svsep::cli
