#include "core/open_module.hpp"

#include "core/own_files.hpp"
#include "svsep/error.hpp"

#include <dlfcn.h>
#include <filesystem>
#include <fmt/format.h>
#include <system_error>

namespace svsep {

void* open_module(const std::string& file, const char* entry, const std::string& what) {
  const std::string path = (own_files().modules / file).string();
  const auto fail = [&](std::string reason) {
    const std::string prefix = path + ": ";  // dlerror() starts with the path, which our text names already
    if (reason.starts_with(prefix)) reason = reason.substr(prefix.size());
    throw Error(ErrorKind::runtime, fmt::format("cannot load {}: {}: {}", what, path, reason));
  };
  std::error_code code;
  if (!std::filesystem::exists(path, code))
    fail("no such file; it belongs below the program's prefix ($SVSEP_PREFIX)");
  // Never closed: a library's threads and static objects outlive any use of it.
  void* const module = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
  void* const function = module == nullptr ? nullptr : dlsym(module, entry);
  if (function == nullptr) fail(dlerror());
  return function;
}

}  // namespace svsep
