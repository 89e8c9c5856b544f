#include "core/executable.hpp"

#include "svsep/error.hpp"

namespace svsep {

std::filesystem::path install_prefix() {
  std::error_code code;
  const std::filesystem::path executable = std::filesystem::read_symlink("/proc/self/exe", code);
  if (code) throw Error(ErrorKind::runtime, "cannot find the program's own folder: " + code.message());
  return executable.parent_path().parent_path();
}

}  // namespace svsep
