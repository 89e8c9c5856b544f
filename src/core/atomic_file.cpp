#include "core/atomic_file.hpp"

#include "core/text.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <mutex>
#include <random>
#include <set>
#include <string_view>
#include <sys/file.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxNameBytes = 255;  // of all file systems in use
constexpr std::size_t kIdDigits = 16;
constexpr std::string_view kTemporarySuffix = ".part";
constexpr std::chrono::hours kDeadAfter{1};  // where locks do not reach other machines

std::mutex made_folders_mutex;
std::set<fs::path>& made_folders() {
  static std::set<fs::path> folders;
  return folders;
}

[[noreturn]] void fail(const fs::path& path, const std::string& reason) {
  throw Error(ErrorKind::output, "cannot write: " + path.string() + ": " + reason);
}

/// Flushes a file or folder to the disk; false with errno set where that failed.
bool flush_to_disk(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool flushed = ::fsync(descriptor) == 0 || errno == EINVAL;  // EINVAL: the file system cannot
  const int reason = errno;
  ::close(descriptor);
  errno = reason;
  return flushed;
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// As create_directories, and remembers which it made.
void make_folders(const fs::path& folder) {
  std::vector<fs::path> missing;
  std::error_code code;
  for (fs::path at = fs::absolute(folder, code); !fs::exists(at, code) && at.has_relative_path();
       at = at.parent_path()) {
    if (at.has_filename()) missing.push_back(at);
  }
  std::reverse(missing.begin(), missing.end());
  for (const fs::path& at : missing) {
    const bool made = fs::create_directory(at, code);
    if (code) fail(folder, code.message());
    const std::scoped_lock lock(made_folders_mutex);
    if (made) made_folders().insert(at);
  }
  if (!fs::is_directory(folder, code)) fail(folder, code ? code.message() : "Not a directory");
}

/// "song.wav.0123456789abcdef.part"
bool is_temporary_name(const std::string& name) {
  if (!name.ends_with(kTemporarySuffix)) return false;
  const std::string_view id = std::string_view(name).substr(0, name.size() - kTemporarySuffix.size());
  if (id.size() <= kIdDigits || id[id.size() - kIdDigits - 1] != '.') return false;
  return id.find_first_not_of("0123456789abcdef", id.size() - kIdDigits) == std::string_view::npos;
}

/// Whether a temporary file belongs to a run that has ended: nobody holds its lock, and it is old.
bool is_dead(const fs::path& path) {
  std::error_code code;
  const auto modified = fs::last_write_time(path, code);
  if (code || fs::file_time_type::clock::now() - modified < kDeadAfter) return false;
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0) return false;
  const bool dead = ::flock(descriptor, LOCK_EX | LOCK_NB) == 0;
  ::close(descriptor);
  return dead;
}

void remove_dead_files(const fs::path& folder) {
  std::error_code code;
  fs::directory_iterator entry(folder, code);
  std::vector<fs::path> dead;
  for (; !code && entry != fs::directory_iterator(); entry.increment(code)) {
    std::error_code ignored;
    if (is_temporary_name(entry->path().filename().string()) && entry->is_regular_file(ignored) &&
        is_dead(entry->path())) {
      dead.push_back(entry->path());
    }
  }
  for (const fs::path& path : dead) fs::remove(path, code);
}

/// Renames, but not onto another file; false with errno EEXIST where there is one.
bool rename_beside(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  if (::link(from.c_str(), to.c_str()) == 0) {  // a file system without that flag
    ::unlink(from.c_str());
    return true;
  }
  if (errno == EEXIST) return false;
  std::error_code code;  // one without links either: look once more
  if (fs::exists(fs::symlink_status(to, code))) {
    errno = EEXIST;
    return false;
  }
  return std::rename(from.c_str(), to.c_str()) == 0;
}

}  // namespace

fs::path temporary_name(const fs::path& path, const std::string& suffix) {
  return path.parent_path() / (shortened(path.filename().string(), kMaxNameBytes - suffix.size()) + suffix);
}

void remove_made_folders(fs::path folder) {
  std::error_code code;  // the current folder may be gone
  folder = fs::absolute(folder, code);
  const std::scoped_lock lock(made_folders_mutex);
  while (made_folders().contains(folder) && ::rmdir(folder.c_str()) == 0) {
    made_folders().erase(folder);
    folder = folder.parent_path();
  }
}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)) {
  // A random name keeps concurrent runs apart, those on other machines too; the suffix stays last so that no
  // player opens the file.
  std::random_device random;
  temporary_path_ =
      temporary_name(path_, fmt::format(".{:08x}{:08x}{}", random(), random(), kTemporarySuffix));
  make_folders(folder_of(path_));
  std::error_code code;
  if (fs::is_directory(path_, code)) fail(path_, "is a folder; expected a file name");
  remove_dead_files(folder_of(path_));
  descriptor_ = ::open(temporary_path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    const std::string reason = std::strerror(errno);
    remove_made_folders(folder_of(path_));
    fail(path_, reason);
  }
  static_cast<void>(::flock(descriptor_, LOCK_EX | LOCK_NB));  // as far as the file system has locks
}

AtomicFile::~AtomicFile() {
  ::close(descriptor_);
  if (committed_) return;
  std::error_code ignored;
  fs::remove(temporary_path_, ignored);
  remove_made_folders(folder_of(path_));
}

void AtomicFile::flush() {
  if (!flushed_ && !flush_to_disk(temporary_path_)) fail(path_, std::strerror(errno));
  flushed_ = true;
}

void AtomicFile::commit(ExistingFile existing) {
  flush();
  const bool named = existing == ExistingFile::replace
                         ? std::rename(temporary_path_.c_str(), path_.c_str()) == 0
                         : rename_beside(temporary_path_, path_);
  if (!named) {
    fail(path_,
         errno == EEXIST ? "exists already, since this run began; see --overwrite" : std::strerror(errno));
  }
  committed_ = true;
  flush_to_disk(folder_of(path_));  // the name, as far as the system lets us
}

void write_file(const fs::path& path, const std::string& bytes, ExistingFile existing) {
  AtomicFile file(path);
  std::ofstream stream(file.temporary_path(), std::ios::binary);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  if (!stream) fail(path, std::strerror(errno));
  file.commit(existing);
}

}  // namespace svsep
