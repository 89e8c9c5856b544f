#pragma once

#include "media/image_file.hpp"
#include "svsep/audio.hpp"

#include <memory>
#include <string>

namespace svsep {

/// A figure of one separation: the spectrograms of mixture, vocals and accompaniment, in dB below the loudest
/// place of the mixture, and the vocals' share of the magnitude, |V| / (|V| + |A|). Frequency is logarithmic
/// from 30 Hz to 20 kHz or half the rate. Every panel shows the mean of the channels. Streams: memory does
/// not grow with the song, whose length need not be known, and the image does not depend on how the samples
/// were cut into blocks. One thread at a time.
///
///     SpectrogramFigure figure(rate_hz, "My Song");
///     ... figure.push_mixture(block); ... figure.push_stems(vocals, accompaniment); ...
///     write_png(path, figure.draw());
class SpectrogramFigure {
 public:
  /// `title` is UTF-8 and is shortened to fit.
  SpectrogramFigure(int sample_rate_hz, const std::string& title);
  ~SpectrogramFigure();
  SpectrogramFigure(SpectrogramFigure&&) noexcept;
  SpectrogramFigure& operator=(SpectrogramFigure&&) noexcept;

  /// Takes the next block of the song, of any length and channel count.
  void push_mixture(const AudioBuffer& block);
  /// Takes the next blocks of the stems, which may lag behind the mixture but add up to its length.
  void push_stems(const AudioBuffer& vocals, const AudioBuffer& accompaniment);

  /// The finished figure, 1440 x 1160 pixels. No push after it.
  [[nodiscard]] Image draw();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace svsep
