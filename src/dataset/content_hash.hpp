#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

namespace svsep {

/// 64 bits that tell apart what differs by accident; not a cryptographic hash. The same on every machine.
[[nodiscard]] std::uint64_t hash_bytes(std::string_view bytes);

/// As hash_bytes, of all that a file holds. Throws Error(input).
[[nodiscard]] std::uint64_t hash_file(const std::filesystem::path& path);

/// Remembers the hashes of files in a file of its own, by path, size and modification time, so that a dataset
/// is read through once. Safe from any thread; several programs may share the file, of which the last to save
/// wins.
class HashIndex {
 public:
  /// Reads `path`; what is missing or damaged there is not known.
  explicit HashIndex(std::filesystem::path path);

  /// hash_file(file), read only where the index does not know it. Throws Error(input).
  [[nodiscard]] std::uint64_t hash(const std::filesystem::path& file);

  /// Writes what was added, if anything. Throws Error(output).
  void save();

 private:
  struct Entry {
    std::uintmax_t bytes = 0;
    std::int64_t modified = 0;
    std::uint64_t hash = 0;
  };

  std::filesystem::path path_;
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
  bool changed_ = false;
};

}  // namespace svsep
