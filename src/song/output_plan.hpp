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

/// A file that every song gets.
struct OutputKind {
  std::string stem;       ///< "vocals"
  std::string extension;  ///< "wav", without the dot
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

/// The path, relative to the output folder, that a template such as "{dir}/{track}/{stem}.{ext}" gives: {dir}
/// is song.folder, {track} song.track. Throws Error(usage): a field that does not exist, or a path that is
/// none or leads out of the output folder.
[[nodiscard]] std::filesystem::path expand_template(const std::string& text, const Song& song,
                                                    const OutputKind& kind);

/// Every song's outputs, settled before any work. Throws Error(usage): as expand_template, and where two
/// songs (or two kinds) would share a path or an output would replace one of the songs; the text names both.
[[nodiscard]] std::vector<Job> plan_outputs(const std::vector<Song>& songs,
                                            const std::filesystem::path& folder,
                                            const std::string& name_template,
                                            const std::vector<OutputKind>& kinds);

/// Whether all outputs of a song exist.
[[nodiscard]] bool is_done(const Job& job);

/// Throws Error(output) where an output exists already.
void check_free(const Job& job);

}  // namespace svsep
