#include "import/zip.hpp"

#include "svsep/error.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <utility>
#include <vector>

namespace svsep {
namespace {

constexpr std::string_view kEndSignature("PK\5\6", 4);
constexpr std::string_view kEnd64Signature("PK\6\6", 4);
constexpr std::string_view kLocatorSignature("PK\6\7", 4);
constexpr std::string_view kDirectorySignature("PK\1\2", 4);
constexpr std::string_view kLocalSignature("PK\3\4", 4);
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kEnd64Bytes = 56;
constexpr std::size_t kLocatorBytes = 20;
constexpr std::size_t kDirectoryBytes = 46;  ///< of an entry before its name
constexpr std::size_t kLocalBytes = 30;      ///< of a local header before its name
constexpr std::size_t kLongestComment = 65535;
constexpr std::uint64_t kInZip64 = 0xFFFFFFFF;
constexpr std::uint16_t kZip64Field = 1;

template <typename T>
T number(std::string_view bytes, std::size_t place) {
  T value = {};
  std::memcpy(&value, bytes.data() + place, sizeof(T));
  return value;
}

/// Where the directory lies.
struct Directory {
  std::uint64_t begin = 0;
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;
};

struct ZipEntry {
  std::string_view name;
  std::uint64_t stored = 0;  ///< bytes in the archive
  std::uint64_t bytes = 0;
  std::uint64_t local = 0;  ///< where the local header starts
};

class ZipReader {
 public:
  ZipReader(std::string_view bytes, const std::string& origin) : bytes_(bytes), origin_(origin) {}

  std::map<std::string, std::string_view> read() {
    const Directory directory = find_directory();
    std::map<std::string, std::string_view> entries;
    std::uint64_t place = directory.begin;
    const std::uint64_t end = directory.begin + directory.bytes;
    for (std::uint64_t i = 0; i < directory.entries; ++i) {
      const ZipEntry entry = next_entry(place, end);
      if (!entries.emplace(entry.name, data_of(entry, directory.begin)).second) {
        fail(fmt::format("zip archive: two entries named {}", entry.name.substr(0, 60)));
      }
    }
    check_overlaps();
    return entries;
  }

 private:
  [[noreturn]] void fail(const std::string& reason) const {
    throw Error(ErrorKind::model, origin_ + ": " + reason);
  }

  Directory find_directory() const {
    const std::size_t earliest = bytes_.size() - std::min(bytes_.size(), kEndBytes + kLongestComment);
    const std::size_t found = bytes_.substr(earliest).rfind(kEndSignature);
    if (found == std::string_view::npos || bytes_.size() - earliest - found < kEndBytes) {
      fail("zip archive: no directory at its end; is the file complete?");
    }
    const std::size_t end = earliest + found;
    if (number<std::uint16_t>(bytes_, end + 4) != 0) fail("zip archive: split over several files");
    Directory directory = {number<std::uint32_t>(bytes_, end + 16), number<std::uint32_t>(bytes_, end + 12),
                           number<std::uint16_t>(bytes_, end + 10)};
    std::uint64_t limit = end;
    if (end >= kLocatorBytes && bytes_.substr(end - kLocatorBytes, 4) == kLocatorSignature) {
      limit = number<std::uint64_t>(bytes_, end - kLocatorBytes + 8);
      if (limit > end || end - limit < kEnd64Bytes || bytes_.substr(limit, 4) != kEnd64Signature) {
        fail("zip archive: the zip64 record is not where the file says");
      }
      directory = {number<std::uint64_t>(bytes_, limit + 48), number<std::uint64_t>(bytes_, limit + 40),
                   number<std::uint64_t>(bytes_, limit + 32)};
    }
    if (directory.begin > limit || directory.bytes > limit - directory.begin) {
      fail("zip archive: the directory is not where the file says");
    }
    if (directory.entries > std::min<std::uint64_t>(kMaxZipEntries, directory.bytes / kDirectoryBytes)) {
      fail(fmt::format("zip archive: {} entries; expected at most {}", directory.entries,
                       std::min<std::uint64_t>(kMaxZipEntries, directory.bytes / kDirectoryBytes)));
    }
    return directory;
  }

