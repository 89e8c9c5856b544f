#include "song/output_plan.hpp"

#include "svsep/error.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <system_error>

namespace svsep {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& text, const std::string& reason) {
  throw Error(ErrorKind::usage, "--output-template " + text + ": " + reason);
}

std::string field_value(const std::string& text, const std::string& name, const Song& song,
                        const OutputKind& kind) {
  if (name == "dir") return song.folder.string();
  if (name == "track") return song.track;
  if (name == "stem") return kind.stem;
  if (name == "ext") return kind.extension;
  refuse(text, "no such field; expected {dir}, {track}, {stem} or {ext}, got {" + name + "}");
}

}  // namespace

fs::path expand_template(const std::string& text, const Song& song, const OutputKind& kind) {
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
    expanded += field_value(text, text.substr(at + 1, end - at - 1), song, kind);
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

std::vector<Job> plan_outputs(const std::vector<Song>& songs, const fs::path& folder,
                              const std::string& name_template, const std::vector<OutputKind>& kinds) {
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
      const fs::path path = (folder / expand_template(name_template, song, kind)).lexically_normal();
      const auto [taken, is_new] = song_of_output.emplace(path, song.path);
      if (!is_new && taken->second == song.path) {
        refuse(name_template, "two outputs of one song would be " + path.string() + "; {stem} is missing");
      }
      if (!is_new) {
        throw Error(ErrorKind::usage, "two songs for one output: " + path.string() + ": " +
                                          taken->second.string() + " and " + song.path.string());
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
