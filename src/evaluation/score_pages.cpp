#include "evaluation/score_pages.hpp"

#include "core/atomic_file.hpp"
#include "svsep/encoder.hpp"
#include "svsep/error.hpp"

#include <cmath>
#include <fmt/format.h>
#include <utility>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPageFile = "index.html";

void write_flac(const fs::path& path, const AudioBuffer& audio, int sample_rate_hz, ExistingFile existing) {
  Encoder encoder(path, {AudioFormat::flac, sample_rate_hz, static_cast<int>(audio.channels.size())});
  encoder.write(audio);
  encoder.finish(existing);
}

std::string title_of(const TargetScores& scores) {
  if (!std::isfinite(scores.global_sdr_db)) return scores.name + ", estimate";
  return fmt::format("{}, estimate (uSDR {:.2f} dB)", scores.name, scores.global_sdr_db);
}

}  // namespace

ScorePages::ScorePages(fs::path folder, const std::vector<std::string>& songs, ExistingFile existing)
    : folder_(std::move(folder)), existing_(existing) {
  std::vector<fs::path> pages = {folder_ / kPageFile};
  for (const std::string& song : songs) pages.push_back(folder_ / song / kPageFile);
  for (const fs::path& page : pages) {
    if (existing == ExistingFile::replace || !fs::exists(page)) continue;
    throw Error(ErrorKind::output,
                fmt::format("cannot write: {}: exists already; see --overwrite", page.string()));
  }
}

void ScorePages::write(const std::string& song, const TrackScores& scores, int sample_rate_hz,
                       const std::vector<AudioBuffer>& references,
                       const std::vector<AudioBuffer>& estimates) {
  const fs::path folder = folder_ / song;
  std::vector<PageTrack> tracks;
  for (const TargetScores& stem : scores) {
    tracks.push_back({stem.name + ", reference", stem.name + " reference.flac", true});
    tracks.push_back({title_of(stem), stem.name + " estimate.flac"});
  }
  SongPage page(sample_rate_hz, song, tracks);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    page.push(2 * i, references[i]);
    page.push(2 * i + 1, estimates[i]);
    write_flac(folder / tracks[2 * i].file, references[i], sample_rate_hz, existing_);
    write_flac(folder / tracks[2 * i + 1].file, estimates[i], sample_rate_hz, existing_);
  }
  write_file(folder / kPageFile, page.html(), existing_);
  const double duration_s = static_cast<double>(references.front().samples()) / sample_rate_hz;
  links_.push_back({song, fs::path(song) / kPageFile, duration_s});
}

void ScorePages::finish() const {
  if (!links_.empty()) write_overview_page(folder_ / kPageFile, "Scores", links_);
}

}  // namespace svsep
