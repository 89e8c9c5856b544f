#pragma once

#include <filesystem>
#include <string>

namespace svsep {

/// A file that appears under its name only when it is complete. The bytes go to temporary_path(), beside the
/// final name; flush() brings them to the disk; commit() flushes and renames; without commit() the destructor
/// removes them.
class AtomicFile {
 public:
  /// Creates the parent folders and the temporary file. Throws Error(output) where that is not possible.
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] const std::filesystem::path& temporary_path() const noexcept { return temporary_path_; }

  /// Makes sure that the bytes are on the disk, so that commit() only renames. Throws Error(output).
  void flush();
  /// Throws Error(output); the temporary file is then removed and an earlier file of that name kept.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_path_;
  bool flushed_ = false;
  bool committed_ = false;
};

/// Writes `bytes` to `path` through an AtomicFile.
void write_file(const std::filesystem::path& path, const std::string& bytes);

}  // namespace svsep
