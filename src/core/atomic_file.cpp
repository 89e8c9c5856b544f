#include "core/atomic_file.hpp"

#include "svsep/error.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <random>
#include <unistd.h>
#include <utility>

namespace svsep {
namespace {

namespace fs = std::filesystem;

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

}  // namespace

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)) {
  // A random name keeps concurrent runs apart, those on other machines too; the suffix stays last so that no
  // player opens the file.
  std::random_device random;
  temporary_path_ = path_;
  temporary_path_ += fmt::format(".{:08x}{:08x}.part", random(), random());
  const fs::path parent = path_.has_parent_path() ? path_.parent_path() : fs::path(".");
  std::error_code code;
  fs::create_directories(parent, code);
  if (code) fail(parent, code.message());
  if (fs::is_directory(path_, code)) fail(path_, "is a folder; expected a file name");
  const int descriptor = ::open(temporary_path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0) fail(path_, std::strerror(errno));
  ::close(descriptor);
}

AtomicFile::~AtomicFile() {
  std::error_code ignored;
  if (!committed_) fs::remove(temporary_path_, ignored);
}

void AtomicFile::flush() {
  if (!flushed_ && !flush_to_disk(temporary_path_)) fail(path_, std::strerror(errno));
  flushed_ = true;
}

void AtomicFile::commit() {
  flush();
  if (std::rename(temporary_path_.c_str(), path_.c_str()) != 0) fail(path_, std::strerror(errno));
  committed_ = true;
  flush_to_disk(path_.has_parent_path() ? path_.parent_path()
                                        : fs::path("."));  // the name, as far as the system lets us
}

void write_file(const fs::path& path, const std::string& bytes) {
  AtomicFile file(path);
  std::ofstream stream(file.temporary_path(), std::ios::binary);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  if (!stream) fail(path, std::strerror(errno));
  file.commit();
}

}  // namespace svsep
