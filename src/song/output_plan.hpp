#pragma once

#include "song/inputs.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace svsep {

/// The output path that means standard output.
inline constexpr const char* kStdout = "-";

/// The name of the --plot output.
inline constexpr const char* kSpectrogram = "spectrogram";

/// The name of the --page output, and of the mix that its tracks are heard beside.
inline constexpr const char* kPage = "index";
inline constexpr const char* kMixture = "mixture";

/// Where the outputs go by default, in the output folder.
inline constexpr const char* kOutputTemplate = "{dir}/{name}/{stem}.{ext}";
/// The same for a song's stem file and what stands beside it.
inline constexpr const char* kStemFileTemplate = "{dir}/{name}.{ext}";

/// A file that every song gets.
struct OutputKind {
  std::string stem;       ///< "vocals"
  std::string extension;  ///< "wav", without the dot; empty: of a film made from the song
};

/// One file of one song.
struct Output {
  std::string stem;
  std::filesystem::path path;
};

/// One song and what becomes of it.
struct Job {
  Song song;
  std::vector<Output> outputs;  ///< in the order of the kinds
};

/// How outputs are named.
struct OutputNames {
  std::filesystem::path folder;
  std::string name_template = kOutputTemplate;
  /// Whether songs that would share a path get one that tells them apart: in {dir} the shortest part of their
  /// folders' paths that does, and in {name} the extension where they lie in one folder.
  bool tells_songs_apart = true;
  std::string model = {};  ///< {model}
};

/// The path, relative to names.folder, that the template gives. Fields: {dir} is song.folder, {folder} the
/// name of the folder that holds the song, {name} song.name, {input_ext} the song's extension without the
/// dot, {title} and {artist} what its tags say (its name, and "Unknown artist", where they do not), {model},
/// {stem}, {ext}. Throws Error(usage): a field that does not exist, or a path that is none or leads out of
/// the output folder.
[[nodiscard]] std::filesystem::path expand_template(const OutputNames& names, const Song& song,
                                                    const OutputKind& kind);

/// Every song's outputs, settled before any work. Throws Error(usage): as expand_template, and where two
/// songs (or two kinds) would share a path or an output would replace one of the songs; the text names both.
[[nodiscard]] std::vector<Job> plan_outputs(std::vector<Song> songs, const OutputNames& names,
                                            const std::vector<OutputKind>& kinds);

/// Whether all outputs of a song exist.
[[nodiscard]] bool is_done(const Job& job);

/// Throws Error(output) where an output exists already.
void check_free(const Job& job);

}  // namespace svsep
