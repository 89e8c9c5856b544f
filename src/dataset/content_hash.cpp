#include "dataset/content_hash.hpp"

#include "core/atomic_file.hpp"
#include "core/rng.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlockBytes = std::size_t{1} << 20U;
/// A file that changed so shortly ago may change again without a new modification time.
constexpr std::chrono::seconds kSettled{2};

/// Four independent lanes, so that the multiplications overlap. Each step is invertible, so that a single
/// word that differs always shows.
class Hasher {
 public:
  /// All but the last piece have a multiple of 32 bytes.
  void add(std::string_view bytes) {
    bytes_ += bytes.size();
    while (!bytes.empty()) {
      std::array<std::uint64_t, 4> words{};
      const std::size_t count = std::min(bytes.size(), sizeof words);
      std::memcpy(words.data(), bytes.data(), count);
      for (std::size_t i = 0; i < words.size(); ++i) {
        // Spread first: else a high bit here would equal a low one in the next block.
        const std::uint64_t word = words[i] * kOdd;
        lanes_[i] = std::rotl((lanes_[i] ^ word ^ (word >> 32U)) * kOdd, 29);
      }
      bytes.remove_prefix(count);
    }
  }

  [[nodiscard]] std::uint64_t value() const {
    return Rng({bytes_, lanes_[0], lanes_[1], lanes_[2], lanes_[3]})();
  }

 private:
  static constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15U;  // 2^64 / golden ratio
  std::array<std::uint64_t, 4> lanes_ = {1, 2, 3, 4};
  std::uint64_t bytes_ = 0;
};

[[noreturn]] void fail(const fs::path& path, const std::string& reason) {
  throw Error(ErrorKind::input, "cannot read: " + path.string() + ": " + reason);
}

}  // namespace

std::uint64_t hash_bytes(std::string_view bytes) {
  Hasher hasher;
  hasher.add(bytes);
  return hasher.value();
}

std::uint64_t hash_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(path, std::strerror(errno));
  Hasher hasher;
  std::vector<char> block(kBlockBytes);
  do {
    throw_if_cancelled();
    file.read(block.data(), static_cast<std::streamsize>(block.size()));
    if (file.bad()) fail(path, std::strerror(errno));
    hasher.add({block.data(), static_cast<std::size_t>(file.gcount())});
  } while (file);
  return hasher.value();
}

HashIndex::HashIndex(fs::path path) : path_(std::move(path)) {
  std::ifstream file(path_);
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    Entry entry;
    std::string name;
    fields >> std::hex >> entry.hash >> std::dec >> entry.bytes >> entry.modified;
    if (fields && fields.get() == ' ' && std::getline(fields, name)) entries_[name] = entry;
  }
}

std::uint64_t HashIndex::hash(const fs::path& file) {
  std::error_code code;
  Entry entry;
  entry.bytes = fs::file_size(file, code);
  if (code) fail(file, code.message());
  const fs::file_time_type modified = fs::last_write_time(file, code);
  if (code) fail(file, code.message());
  entry.modified = modified.time_since_epoch().count();
  const std::string name = fs::absolute(file).lexically_normal().string();
  {
    const std::lock_guard lock(mutex_);
    const auto known = entries_.find(name);
    if (known != entries_.end() && known->second.bytes == entry.bytes &&
        known->second.modified == entry.modified) {
      return known->second.hash;
    }
  }
  entry.hash = hash_file(file);
  if (fs::file_time_type::clock::now() - modified > kSettled && name.find('\n') == std::string::npos) {
    const std::lock_guard lock(mutex_);
    entries_[name] = entry;
    changed_ = true;
  }
  return entry.hash;
}

void HashIndex::save() {
  const std::lock_guard lock(mutex_);
  if (!changed_) return;
  std::string text;
  for (const auto& [name, entry] : entries_) {
    std::error_code code;
    if (!fs::exists(name, code)) continue;
    text += fmt::format("{:016x} {} {} {}\n", entry.hash, entry.bytes, entry.modified, name);
  }
  write_file(path_, text);
  changed_ = false;
}

}  // namespace svsep
