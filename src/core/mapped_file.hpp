#pragma once

#include "svsep/error.hpp"

#include <cstddef>
#include <filesystem>
#include <string_view>

namespace svsep {

/// A read-only mapping of a whole regular file. Another program that shortens the file meanwhile ends this
/// one.
class MappedFile {
 public:
  /// Throws Error of this kind: "cannot open <what>: <path>: <reason>", also for an empty file.
  MappedFile(const std::filesystem::path& path, ErrorKind kind, std::string_view what);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::string_view bytes() const noexcept { return {data_, size_}; }

  /// Gives the memory behind the mapping back; what is read again comes from the file again.
  void forget() const noexcept;

 private:
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace svsep
