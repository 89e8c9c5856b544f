#pragma once

#include "svsep/audio.hpp"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace svsep {

/// One audio file of a page.
struct PageTrack {
  std::string name;            ///< shown; UTF-8
  std::filesystem::path file;  ///< relative to the page's folder
  bool muted = false;          ///< when the page opens
};

/// A page to look and listen: every track of a song with its spectrogram, played in sync, with mute, solo,
/// volume, seeking and a loop. One HTML file without network access; the audio files stay beside it. Streams:
/// memory does not grow with the song. One thread at a time per track.
///
///     SongPage page(rate_hz, "My Song", {{"mixture", "mixture.wav", true}, {"vocals", "vocals.wav"}});
///     ... page.push(0, mixture); ... page.push(1, vocals); ...
///     write_file("index.html", page.html());
class SongPage {
 public:
  SongPage(int sample_rate_hz, std::string title, std::vector<PageTrack> tracks);
  ~SongPage();
  SongPage(const SongPage&) = delete;
  SongPage& operator=(const SongPage&) = delete;

  /// Takes the next block of a track, of any length; all tracks have the same length in the end.
  void push(std::size_t track, const AudioBuffer& block);
  /// The finished page. No push after it.
  [[nodiscard]] std::string html();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A song of an overview.
struct PageLink {
  std::string name;            ///< shown; UTF-8
  std::filesystem::path page;  ///< relative to the overview's folder
  double duration_s = 0.0;
};

/// Writes a page that links the songs' pages, through an AtomicFile. Throws Error(output).
void write_overview_page(const std::filesystem::path& path, const std::string& title,
                         const std::vector<PageLink>& songs);

}  // namespace svsep
