#pragma once

#include "dataset/audio_store.hpp"
#include "dataset/musdb.hpp"
#include "svsep/dataset.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace svsep {

/// Something to train on, as it lies on the disk.
struct Item {
  std::string name;  ///< a song's title, else the path below its folder; not always unique
  Role role = Role::song;
  double weight = 1.0;
  std::filesystem::path folder;  ///< as the user gave it
  std::vector<Source> sources;
  bool validation = false;  ///< lies in a folder of songs to validate on
};

/// Reads DIR or DIR=WEIGHT. A folder that exists under the whole text is that folder, with weight 1; so is a
/// text in which no number follows the last '='. Throws Error(usage) where the weight is not above 0 and
/// finite.
[[nodiscard]] DataFolder parse_data_folder(const std::string& text);

/// All that the folders hold, by folder and name. Opens no audio. What is no whole song is named in a
/// warning. Throws Error(input) where a folder is missing or holds nothing of its kind, and Error(usage)
/// where neither songs nor both voices and accompaniments can come of the options.
[[nodiscard]] std::vector<Item> list_items(const DatasetOptions& options);

/// Sets validation recordings aside. Songs: where some are set aside already, those; else by name, see
/// musdb.hpp, and a single one is trained on. Of five or more voices (accompaniments) a sixteenth, chosen by
/// a hash of the name so that another file does not move the others, and at least one; of two to four, one
/// where no song is set aside. Throws Error(input) unless each side can then make mixtures: of a song, or of
/// voices and accompaniments.
void split_recordings(std::vector<Recording>& recordings);

}  // namespace svsep
