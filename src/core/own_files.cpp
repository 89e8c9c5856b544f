#include "core/own_files.hpp"

#include "svsep/error.hpp"

#include <cstdlib>
#include <dlfcn.h>
#include <system_error>

namespace svsep {
namespace {

namespace fs = std::filesystem;

/// The file that holds this code: libsvsep, or a program that the rooms are linked into.
fs::path own_binary() {
  Dl_info info = {};
  const bool known = ::dladdr(reinterpret_cast<const void*>(&own_files), &info) != 0;
  std::error_code code;
  // A program's own entry is its argv[0], which may lead nowhere. Folders may be links: Debian's /lib is one.
  const bool library = known && fs::path(info.dli_fname).filename().string().starts_with("libsvsep");
  fs::path path = library ? fs::canonical(info.dli_fname, code) : fs::read_symlink("/proc/self/exe", code);
  if (code) throw Error(ErrorKind::runtime, "cannot find svsep's own folder: " + code.message());
  return path;
}

OwnFiles files_below(const fs::path& prefix) {
  return {prefix / SVSEP_LIBDIR "/svsep", prefix / SVSEP_DATADIR "/svsep/models"};
}

bool has_any(const OwnFiles& files) {
  std::error_code none;
  return fs::exists(files.modules / "svsep_torch.so", none) || fs::exists(files.models, none);
}

}  // namespace

OwnFiles own_files() {
  if (const char* prefix = std::getenv("SVSEP_PREFIX"); prefix != nullptr && *prefix != '\0') {
    return files_below(prefix);
  }
  const fs::path folder = own_binary().parent_path();
  for (fs::path above = folder; above.has_relative_path(); above = above.parent_path()) {
    OwnFiles files = files_below(above);
    if (has_any(files)) return files;
  }
  return files_below(folder.parent_path());
}

}  // namespace svsep
