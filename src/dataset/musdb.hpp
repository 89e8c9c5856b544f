#pragma once

#include "dataset/audio_store.hpp"
#include "svsep/stem_file.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace svsep {

/// Where a part of a song lies.
struct Source {
  Part part = Part::vocals;
  std::filesystem::path path;
  std::optional<Stem> stem = {};  ///< the stream of a stem file; else the file's first audio stream
};

/// One song of a MUSDB18 folder (`Name.stem.mp4`) or of a MUSDB18-HQ folder (`Name/vocals.wav`, ...).
struct Track {
  std::string name;
  std::filesystem::path path;          ///< the stem file or the folder
  bool is_stem_file = true;            ///< MUSDB18; else MUSDB18-HQ
  std::vector<Source> sources;         ///< the vocals and one part or more of the accompaniment
  std::filesystem::path mixture = {};  ///< the file of the mixture; empty where the folder has none
};

enum class Subset {
  train,
  validation,  ///< the folder valid/; where there is none, the songs of train/ that validation_songs()
               ///< chooses
  test,
};

/// The subset's name.
[[nodiscard]] const char* name_of(Subset subset);

/// Whether `musdb`/valid is a folder.
[[nodiscard]] bool has_validation_folder(const std::filesystem::path& musdb);

/// The songs of the subset's folder below `musdb`, by path; MUSDB18, MUSDB18-HQ and any folders with a file
/// per part may be mixed. A part has one of its usual names ("vocals", "voice"; "accompaniment",
/// "instrumental", "no_vocals", "other", "drums", "bass", ...), in any case and any audio format. Opens no
/// audio; hidden files are passed over, and a folder that is no song is named in a warning. Throws
/// Error(input) where the folder is missing or holds no song.
[[nodiscard]] std::vector<Track> list_tracks(const std::filesystem::path& musdb, Subset subset);

/// Which songs to set aside for validation, in the order of `names`: those that the musdb package (Stöter and
/// Liutkus, doi:10.5281/zenodo.3271451) predefines, and where none of them is there, the last ceil(n / 7).
[[nodiscard]] std::vector<bool> validation_songs(const std::vector<std::string>& names);

}  // namespace svsep
