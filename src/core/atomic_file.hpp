#pragma once

#include "svsep/existing_file.hpp"

#include <filesystem>
#include <string>

namespace svsep {

/// A file that appears under its name only when it is complete. The bytes go to temporary_path(), beside the
/// final name; flush() brings them to the disk; commit() flushes and renames; without commit() the destructor
/// removes them, and the folders that were made for them, if they are empty. What earlier runs that were
/// killed left in the folder goes too: files of its temporary names that nobody has open and that are an hour
/// old.
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
  /// Throws Error(output), also where a file is there that is to be kept; the temporary file is then removed
  /// and an earlier file of that name kept.
  void commit(ExistingFile existing = ExistingFile::replace);

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_path_;
  int descriptor_ = -1;  ///< holds the lock that says that somebody is at work
  bool flushed_ = false;
  bool committed_ = false;
};

/// Writes `bytes` to `path` through an AtomicFile.
void write_file(const std::filesystem::path& path, const std::string& bytes,
                ExistingFile existing = ExistingFile::replace);

/// A name beside `path` for what is not finished: its own name, cut where the file system would find it too
/// long, and `suffix` (at most 100 bytes).
[[nodiscard]] std::filesystem::path temporary_name(const std::filesystem::path& path,
                                                   const std::string& suffix);

/// Removes the folder and those above it as far as this process made them (see AtomicFile) and they are
/// empty.
void remove_made_folders(std::filesystem::path folder);

}  // namespace svsep
