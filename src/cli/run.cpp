#include "cli/run.hpp"

#include "cli/verbs.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/error.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <iostream>
#include <new>
#include <string>
#include <unistd.h>

namespace svsep::cli {
namespace {

int fail(ErrorKind kind, const char* text) {
  std::fprintf(stderr, "svsep: error: %s\n", one_line(text).c_str());
  return static_cast<int>(kind);
}

/// The standard streams that the caller closed lead nowhere: else the next file that is opened would be one
/// of them, and would be given what is printed.
void open_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) < 0)
      static_cast<void>(::open("/dev/null", O_RDWR));  // the lowest that is free
  }
}

/// What was printed may lie in a buffer still: a full disk shows only here.
void flush_stdout() {
  std::cout.flush();
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout) return;
  const std::string reason = errno != 0 ? std::strerror(errno) : "not all of it could be written";
  throw Error(ErrorKind::output, "cannot write: standard output: " + reason);
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("Separates songs into vocals and accompaniment, and trains its own separators.", "svsep");
  app.set_version_flag("--version", "svsep " SVSEP_VERSION);
  app.require_subcommand(1);
  app.fallthrough();  // --quiet and --verbose also after the verb
  bool quiet = false;
  bool verbose = false;
  CLI::Option* quiet_option = app.add_flag("-q,--quiet", quiet, "Print errors only, and no progress");
  app.add_flag("-v,--verbose", verbose, "Print more of what happens")->excludes(quiet_option);
  Action action;
  add_separate(app, action);
  add_train(app, action);
  add_evaluate(app, action);
  add_info(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version, std::cout, std::cerr);
  } catch (const CLI::ParseError& error) {
    throw Error(ErrorKind::usage, std::string(error.what()) + "; see svsep --help");
  }
  start_log(quiet ? Verbosity::quiet : verbose ? Verbosity::verbose : Verbosity::normal);
  return action();
}

}  // namespace

int run(int argc, char** argv) {
  open_standard_streams();
  install_cancellation_handlers();
  try {
    const int code = parse_and_run(argc, argv);
    flush_stdout();
    return code;
  } catch (const Error& error) {
    return fail(error.kind(), error.what());
  } catch (const Cancelled& cancelled) {
    std::fprintf(stderr, "svsep: stopped by signal %d\n", cancelled.signal());
    return 128 + cancelled.signal();
  } catch (const std::bad_alloc&) {
    return fail(ErrorKind::runtime, "out of memory");
  } catch (const std::exception& error) {
    return fail(ErrorKind::runtime, error.what());
  }
}

}  // namespace svsep::cli
