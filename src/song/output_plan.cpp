#include "song/output_plan.hpp"

#include "core/text.hpp"
#include "media/film.hpp"
#include "svsep/error.hpp"
#include "svsep/probe.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <system_error>
#include <utility>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxTagBytes = 100;  ///< of a name; a tag may be a novel

[[noreturn]] void refuse(const std::string& text, const std::string& reason) {
  throw Error(ErrorKind::usage, "--output-template " + text + ": " + reason);
}

/// What the song's tags say, as part of a path.
std::string tag_of(const Song& song, const char* key, const std::string& otherwise) {
  std::string value;
  try {
    if (song.path != kStdin) value = probe(song.path).tags[key];
  } catch (const Error&) {  // a song that cannot be read says so when its turn comes
  }
  std::replace(value.begin(), value.end(), '/', '_');
  value = shortened(value, kMaxTagBytes);
  return value.empty() || value == "." || value == ".." ? otherwise : value;
}

std::string field_value(const OutputNames& names, const std::string& field, const Song& song,
                        const OutputKind& kind) {
  if (field == "dir") return song.folder.string();
  if (field == "folder") return fs::absolute(song.path).lexically_normal().parent_path().filename().string();
  if (field == "name") return song.name;
  if (field == "input_ext") return song.path.has_extension() ? song.path.extension().string().substr(1) : "";
  if (field == "title") return tag_of(song, "title", song.name);
  if (field == "artist") return tag_of(song, "artist", "Unknown artist");
  if (field == "model") return names.model;
  if (field == "stem") return kind.stem;
  if (field == "ext") return kind.extension.empty() ? film_extension(song.path) : kind.extension;
  refuse(
      names.name_template,
      "no such field; expected {dir}, {folder}, {name}, {input_ext}, {title}, {artist}, {model}, {stem} or "
      "{ext}, got {" +
          field + "}");
}

/// The songs that share an output with another, in groups.
std::vector<std::vector<Song*>> collisions(std::vector<Song>& songs, const OutputNames& names,
                                           const std::vector<OutputKind>& kinds) {
  std::map<fs::path, std::vector<Song*>> by_path;
  for (Song& song : songs) by_path[expand_template(names, song, kinds.front())].push_back(&song);
  std::vector<std::vector<Song*>> groups;
  for (auto& [path, group] : by_path) {
    if (group.size() > 1) groups.push_back(std::move(group));
  }
  return groups;
}

/// The last `count` parts of a path.
fs::path last_parts(const fs::path& path, std::ptrdiff_t count) {
  fs::path result;
  const fs::path relative = path.relative_path();
  const std::ptrdiff_t parts = std::distance(relative.begin(), relative.end());
  for (auto part = std::next(relative.begin(), std::max<std::ptrdiff_t>(0, parts - count));
       part != relative.end(); ++part) {
    result /= *part;
  }
  return result;
}

void tell_apart(const std::vector<Song*>& group) {
  std::map<fs::path, std::vector<Song*>> by_folder;
  for (Song* song : group)
    by_folder[fs::absolute(song->path).lexically_normal().parent_path()].push_back(song);
  const auto distinct = [&](std::ptrdiff_t count) {
    std::set<fs::path> ends;
    for (const auto& [folder, songs] : by_folder) ends.insert(last_parts(folder, count));
    return ends.size() == by_folder.size();
  };
  std::ptrdiff_t count = 1;
  while (!distinct(count)) ++count;  // the whole paths differ
  for (const auto& [folder, songs] : by_folder) {
    for (Song* song : songs) {
      if (by_folder.size() > 1) song->folder = last_parts(folder, count);
      if (songs.size() > 1) song->name += " (" + song->path.extension().string().erase(0, 1) + ")";
    }
  }
}

}  // namespace

fs::path expand_template(const OutputNames& names, const Song& song, const OutputKind& kind) {
  const std::string& text = names.name_template;
  if (text.empty() || text.ends_with('/')) refuse(text, "names no file");
  if (text.starts_with('/')) refuse(text, "leads out of the output folder; expected a relative path");
  std::string expanded;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '}') refuse(text, "} without {");
    if (text[at] != '{') {
      expanded += text[at];
      continue;
    }
    const std::size_t end = text.find('}', at);
    if (end == std::string::npos) refuse(text, "{ without }");
    expanded += field_value(names, text.substr(at + 1, end - at - 1), song, kind);
    at = end;
  }
  fs::path path;  // an empty {dir} leaves slashes that mean nothing
  for (const fs::path& part : fs::path(expanded).relative_path()) {
    if (part == "..") refuse(text, "leads out of the output folder: " + expanded);
    if (!part.empty() && part != ".") path /= part;
  }
  if (path.empty()) refuse(text, "names no file");
  return path;
}

std::vector<Job> plan_outputs(std::vector<Song> songs, const OutputNames& names,
                              const std::vector<OutputKind>& kinds) {
  if (names.tells_songs_apart) {
    for (const auto& group : collisions(songs, names, kinds)) tell_apart(group);
  }
  std::error_code code;
  std::map<fs::path, fs::path> inputs;  // as given, by what they are
  for (const Song& song : songs) {
    if (const fs::path file = fs::canonical(song.path, code); !code) inputs.emplace(file, song.path);
  }
  std::vector<Job> jobs;
  std::map<fs::path, fs::path> song_of_output;
  for (const Song& song : songs) {
    Job job{song, {}};
    for (const OutputKind& kind : kinds) {
      const fs::path path = (names.folder / expand_template(names, song, kind)).lexically_normal();
      const auto [taken, is_new] = song_of_output.emplace(path, song.path);
      if (!is_new && taken->second == song.path) {
        refuse(names.name_template,
               "two outputs of one song would be " + path.string() + "; {stem} is missing");
      }
      if (!is_new) {
        throw Error(ErrorKind::usage, "two songs for one output: " + path.string() + ": " +
                                          taken->second.string() + " and " + song.path.string() +
                                          "; see {dir}, {folder} and {input_ext} of --output-template");
      }
      if (const fs::path file = fs::canonical(path, code); !code && inputs.contains(file)) {
        throw Error(ErrorKind::usage, "an output would replace a song: " + path.string() + ": of " +
                                          song.path.string() + ", replaces " + inputs[file].string());
      }
      job.outputs.push_back({kind.stem, path});
    }
    jobs.push_back(std::move(job));
  }
  return jobs;
}

bool is_done(const Job& job) {
  return std::all_of(job.outputs.begin(), job.outputs.end(), [](const Output& output) {
    std::error_code code;
    return fs::exists(output.path, code);
  });
}

void check_free(const Job& job) {
  for (const Output& output : job.outputs) {
    std::error_code code;
    if (fs::exists(output.path, code)) {
      throw Error(ErrorKind::output,
                  "cannot write: " + output.path.string() + ": exists already; see --overwrite");
    }
  }
}

}  // namespace svsep
