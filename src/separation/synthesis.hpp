#pragma once

#include "separation/masker.hpp"
#include "svsep/separator.hpp"
#include "svsep/stft.hpp"

#include <complex>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace svsep {

/// What becomes stems in one go: some frames with their masks, and the song's samples since the last batch.
struct MaskedFrames {
  std::vector<std::vector<std::complex<float>>> frames;  ///< [channel][frame x bins]
  std::vector<std::vector<float>> samples;               ///< [channel]
  std::vector<float> mask;                               ///< [frame x band bins]
  std::size_t count = 0;                                 ///< frames
};

/// The second half of MaskSeparator: masked frames to samples of both stems. One thread at a time.
class Synthesis {
 public:
  /// Takes equally long blocks of both stems.
  using Sink = std::function<void(AudioBuffer vocals, AudioBuffer accompaniment)>;

  /// What the stems are made with. Rates in Hz.
  struct Form {
    StftParameters stft;        ///< at the song's rate
    std::size_t band_bins = 0;  ///< that a mask covers
    int song_rate_hz = 0;
    int stem_rate_hz = 0;
    std::size_t channels = 0;  ///< 1 or more
    Thresholds thresholds;
    HighBand high_band = HighBand::split;
    AccompanimentSource accompaniment = AccompanimentSource::mask;
  };

  Synthesis(const Form& form, Sink sink);
  ~Synthesis();

  void push(const MaskedFrames& batch);
  /// Gives the rest. No push after it.
  void finish();

 private:
  class ChannelStems;

  void deliver();

  std::size_t bins_;
  std::size_t band_bins_;
  Masker masker_;
  std::vector<std::unique_ptr<ChannelStems>> channels_;
  Sink sink_;
};

}  // namespace svsep
