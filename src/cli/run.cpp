#include "cli/run.hpp"

#include "cli/completion.hpp"
#include "cli/help.hpp"
#include "cli/man_page.hpp"
#include "cli/revision.hpp"
#include "cli/verbs.hpp"
#include "core/log.hpp"
#include "core/text.hpp"
#include "media/ffmpeg_library.hpp"
#include "media/list_media.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/error.hpp"
#include "svsep/svsep.hpp"
#include "svsep/version.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <iostream>
#include <new>
#include <numeric>
#include <string>
#include <system_error>
#include <unistd.h>
#include <vector>

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

/// Edits that turn one word into the other: letters added, left out or changed.
std::size_t distance(const std::string& from, const std::string& to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (std::size_t i = 1; i <= from.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t changed = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

/// Says what to type where the first word is no verb: the parser only says that one is required.
void check_verb(const CLI::App& app, int argc, char** argv) {
  constexpr std::size_t kMaxEdits = 3;
  char** const word = std::find_if(argv + 1, argv + argc, [](const char* text) { return text[0] != '-'; });
  if (word == argv + argc) return;
  std::string verbs;
  std::string nearest;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    const std::string& name = verb->get_name();
    if (name == *word) return;
    verbs += (verbs.empty() ? "" : ", ") + name;
    if (nearest.empty() || distance(*word, name) < distance(*word, nearest)) nearest = name;
  }
  std::error_code code;
  if (std::filesystem::exists(*word, code) || has_media_extension(*word)) {
    throw Error(ErrorKind::usage,
                fmt::format("no such verb: {}; to separate a song: svsep separate {}", *word, *word));
  }
  if (distance(*word, nearest) <= kMaxEdits) {
    throw Error(ErrorKind::usage, fmt::format("no such verb: {}; did you mean {}?", *word, nearest));
  }
  throw Error(ErrorKind::usage, fmt::format("no such verb: {}; expected one of {}", *word, verbs));
}

/// "svsep 0.1.0", and what it is made of: a report of a fault needs no more.
std::string version_text() {
  return fmt::format("svsep {}\nrevision {}\nLibTorch {}\nFFmpeg {}", kVersion, kRevision, kLibTorch,
                     ffmpeg_version());
}

/// What packaging asks for: --man and --completion, which the help does not show.
struct Descriptions {
  bool man = false;
  std::string shell;
};

/// True where one was printed.
bool describe(const CLI::App& app, const Descriptions& asked) {
  if (asked.man) std::cout << man_page(app, kVersion);
  if (!asked.shell.empty()) std::cout << completion(app, asked.shell);
  return asked.man || !asked.shell.empty();
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("Separates songs into vocals and accompaniment, and trains its own separators.", "svsep");
  app.set_version_flag("--version", version_text, "Print the version and what it is built with");
  app.fallthrough();  // --quiet and --verbose also after the verb
  bool quiet = false;
  bool verbose = false;
  Descriptions descriptions;
  CLI::Option* quiet_option = app.add_flag("-q,--quiet", quiet, "Print errors only, and no progress");
  app.add_flag("-v,--verbose", verbose, "Print more of what happens")->excludes(quiet_option);
  app.add_flag("--man", descriptions.man)->group("");
  app.add_option("--completion", descriptions.shell)->group("");
  Action action;
  add_separate(app, action);
  add_train(app, action);
  add_evaluate(app, action);
  add_info(app, action);
  add_model(app, action);
  set_help_format(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version, std::cout, std::cerr);
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string text = error.what();
    const std::size_t too_many = text.find(": At Most");
    throw Error(ErrorKind::usage, too_many == std::string::npos
                                      ? text + "; see svsep --help"
                                      : text.substr(0, too_many) + " is given more than once");
  } catch (const CLI::ParseError& error) {
    check_verb(app, argc, argv);
    throw Error(ErrorKind::usage, std::string(error.what()) + "; see svsep --help");
  }
  if (describe(app, descriptions)) return 0;
  if (!action) {
    std::cout << app.help();
    return 0;
  }
  start_log(quiet ? Verbosity::quiet : verbose ? Verbosity::verbose : Verbosity::normal);
  return action();
}

/// LibTorch's errors end in the addresses that they come from.
std::string without_backtrace(const std::string& text) {
  const std::size_t end = std::min(text.find("Exception raised from"), text.find("frame #0:"));
  return text.substr(0, std::min(end, text.size()));
}

}  // namespace

int run(int argc, char** argv) {
  open_standard_streams();
  configure_process();
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
    return fail(ErrorKind::runtime, without_backtrace(error.what()).c_str());
  }
}

}  // namespace svsep::cli
