#include "model/find.hpp"

#include "core/own_files.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <system_error>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExtension = ".safetensors";
constexpr std::size_t kMaxName = 100;

fs::path shipped_folder() { return own_files().models; }

std::optional<fs::path> user_folder() {
  const char* const data = std::getenv("XDG_DATA_HOME");
  if (data != nullptr && *data == '/') return fs::path(data) / "svsep/models";  // the rule: an absolute path
  const char* const home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return {};
  return fs::path(home) / ".local/share/svsep/models";
}

bool is_name(const std::string& name) {
  const auto alphanumeric = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  const auto allowed = [&](char c) {
    return alphanumeric(c) || c == '-' || c == '_' || c == '+' || c == '.';
  };
  return !name.empty() && name.size() <= kMaxName && alphanumeric(name.front()) &&
         std::all_of(name.begin(), name.end(), allowed) && !name.ends_with(kExtension);
}

std::vector<fs::path> models_in(const fs::path& folder) {
  std::vector<fs::path> models;
  std::error_code none;  // no folder: no models
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    if (entry.path().extension() == kExtension) models.push_back(entry.path());
  }
  std::sort(models.begin(), models.end());
  return models;
}

}  // namespace

fs::path user_models_folder() {
  const std::optional<fs::path> folder = user_folder();
  if (!folder) throw Error(ErrorKind::model, "no folder for models: neither XDG_DATA_HOME nor HOME is set");
  return *folder;
}

fs::path user_model_path(const std::string& name) {
  if (!is_name(name)) {
    throw Error(ErrorKind::usage,
                "not a model's name: " + name + "; expected letters, digits, -, _, + and .");
  }
  return user_models_folder() / (name + kExtension);
}

std::vector<fs::path> shipped_models() { return models_in(shipped_folder()); }

std::vector<fs::path> user_models() {
  const std::optional<fs::path> folder = user_folder();
  return folder ? models_in(*folder) : std::vector<fs::path>();
}

fs::path find_model_file(const std::string& name_or_path) {
  if (name_or_path.find('/') != std::string::npos || name_or_path.ends_with(kExtension)) return name_or_path;
  const fs::path shipped = shipped_folder() / (name_or_path + kExtension);
  if (fs::exists(shipped)) return shipped;
  const std::optional<fs::path> folder = user_folder();
  if (folder && fs::exists(*folder / (name_or_path + kExtension)))
    return *folder / (name_or_path + kExtension);
  throw Error(ErrorKind::model, "no such model: " + name_or_path + ": not found as " + shipped.string() +
                                    (folder ? " or in " + folder->string() : "") +
                                    "; svsep model list lists those there are");
}

}  // namespace svsep
