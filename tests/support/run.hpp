#pragma once

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace svsep::test {

/// How a program ended; 128 + n where signal n stopped it.
struct RunResult {
  int exit_code = -1;
  std::string out;
  std::string err;
};

/// Runs a program (found through PATH) with these arguments, no shell between. `input` is its stdin; `folder`
/// its working folder, where one is given.
inline RunResult run(const std::vector<std::string>& command, const std::string& input = {},
                     const std::filesystem::path& folder = {}) {
  using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
  const auto unnamed_file = [] {
    File file(std::tmpfile(), &std::fclose);
    if (!file) throw std::system_error(errno, std::generic_category(), "tmpfile");
    return file;
  };
  const auto text_of = [](std::FILE* file) {
    std::string text;
    std::rewind(file);
    for (int byte = 0; (byte = std::fgetc(file)) != EOF;) text.push_back(static_cast<char>(byte));
    return text;
  };
  const File in = unnamed_file();
  const File out = unnamed_file();
  const File err = unnamed_file();
  std::fwrite(input.data(), 1, input.size(), in.get());
  std::rewind(in.get());

  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) {
    ::dup2(::fileno(in.get()), STDIN_FILENO);
    ::dup2(::fileno(out.get()), STDOUT_FILENO);
    ::dup2(::fileno(err.get()), STDERR_FILENO);
    if (folder.empty() || ::chdir(folder.c_str()) == 0) ::execvp(arguments[0], arguments.data());
    std::perror(arguments[0]);
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {code, text_of(out.get()), text_of(err.get())};
}

/// Runs a line of /bin/sh.
inline RunResult run_shell(const std::string& line) { return run({"/bin/sh", "-c", line}); }

/// Runs ffmpeg with these arguments, to make files that svsep cannot write. Throws what it says on failure.
inline void run_ffmpeg(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"ffmpeg", "-v", "error", "-nostdin", "-y"});
  const RunResult result = run(arguments);
  if (result.exit_code != 0) throw std::runtime_error("ffmpeg: " + result.err);
}

#ifdef SVSEP_BINARY
/// Runs the built program.
inline RunResult run_svsep(std::vector<std::string> arguments, const std::string& input = {},
                           const std::filesystem::path& folder = {}) {
  arguments.insert(arguments.begin(), SVSEP_BINARY);
  return run(arguments, input, folder);
}
#endif

}  // namespace svsep::test
