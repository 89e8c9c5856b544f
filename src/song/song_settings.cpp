#include "song/song_settings.hpp"

#include <algorithm>

namespace svsep {

std::vector<std::string> needed_stems(const SongSettings& settings) {
  std::vector<std::string> stems;
  const auto need = [&](const std::string& stem) {
    if (std::find(stems.begin(), stems.end(), stem) == stems.end()) stems.push_back(stem);
  };
  for (const Mix& mix : settings.mixes) {
    for (const auto& [stem, gain] : mix.gains) need(stem);
  }
  if (settings.mixes.empty()) std::for_each(settings.stem_file.begin(), settings.stem_file.end(), need);
  if (settings.plot) need("vocals"), need("accompaniment");
  return stems;
}

}  // namespace svsep
