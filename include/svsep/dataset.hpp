#pragma once

#include <filesystem>
#include <vector>

namespace svsep {

/// A folder of training audio.
struct DataFolder {
  std::filesystem::path folder;
  double weight = 1.0;  ///< how often it is drawn from, beside the other folders of its kind; > 0
};

/// Where training audio comes from.
struct DatasetOptions {
  std::vector<DataFolder> musdb = {};          ///< MUSDB18, MUSDB18-HQ or the 7-second sample
  std::vector<DataFolder> vocals = {};         ///< voices alone, any format and length
  std::vector<DataFolder> accompaniment = {};  ///< music without voices
  std::filesystem::path cache_dir = {};        ///< decoded audio; empty: the user's cache folder
  int workers = 0;                             ///< threads that decode, mix and transform; 0: all processors
};

/// How pieces are made.
enum class Recipe {
  thesis,  ///< one random channel of a random piece of a song
  remix,   ///< random voices over random accompaniments, augmented; see docs/train.md
};

}  // namespace svsep
