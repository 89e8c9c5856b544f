// Preloaded into a program (LD_PRELOAD), makes one of its calls of the C library fail, all calls from one on,
// or kills the program there. What counts are calls on files below a folder, and allocations of a size or
// more.
//
//   SVSEP_FAIL_REPORT  a file of zeros, sizeof(CallReport) long
//   SVSEP_FAIL_FOLDER  the folder; a whole path without links
//   SVSEP_FAIL_CALL    one of kCallNames
//   SVSEP_FAIL_NUMBER  which call of those that count, from 1 on
//   SVSEP_FAIL_HOW     once | on | kill (before the call) | kill-after
//   SVSEP_FAIL_ERRNO   the number of the error (5 is EIO, 28 is ENOSPC)
//   SVSEP_FAIL_BYTES   the smallest allocation that counts
//
// stdio is caught at its own functions: inside the C library, it does not call write() by name. Nothing here
// allocates, so that malloc can be among the calls that are caught.

#include "faults/fail_call.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

using svsep::test::Call;
using svsep::test::CallReport;

enum class How { once, on, kill, kill_after };

struct Plan {
  CallReport* report = nullptr;
  const char* folder = "";
  std::size_t folder_length = 0;
  Call call = Call::open;
  std::uint64_t number = 0;
  How how = How::once;
  int error = EIO;
  std::size_t bytes = 0;
};

std::uint64_t number_of(const char* name) {
  const char* text = ::getenv(name);
  std::uint64_t value = 0;
  for (; text != nullptr && *text >= '0' && *text <= '9'; ++text) {
    value = value * 10 + static_cast<std::uint64_t>(*text - '0');
  }
  return value;
}

