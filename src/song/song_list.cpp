#include "song/song_list.hpp"

#include "core/text.hpp"
#include "song/inputs.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <string_view>
#include <system_error>
#include <unistd.h>

namespace svsep {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path, const std::string& reason) {
  throw Error(ErrorKind::input, "cannot read: " + path + ": " + reason);
}

/// Waits for standard input in small steps, so that a signal ends the wait.
std::string read_stdin() {
  std::string text;
  for (std::array<char, 4096> buffer{};;) {
    throw_if_cancelled();
    pollfd ready{STDIN_FILENO, POLLIN, 0};
    if (::poll(&ready, 1, 100) <= 0) continue;
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && errno != EINTR) fail("standard input", std::strerror(errno));
    if (count == 0) return text;
    if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

std::string read_text(const std::string& path) {
  if (path == kStdin) return read_stdin();
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad()) fail(path, std::strerror(errno));
  return text;
}

bool is_comment(const std::string& line, const fs::path& folder) {
  std::error_code code;
  return line.find_first_not_of(" \t") == std::string::npos ||
         (line.front() == '#' && !fs::exists(folder / line, code));
}

}  // namespace

bool is_playlist(const fs::path& path) {
  const std::string extension = lower_case(path.extension().string());
  return extension == ".m3u" || extension == ".m3u8";
}

std::vector<fs::path> read_song_list(const std::string& path, bool has_nulls) {
  const std::string text = read_text(path);
  std::string_view rest = text;
  if (rest.starts_with("\xFF\xFE") || rest.starts_with("\xFE\xFF")) fail(path, "is UTF-16; expected UTF-8");
  if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
  if (text.find('\0') != std::string::npos) has_nulls = true;  // no path holds one
  const fs::path folder = is_playlist(path) ? fs::path(path).parent_path() : fs::path();
  std::vector<fs::path> songs;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(has_nulls ? '\0' : '\n'), rest.size());
    std::string line(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!has_nulls && line.ends_with('\r')) line.pop_back();
    if (has_nulls ? !line.empty() : !is_comment(line, folder)) songs.push_back(folder / line);
  }
  return songs;
}

}  // namespace svsep
