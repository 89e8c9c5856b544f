#include "cli/verbs.hpp"
#include "dataset/collection.hpp"
#include "evaluation/museval_json.hpp"
#include "fuzz.hpp"
#include "song/inputs.hpp"
#include "song/output_plan.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace {

namespace fs = std::filesystem;
using svsep::fuzz::MemoryFile;
using svsep::fuzz::require;
using Fields = std::vector<std::string>;

/// At least `least` of them.
Fields split(std::string_view text, char separator, std::size_t least = 1) {
  Fields fields;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    fields.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  fields.resize(std::max(fields.size(), least));
  return fields;
}

/// A list of songs. Not one that names folders of this machine, which would be searched.
void list(std::string_view text) {
  for (std::string line : split(text, '\n')) {
    std::error_code code;
    if (line.ends_with('\r')) line.pop_back();
    if (fs::is_directory(line, code)) return;
  }
  const MemoryFile file(text);
  for (const svsep::Song& song : svsep::find_songs({{}, file.path(), false, {}, "separated"}).songs) {
    require(!song.path.empty(), "a song has a path");
  }
}

/// A template, and the folder, track, stem and extension that it is filled with.
void output_template(std::string_view text) {
  const Fields fields = split(text, '\0', 5);
  const fs::path path = svsep::expand_template({"", fields[0], false, "model"},
                                               {"song.wav", fields[1], fields[2]}, {fields[3], fields[4]});
  require(!path.empty() && path.is_relative(), "an output lies in the output folder");
  require(std::find(path.begin(), path.end(), "..") == path.end(), "an output does not leave that folder");
}

void shard(std::string_view text) {
  const svsep::Shard shard = svsep::parse_shard(std::string(text));
  require(shard.index >= 1 && shard.index <= shard.count, "a shard is one of all");
}

void data_folder(std::string_view text) {
  const svsep::DataFolder folder = svsep::parse_data_folder(std::string(text));
  require(std::isfinite(folder.weight) && folder.weight > 0, "a weight is above 0");
}

/// Scores, which written again are the same.
void museval_json(std::string_view text) {
  const MemoryFile file(text);
  const svsep::ScoreFile read = svsep::read_museval_json(file.path());
  static_cast<void>(svsep::summarise({read.scores, read.scores}));
  const std::string written = svsep::to_museval_json(read.scores, read.scored);
  const MemoryFile again(written);
  const svsep::ScoreFile kept = svsep::read_museval_json(again.path());
  require(svsep::to_museval_json(kept.scores, kept.scored) == written, "scores are kept");
}

/// The name of a stem, which is a file's and so any bytes.
void stem_name(std::string_view text) {
  static_cast<void>(svsep::to_museval_json({{std::string(text), {}, 0.0, 0.0}}));
}

/// A command line, an argument a line; what it asks for is not done.
void command_line(std::string_view text) {
  CLI::App app;
  svsep::cli::Action action;
  svsep::cli::add_separate(app, action);
  svsep::cli::add_train(app, action);
  svsep::cli::add_evaluate(app, action);
  svsep::cli::add_info(app, action);
  Fields arguments = split(text, '\n');
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError&) {
  }
}

}  // namespace

/// Texts that a user writes or that lie in small files; the first letter says which.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = svsep::fuzz::text_of(data, size).substr(1);
  svsep::fuzz::expect_only_errors([&] {
    switch (*data) {
      case 'l':
        return list(text);
      case 't':
        return output_template(text);
      case 's':
        return shard(text);
      case 'd':
        return data_folder(text);
      case 'j':
        return museval_json(text);
      case 'n':
        return stem_name(text);
      case 'c':
        return command_line(text);
      default:
        return;
    }
  });
  return 0;
}
