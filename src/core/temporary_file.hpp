#pragma once

#include "core/atomic_file.hpp"

#include <filesystem>
#include <system_error>
#include <utility>

namespace svsep {

/// A file that goes away at the end of the scope, with folders made for it, unless keep() was called.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::filesystem::path path) : path_(std::move(path)) {}
  TemporaryFile(TemporaryFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  ~TemporaryFile() {
    if (path_.empty()) return;
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
    remove_made_folders(path_.parent_path());
  }

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  /// Lets the file stay.
  void keep() { path_.clear(); }

 private:
  std::filesystem::path path_;
};

}  // namespace svsep
