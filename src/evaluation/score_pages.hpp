#pragma once

#include "evaluation/scores.hpp"
#include "page/page.hpp"
#include "svsep/audio.hpp"
#include "svsep/existing_file.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace svsep {

/// Pages to hear references and estimates beside each other: FOLDER/SONG/index.html with FLAC files, and an
/// overview of all songs, FOLDER/index.html.
class ScorePages {
 public:
  /// Throws Error(output) where the overview or a page of these songs is there and is to be kept.
  ScorePages(std::filesystem::path folder, const std::vector<std::string>& songs, ExistingFile existing);

  /// References, estimates and scores have the same stems in the same order; estimates open audible,
  /// references muted. Throws Error(output), also where a file is there that is to be kept.
  void write(const std::string& song, const TrackScores& scores, int sample_rate_hz,
             const std::vector<AudioBuffer>& references, const std::vector<AudioBuffer>& estimates);
  /// Writes the overview. Throws Error(output).
  void finish() const;

 private:
  std::filesystem::path folder_;
  ExistingFile existing_;
  std::vector<PageLink> links_;
};

}  // namespace svsep
