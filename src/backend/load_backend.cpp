#include "backend/backend.hpp"
#include "core/own_files.hpp"
#include "svsep/error.hpp"

#include <dlfcn.h>
#include <filesystem>
#include <string>
#include <system_error>

namespace svsep {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::string& reason) {
  throw Error(ErrorKind::runtime, "cannot load the network module: " + path.string() + ": " + reason);
}

/// dlerror() starts with the path that was asked for, which our text names already.
std::string last_reason(const fs::path& path) {
  std::string reason = dlerror();
  const std::string prefix = path.string() + ": ";
  return reason.starts_with(prefix) ? reason.substr(prefix.size()) : reason;
}

Backend& open_backend() {
  const fs::path path = own_files().module;
  std::error_code code;
  if (!fs::exists(path, code))
    fail(path, "no such file; it belongs below the program's prefix ($SVSEP_PREFIX)");
  // Never closed: LibTorch's threads and static objects outlive any use of it.
  void* const module = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (module == nullptr) fail(path, last_reason(path));
  void* const entry = dlsym(module, "svsep_backend");
  if (entry == nullptr) fail(path, last_reason(path));
  return *reinterpret_cast<Backend* (*)()>(entry)();
}

}  // namespace

Backend& load_backend() {
  static Backend& backend = open_backend();
  return backend;
}

}  // namespace svsep
