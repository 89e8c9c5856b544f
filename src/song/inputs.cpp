#include "song/inputs.hpp"

#include "media/list_media.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/error.hpp"
#include "svsep/stem_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <glob.h>
#include <iterator>
#include <memory>
#include <poll.h>
#include <set>
#include <spdlog/spdlog.h>
#include <sstream>
#include <system_error>
#include <unistd.h>

namespace svsep {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_to_read(const std::string& path, const std::string& reason) {
  throw Error(ErrorKind::input, "cannot read: " + path + ": " + reason);
}

Song song_at(const fs::path& path, const fs::path& folder = {}) {
  return {path, folder, is_stem_file(path) ? path.stem().stem().string() : path.stem().string()};
}

/// Waits for standard input in small steps, so that a signal ends the wait.
std::string read_stdin() {
  std::string text;
  for (std::array<char, 4096> buffer{};;) {
    throw_if_cancelled();
    pollfd ready{STDIN_FILENO, POLLIN, 0};
    if (::poll(&ready, 1, 100) <= 0) continue;
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && errno != EINTR) fail_to_read("standard input", std::strerror(errno));
    if (count == 0) return text;
    if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

std::string read_text(const std::string& path) {
  if (path == kStdin) return read_stdin();
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad()) fail_to_read(path, std::strerror(errno));
  return text;
}

/// The lines that name something.
std::vector<std::string> read_list(const std::string& path) {
  std::istringstream text(read_text(path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.find_first_not_of(" \t") != std::string::npos && line.front() != '#') lines.push_back(line);
  }
  return lines;
}

std::vector<std::string> expand_pattern(const std::string& pattern) {
  glob_t found{};
  const std::unique_ptr<glob_t, decltype(&::globfree)> owner(&found, &::globfree);
  if (::glob(pattern.c_str(), 0, nullptr, &found) != 0) return {};
  return {found.gl_pathv, found.gl_pathv + found.gl_pathc};
}

class Finder {
 public:
  explicit Finder(const InputRequest& request) : request_(request) {}

  void add_argument(const std::string& argument) {
    std::error_code code;
    if (argument == kStdin) {
      songs_.push_back({argument, {}, request_.stdin_track});
    } else if (argument.find_first_of("*?[") == std::string::npos || fs::exists(argument, code)) {
      add_path(argument);
    } else {
      const std::vector<std::string> paths = expand_pattern(argument);
      for (const std::string& path : paths) add_path(path);
      if (paths.empty()) fruitless_.push_back(argument);
    }
  }

  /// A file, or a folder with all that is in it.
  void add_path(const fs::path& path) {
    std::error_code code;
    if (!fs::is_directory(path, code)) {
      songs_.push_back(song_at(path));
      return;
    }
    if (is_output_folder(path)) {
      throw Error(ErrorKind::usage, "the folder of the songs is that of the stems, too: " + path.string() +
                                        "; expected another folder at --output");
    }
    const std::size_t before = songs_.size();
    add_folder(path, {});
    if (songs_.size() == before) fruitless_.push_back(path.string());
  }

  /// The songs found, sorted, each once.
  std::vector<Song> take() {
    std::stable_sort(songs_.begin(), songs_.end(),
                     [](const Song& a, const Song& b) { return a.path.native() < b.path.native(); });
    std::set<fs::path> seen;
    std::erase_if(songs_, [&](const Song& song) {
      return !seen.insert(fs::absolute(song.path).lexically_normal()).second;
    });
    std::string names;
    for (const std::string& name : fruitless_) names += (names.empty() ? "" : ", ") + name;
    if (songs_.empty()) {
      throw Error(ErrorKind::input, "no song found" + (names.empty() ? "" : " in: " + names));
    }
    if (!names.empty()) spdlog::warn("no song found in: {}", names);
    return std::move(songs_);
  }

 private:
  [[nodiscard]] bool is_output_folder(const fs::path& path) const {
    std::error_code code;
    return fs::equivalent(path, request_.output_folder, code);
  }

  void add_folder(const fs::path& folder, const fs::path& below) {
    std::error_code code;
    fs::directory_iterator entries(folder, code);
    for (; !code && entries != fs::directory_iterator(); entries.increment(code)) {
      const fs::path& path = entries->path();
      if (path.filename().string().starts_with('.')) continue;
      std::error_code ignored;  // what cannot be looked at is no song
      if (entries->is_directory(ignored)) {
        if (!entries->is_symlink(ignored) && !is_output_folder(path)) {
          add_folder(path, below / path.filename());
        }
      } else if (entries->is_regular_file(ignored) && has_media_extension(path)) {
        songs_.push_back(song_at(path, below));
      }
    }
    if (code) fail_to_read(folder.string(), code.message());
  }

  const InputRequest& request_;
  std::vector<Song> songs_;
  std::vector<std::string> fruitless_;  ///< what was given and names no song
};

}  // namespace

std::vector<Song> find_songs(const InputRequest& request) {
  Finder finder(request);
  for (const std::string& argument : request.arguments) finder.add_argument(argument);
  if (!request.list.empty()) {
    for (const std::string& line : read_list(request.list)) finder.add_path(line);
  }
  return finder.take();
}

Shard parse_shard(const std::string& text) {
  Shard shard;
  const char* const end = text.data() + text.size();
  const auto [slash, first] = std::from_chars(text.data(), end, shard.index);
  if (first == std::errc() && slash != end && *slash == '/') {
    const auto [parsed, second] = std::from_chars(slash + 1, end, shard.count);
    if (second == std::errc() && parsed == end && shard.index >= 1 && shard.index <= shard.count)
      return shard;
  }
  throw Error(ErrorKind::usage, "--shard: expected I/N with I in 1 to N, got " + text);
}

}  // namespace svsep