Plan plan_of_environment() {
  Plan plan;
  const char* report = ::getenv("SVSEP_FAIL_REPORT");
  const char* folder = ::getenv("SVSEP_FAIL_FOLDER");
  const char* call = ::getenv("SVSEP_FAIL_CALL");
  const char* how = ::getenv("SVSEP_FAIL_HOW");
  if (report == nullptr || folder == nullptr) return plan;
  plan.folder = folder;
  plan.folder_length = std::strlen(folder);
  for (std::size_t i = 0; call != nullptr && i < svsep::test::kCallNames.size(); ++i) {
    if (svsep::test::kCallNames[i] == call) plan.call = static_cast<Call>(i);
  }
  plan.number = number_of("SVSEP_FAIL_NUMBER");
  plan.error = static_cast<int>(number_of("SVSEP_FAIL_ERRNO"));
  plan.bytes = number_of("SVSEP_FAIL_BYTES");
  const std::string_view text = how == nullptr ? "once" : how;
  plan.how = text == "on"           ? How::on
             : text == "kill"       ? How::kill
             : text == "kill-after" ? How::kill_after
                                    : How::once;
  const long descriptor = ::syscall(SYS_openat, AT_FDCWD, report, O_RDWR | O_CLOEXEC, 0);
  if (descriptor < 0) return plan;
  const long address =
      ::syscall(SYS_mmap, nullptr, sizeof(CallReport), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  ::syscall(SYS_close, descriptor);
  if (address > 0) plan.report = reinterpret_cast<CallReport*>(address);
  return plan;
}

/// Read before main, on one thread; calls before that do not count.
Plan plan;
std::atomic<bool> ready = false;

__attribute__((constructor)) void start() {
  plan = plan_of_environment();
  ready = plan.report != nullptr;
}

/// What was there before.
std::uint64_t add_one(std::uint64_t& number) { return std::atomic_ref(number).fetch_add(1); }

[[noreturn]] void die() {
  ::syscall(SYS_kill, ::syscall(SYS_getpid), SIGKILL);
  for (;;) ::syscall(SYS_pause);
}

/// One call while it is made. `if (guard.fails) return -1;` with errno set.
class Guard {
 public:
  Guard(Call call, const char* path) { count(call, path); }
  Guard(Call call, int descriptor) {
    if (!ready.load(std::memory_order_relaxed) || descriptor < 0) return;
    char link[32] = "/proc/self/fd/";
    char digits[12];
    int length = 0;
    do digits[length++] = static_cast<char>('0' + descriptor % 10);
    while ((descriptor /= 10) > 0);
    char* end = link + std::strlen(link);
    while (length > 0) *end++ = digits[--length];
    *end = '\0';
    char path[PATH_MAX];
    const int before = errno;
    const long size = ::syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    errno = before;
    if (size < 0) return;
    path[size] = '\0';
    if (path[0] == '/') count(call, path);  // no pipe or socket
  }
  explicit Guard(std::size_t allocation) {
    if (ready.load(std::memory_order_relaxed) && allocation >= plan.bytes) take(Call::allocate, "");
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard() {
    if (dies_) die();
  }
  bool fails = false;

 private:
  void count(Call call, const char* path) {
    if (!ready.load(std::memory_order_relaxed) || path == nullptr) return;
    char whole[PATH_MAX];
    if (path[0] != '/') {  // relative to the working folder
      const long size = ::syscall(SYS_getcwd, whole, sizeof whole);
      if (size <= 0) return;
      const auto end = static_cast<std::size_t>(size);
      const std::size_t length = std::strlen(path);
      if (end + length >= sizeof whole) return;
      whole[end - 1] = '/';
      std::memcpy(whole + end, path, length + 1);
      path = whole;
    }
    if (std::strncmp(path, plan.folder, plan.folder_length) == 0) take(call, path);
  }

  void take(Call call, const char* path) {
    const std::uint64_t number = add_one(plan.report->calls[static_cast<std::size_t>(call)]) + 1;
    if (call != plan.call || plan.number == 0) return;
    if (number != plan.number && !(plan.how == How::on && number > plan.number)) return;
    if (add_one(plan.report->failed) == 0) {
      std::memcpy(plan.report->path.data(), path, std::min(std::strlen(path), plan.report->path.size() - 1));
    }
    if (plan.how == How::kill) die();
    dies_ = plan.how == How::kill_after;
    if (dies_) return;
    errno = plan.error;
    fails = true;
  }

  bool dies_ = false;
};

/// The C library's own.
template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

int open_at(int folder, const char* path, int flags, mode_t mode) {
  const Guard guard(Call::open, path);
  if (guard.fails) return -1;
  return static_cast<int>(::syscall(SYS_openat, folder, path, flags, mode));
}

mode_t mode_of(int flags, std::va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

// The C library declares these with attributes that a definition would have to repeat.
#pragma GCC diagnostic ignored "-Wmissing-declarations"

extern "C" {

#define SVSEP_OPEN(NAME)                           \
  int NAME(const char* path, int flags, ...) {     \
    std::va_list arguments;                        \
    va_start(arguments, flags);                    \
    const mode_t mode = mode_of(flags, arguments); \
    va_end(arguments);                             \
    return open_at(AT_FDCWD, path, flags, mode);   \
  }
SVSEP_OPEN(open)
SVSEP_OPEN(open64)
#define SVSEP_OPENAT(NAME)                                 \
  int NAME(int folder, const char* path, int flags, ...) { \
    std::va_list arguments;                                \
    va_start(arguments, flags);                            \
    const mode_t mode = mode_of(flags, arguments);         \
    va_end(arguments);                                     \
    return open_at(folder, path, flags, mode);             \
  }
SVSEP_OPENAT(openat)
SVSEP_OPENAT(openat64)
int __open_2(const char* path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
int __open64_2(const char* path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
int creat(const char* path, mode_t mode) {
  return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

ssize_t read(int descriptor, void* to, size_t size) {
  const Guard guard(Call::read, descriptor);
  return guard.fails ? -1 : ::syscall(SYS_read, descriptor, to, size);
}
ssize_t __read_chk(int descriptor, void* to, size_t size, size_t) { return read(descriptor, to, size); }
ssize_t pread(int descriptor, void* to, size_t size, off_t at) {
  const Guard guard(Call::read, descriptor);
  return guard.fails ? -1 : ::syscall(SYS_pread64, descriptor, to, size, at);
}
ssize_t pread64(int descriptor, void* to, size_t size, off64_t at) { return pread(descriptor, to, size, at); }
ssize_t readv(int descriptor, const iovec* to, int count) {
  const Guard guard(Call::read, descriptor);
  return guard.fails ? -1 : ::syscall(SYS_readv, descriptor, to, count);
}
ssize_t write(int descriptor, const void* from, size_t size) {
  const Guard guard(Call::write, descriptor);
  return guard.fails ? -1 : ::syscall(SYS_write, descriptor, from, size);
}
ssize_t pwrite(int descriptor, const void* from, size_t size, off_t at) {
  const Guard guard(Call::write, descriptor);
  return guard.fails ? -1 : ::syscall(SYS_pwrite64, descriptor, from, size, at);
}
ssize_t pwrite64(int descriptor, const void* from, size_t size, off64_t at) {
  return pwrite(descriptor, from, size, at);
}
ssize_t writev(int descriptor, const iovec* from, int count) {
  const Guard guard(Call::write, descriptor);
  return guard.fails ? -1 : ::syscall(SYS_writev, descriptor, from, count);
}
int fsync(int descriptor) {
  const Guard guard(Call::sync, descriptor);
  return guard.fails ? -1 : static_cast<int>(::syscall(SYS_fsync, descriptor));
}
int fdatasync(int descriptor) {
  const Guard guard(Call::sync, descriptor);
  return guard.fails ? -1 : static_cast<int>(::syscall(SYS_fdatasync, descriptor));
}
int ftruncate(int descriptor, off_t size) noexcept {
  const Guard guard(Call::truncate, descriptor);
  return guard.fails ? -1 : static_cast<int>(::syscall(SYS_ftruncate, descriptor, size));
}
int ftruncate64(int descriptor, off64_t size) noexcept { return ftruncate(descriptor, size); }
int rename(const char* from, const char* to) noexcept {
  const Guard guard(Call::rename, to);
  return guard.fails ? -1 : static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int mkdir(const char* path, mode_t mode) noexcept {
  const Guard guard(Call::mkdir, path);
  return guard.fails ? -1 : static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}
void* mmap(void* address, size_t size, int protection, int flags, int descriptor, off_t offset) noexcept {
  const Guard guard(Call::map, descriptor);
  if (guard.fails) return MAP_FAILED;
  const long mapped = ::syscall(SYS_mmap, address, size, protection, flags, descriptor, offset);
  return reinterpret_cast<void*>(mapped);
}
void* mmap64(void* address, size_t size, int protection, int flags, int descriptor, off64_t offset) noexcept {
  return mmap(address, size, protection, flags, descriptor, offset);
}

std::FILE* fopen(const char* path, const char* mode) {
  static const auto real = next<std::FILE* (*)(const char*, const char*)>("fopen");
  const Guard guard(Call::open, path);
  return guard.fails ? nullptr : real(path, mode);
}
std::FILE* fopen64(const char* path, const char* mode) { return fopen(path, mode); }
size_t fread(void* to, size_t size, size_t count, std::FILE* file) {
  static const auto real = next<size_t (*)(void*, size_t, size_t, std::FILE*)>("fread");
  const Guard guard(Call::read, ::fileno(file));
  return guard.fails ? 0 : real(to, size, count, file);
}
size_t __fread_chk(void* to, size_t, size_t size, size_t count, std::FILE* file) {
  return fread(to, size, count, file);
}
size_t fwrite(const void* from, size_t size, size_t count, std::FILE* file) {
  static const auto real = next<size_t (*)(const void*, size_t, size_t, std::FILE*)>("fwrite");
  const Guard guard(Call::write, ::fileno(file));
  return guard.fails ? 0 : real(from, size, count, file);
}
int fflush(std::FILE* file) {
  static const auto real = next<int (*)(std::FILE*)>("fflush");
  const Guard guard(Call::write, file == nullptr ? -1 : ::fileno(file));
  return guard.fails ? EOF : real(file);
}
int fclose(std::FILE* file) {
  static const auto real = next<int (*)(std::FILE*)>("fclose");
  const Guard guard(Call::write, ::fileno(file));
  const int closed = real(file);
  if (guard.fails) errno = plan.error;
  return guard.fails ? EOF : closed;
}

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);

void* malloc(size_t size) noexcept {
  const Guard guard(size);
  return guard.fails ? nullptr : __libc_malloc(size);
}
void* calloc(size_t count, size_t size) noexcept {
  const Guard guard(count * size);
  return guard.fails ? nullptr : __libc_calloc(count, size);
}
void* realloc(void* old, size_t size) noexcept {
  const Guard guard(size);
  return guard.fails ? nullptr : __libc_realloc(old, size);
}
void* memalign(size_t alignment, size_t size) noexcept {
  const Guard guard(size);
  return guard.fails ? nullptr : __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) noexcept { return memalign(alignment, size); }
int posix_memalign(void** address, size_t alignment, size_t size) noexcept {
  const int before = errno;
  void* const made = memalign(alignment, size);
  errno = before;
  if (made == nullptr) return ENOMEM;
  *address = made;
  return 0;
}

}  // extern "C"
