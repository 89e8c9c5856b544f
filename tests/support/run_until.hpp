#pragma once

#include <chrono>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace svsep::test {

/// Where run_until() runs svsep and what it reads.
struct Place {
  std::filesystem::path folder = {};  ///< empty: the current one
  int input = -1;                     ///< a descriptor that becomes its standard input
};

/// Starts svsep with its standard error in `log`, sends `signal` once `ready`, and returns its exit code, or
/// 128 + the signal that ended it.
inline int run_until(const std::vector<std::string>& arguments, const std::filesystem::path& log, int signal,
                     const std::function<bool()>& ready, const Place& place = {}) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::vector<char*> argv = {const_cast<char*>(SVSEP_BINARY)};
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const bool placed = (place.folder.empty() || ::chdir(place.folder.c_str()) == 0) &&
                        (place.input < 0 || ::dup2(place.input, STDIN_FILENO) == 0);
    if (placed && std::freopen(log.c_str(), "w", stderr) != nullptr) ::execv(SVSEP_BINARY, argv.data());
    ::_exit(127);
  }
  int status = 0;
  bool sent = false;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    if (!sent && ready()) {
      ::kill(child, signal);
      sent = true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// A pipe with some bytes in it and its end open, for a program that then waits for more.
class OpenPipe {
 public:
  explicit OpenPipe(const std::string& bytes) {
    if (::pipe2(ends_, O_CLOEXEC) != 0 || ::write(ends_[1], bytes.data(), bytes.size()) < 0)
      throw std::runtime_error("no pipe");
  }
  ~OpenPipe() {
    for (const int end : ends_) ::close(end);
  }
  OpenPipe(const OpenPipe&) = delete;
  OpenPipe& operator=(const OpenPipe&) = delete;

  [[nodiscard]] int reading_end() const { return ends_[0]; }
  /// Whether the bytes have been read.
  [[nodiscard]] bool is_empty() const {
    int left = 1;
    return ::ioctl(ends_[0], FIONREAD, &left) == 0 && left == 0;
  }

 private:
  int ends_[2] = {-1, -1};
};

}  // namespace svsep::test
