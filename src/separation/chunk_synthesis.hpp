#pragma once

#include "dsp/resampler.hpp"
#include "separation/chunk_cutter.hpp"
#include "separation/overlap_add.hpp"
#include "separation/stems.hpp"
#include "svsep/separator.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace svsep {

/// The second half of ChunkSeparator: chunks of the model's stems to samples of the wanted ones. One thread
/// at a time.
class ChunkSynthesis {
 public:
  /// What the stems are made with. Rates in Hz.
  struct Form {
    ChunkParameters chunks;
    ChunkEnds ends = ChunkEnds::reflected;
    std::size_t channels = 0;  ///< of the song
    int song_rate_hz = 0;
    int stem_rate_hz = 0;
    std::vector<StemSum> wanted;  ///< of the sink, in its order
  };

  ChunkSynthesis(Form form, Separator::Sink sink);
  ChunkSynthesis(const ChunkSynthesis&) = delete;  // the stages' sinks point into this object
  ChunkSynthesis& operator=(const ChunkSynthesis&) = delete;

  /// Takes samples of the mixture at the song's rate; they must not come after the chunks they are in.
  void push_mixture(const AudioBuffer& block);
  /// Takes the stems of a chunk as the network gives them: [group of channels][stems][channels][samples], see
  /// channel_groups().
  void push(const ChunkPlace& place, std::span<const float> stems);
  /// Gives the rest, as long as the mixture was. No push after it.
  void finish();

 private:
  /// One channel on its way to the stems' rate, and what has arrived there.
  struct Path {
    Path(int from_hz, int to_hz);
    std::vector<float> ready;
    Resampler resampler;
  };

  void deliver();

  Form form_;
  std::vector<std::size_t> used_;                  ///< of the model's stems, those that are looked at
  std::vector<std::unique_ptr<Path>> mixture_;     ///< of each channel; empty: no wanted stem needs it
  std::vector<std::unique_ptr<Path>> stem_paths_;  ///< [used stem][channel]
  std::vector<std::vector<float>> means_;          ///< of the network's channels, where a song has fewer
  OverlapAdd overlap_;
  std::size_t song_samples_ = 0;
  Separator::Sink sink_;
};

/// How many inputs of a network one chunk of a song makes: channels go in pairs (or one by one) in their
/// order; where one is alone, a network of two channels hears it on both, and the mean of both is its stem.
[[nodiscard]] std::size_t channel_groups(std::size_t song_channels, std::size_t network_channels);

/// The channel of the song that the network hears on channel `network_channel` of group `group`.
[[nodiscard]] std::size_t song_channel(std::size_t group, std::size_t network_channel,
                                       std::size_t network_channels, std::size_t song_channels);

}  // namespace svsep