  /// The directory's entry at `place`, which moves behind it.
  ZipEntry next_entry(std::uint64_t& place, std::uint64_t end) const {
    if (end - place < kDirectoryBytes || bytes_.substr(place, 4) != kDirectorySignature) {
      fail("zip archive: damaged directory");
    }
    const std::uint64_t name = number<std::uint16_t>(bytes_, place + 28);
    const std::uint64_t extra = number<std::uint16_t>(bytes_, place + 30);
    const std::uint64_t length = kDirectoryBytes + name + extra + number<std::uint16_t>(bytes_, place + 32);
    if (end - place < length) fail("zip archive: damaged directory");
    ZipEntry entry = {bytes_.substr(place + kDirectoryBytes, name), number<std::uint32_t>(bytes_, place + 20),
                      number<std::uint32_t>(bytes_, place + 24), number<std::uint32_t>(bytes_, place + 42)};
    read_zip64(bytes_.substr(place + kDirectoryBytes + name, extra), entry);
    const bool encrypted = (number<std::uint16_t>(bytes_, place + 8) & 1U) != 0;
    if (encrypted || number<std::uint16_t>(bytes_, place + 10) != 0 || entry.stored != entry.bytes) {
      fail(fmt::format(
          "zip archive: entry {} is compressed or encrypted; expected it stored, as torch.save does",
          entry.name.substr(0, 60)));
    }
    place += length;
    return entry;
  }

  /// The sizes that do not fit 32 bits.
  void read_zip64(std::string_view extra, ZipEntry& entry) const {
    while (extra.size() >= 4) {
      const auto id = number<std::uint16_t>(extra, 0);
      std::string_view field = extra.substr(4, number<std::uint16_t>(extra, 2));
      extra.remove_prefix(4 + field.size());
      if (id != kZip64Field) continue;
      for (std::uint64_t* const value : {&entry.bytes, &entry.stored, &entry.local}) {
        if (*value != kInZip64) continue;
        if (field.size() < 8) fail("zip archive: damaged directory");
        *value = number<std::uint64_t>(field, 0);
        field.remove_prefix(8);
      }
    }
  }

  std::string_view data_of(const ZipEntry& entry, std::uint64_t limit) {
    const auto damaged = [&] {
      fail(fmt::format("zip archive: entry {} is not where the directory says", entry.name.substr(0, 60)));
    };
    if (entry.local > limit || limit - entry.local < kLocalBytes ||
        bytes_.substr(entry.local, 4) != kLocalSignature) {
      damaged();
    }
    const std::uint64_t name = number<std::uint16_t>(bytes_, entry.local + 26);
    const std::uint64_t begin =
        entry.local + kLocalBytes + name + number<std::uint16_t>(bytes_, entry.local + 28);
    if (begin > limit || entry.bytes > limit - begin ||
        bytes_.substr(entry.local + kLocalBytes, name) != entry.name) {
      damaged();
    }
    ranges_.emplace_back(entry.local, begin + entry.bytes);
    return bytes_.substr(begin, entry.bytes);
  }

  void check_overlaps() {
    std::sort(ranges_.begin(), ranges_.end());
    for (std::size_t i = 1; i < ranges_.size(); ++i) {
      if (ranges_[i].first < ranges_[i - 1].second) fail("zip archive: entries overlap");
    }
  }

  std::string_view bytes_;
  const std::string& origin_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges_;  ///< of the file, taken by entries
};

}  // namespace

std::map<std::string, std::string_view> zip_entries(std::string_view bytes, const std::string& origin) {
  return ZipReader(bytes, origin).read();
}

}  // namespace svsep
