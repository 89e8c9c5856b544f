#pragma once

/// The picture of a spectrogram as numbers. Private to plot/ and page/.

#include "plot/axis.hpp"
#include "svsep/audio.hpp"
#include "svsep/stft.hpp"

#include <cstddef>
#include <vector>

namespace svsep::plot {

/// The frequencies that spectrograms show: logarithmic from 30 Hz to 20 kHz or half the rate.
[[nodiscard]] Scale frequency_scale(int sample_rate_hz);

/// The power of one signal, the mean of its channels, by time and pixel row. Streams: memory does not grow
/// with the song, and the picture does not depend on how the samples were cut into blocks. Columns are means
/// of equally many frames; when there are too many, neighbours are merged. One thread at a time.
class PowerColumns {
 public:
  /// For pictures of `width` x `height` pixels.
  PowerColumns(int sample_rate_hz, int width, int height);
  PowerColumns(const PowerColumns&) = delete;  // the STFT's sink points into this object
  PowerColumns& operator=(const PowerColumns&) = delete;

  void push(const AudioBuffer& block);
  /// Turns the sums into means. No push after it.
  void finish();

  [[nodiscard]] std::size_t samples() const noexcept { return samples_; }
  /// After finish.
  [[nodiscard]] float loudest() const;
  /// After finish: the `height` powers of the pixel column x, from the highest frequency down.
  [[nodiscard]] std::vector<float> pixels(int x) const;

 private:
  /// Which bins a pixel row shows: the loudest inside it, or where it is narrower than a bin, the power
  /// between two.
  struct Row {
    std::size_t below = 0;  ///< the bin under the row's centre
    float above_share = 0.0F;
    std::size_t first = 0;  ///< the bins whose centres lie inside, if any
    std::size_t end = 0;
  };

  PowerColumns(int sample_rate_hz, const StftParameters& parameters, int width, int height);
  void take(Spectrum frame);
  void merge();

  std::size_t width_;
  std::size_t hop_samples_;
  Stft stft_;
  std::vector<Row> rows_;      // from the top
  std::vector<float> powers_;  // of a frame's bins
  std::vector<float> mean_;    // of a block's channels
  std::vector<float> sums_;  // a value per row and column, from the top; only the last column can lack frames
  std::size_t frames_per_column_ = 1;
  std::size_t frames_ = 0;
  std::size_t samples_ = 0;
};

}  // namespace svsep::plot
