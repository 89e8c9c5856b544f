#pragma once

#include "core/rng.hpp"
#include "dataset/audio_store.hpp"
#include "recipe/mixer.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace svsep {

[[nodiscard]] inline bool chance(double share, Rng& rng) { return rng.uniform() < share; }

[[nodiscard]] bool has_part(const Recording& recording, Part part);

/// Recordings to choose from, each as often as its share says.
class Pool {
 public:
  void add(const Recording& recording, double share) {
    recordings_.push_back(&recording);
    shares_up_to_.push_back(share + (shares_up_to_.empty() ? 0.0 : shares_up_to_.back()));
  }
  [[nodiscard]] const Recording& draw(Rng& rng) const {
    const double at = rng.uniform(0.0, shares_up_to_.back());
    const auto found = std::upper_bound(shares_up_to_.begin(), shares_up_to_.end() - 1, at);
    return *recordings_[static_cast<std::size_t>(found - shares_up_to_.begin())];
  }
  [[nodiscard]] const Recording& at(std::size_t index) const { return *recordings_.at(index); }
  [[nodiscard]] std::size_t size() const noexcept { return recordings_.size(); }
  [[nodiscard]] bool empty() const noexcept { return recordings_.empty(); }

 private:
  std::vector<const Recording*> recordings_;
  std::vector<double> shares_up_to_;
};

/// The recordings of a store that the recipe draws from, by what they are good for.
struct Pools {
  /// Throws Error(input) where the store lacks what the recipe needs.
  Pools(const AudioStore& audio, const MixerOptions& options);

  Pool songs;
  Pool voices, accompaniments;            // of their own
  Pool song_voices, song_accompaniments;  // songs that have these parts
  std::set<const Recording*> narrow;      // recordings whose voices are
};

/// The first result of draw(attempt, last) that is one; `last` names what was drawn. Throws Error(input).
template <typename Draw>
auto first_audible(const char* what, std::size_t recordings, const Draw& draw) {
  constexpr std::size_t kDrawsPerRecording = 20;  // then even one good recording among many was met
  const std::size_t attempts = kDrawsPerRecording * recordings;
  std::string last;
  for (std::size_t attempt = 0; attempt < attempts; ++attempt) {
    if (auto result = draw(attempt, last)) return *std::move(result);
  }
  throw Error(ErrorKind::input, std::string("cannot draw ") + what + " that can be heard from " +
                                    std::to_string(recordings) + " recordings in " +
                                    std::to_string(attempts) + " draws; the last one: " + last +
                                    " is silent");
}

}  // namespace svsep
