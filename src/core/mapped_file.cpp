#include "core/mapped_file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace svsep {

MappedFile::MappedFile(const std::filesystem::path& path, ErrorKind kind, std::string_view what) {
  const auto fail = [&](const std::string& reason) {
    throw Error(kind, fmt::format("cannot open {}: {}: {}", what, path.string(), reason));
  };
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe must not block
  if (descriptor < 0) fail(std::strerror(errno));
  struct stat status = {};
  const bool regular = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  size_ = regular ? static_cast<std::size_t>(status.st_size) : 0;
  void* const address =
      size_ > 0 ? ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0) : MAP_FAILED;
  const int reason = errno;
  ::close(descriptor);
  if (!regular) fail("is not a regular file");
  if (size_ == 0) fail("is empty");
  if (address == MAP_FAILED) fail(std::strerror(reason));
  data_ = static_cast<const char*>(address);
}

MappedFile::~MappedFile() { ::munmap(const_cast<char*>(data_), size_); }

void MappedFile::forget() const noexcept { ::madvise(const_cast<char*>(data_), size_, MADV_DONTNEED); }

}  // namespace svsep
