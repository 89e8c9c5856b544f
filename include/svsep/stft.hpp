#pragma once

#include <complex>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>

namespace svsep {

/// Sizes of a short-time Fourier transform in samples. The window is a periodic Hann of `window_samples`,
/// centred in the frame of `fft_samples`.
struct StftParameters {
  std::size_t fft_samples = 4096;
  std::size_t window_samples = 1024;
  std::size_t hop_samples = 256;

  [[nodiscard]] std::size_t bins() const noexcept { return fft_samples / 2 + 1; }
  /// Frames of a signal: one is centred on every hop_samples-th sample, the first on sample 0.
  [[nodiscard]] std::size_t frames(std::size_t samples) const noexcept {
    return samples == 0 ? 0 : 1 + samples / hop_samples;
  }
  bool operator==(const StftParameters&) const = default;
};

/// Throws Error(model) unless the sizes are consistent: even, 2 <= hop <= window/2, window <= fft <= 2^20,
/// and the window a multiple of the hop.
void validate(const StftParameters& parameters);

using Spectrum = std::span<const std::complex<float>>;  ///< one frame, bins() values
using Samples = std::span<const float>;

/// Streaming STFT of one channel, unnormalised, as librosa.stft(center=True, pad_mode="reflect"): the frames
/// do not depend on how the samples were cut into pushes. Latency: window_samples / 2. FFTW behind; one
/// thread at a time an object, objects are independent.
class Stft {
 public:
  using Sink = std::function<void(Spectrum)>;

  Stft(const StftParameters& parameters, Sink sink);
  ~Stft();
  Stft(Stft&&) noexcept;
  Stft& operator=(Stft&&) noexcept;

  /// Takes any number of samples; calls the sink for each frame that is complete.
  void push(Samples samples);
  /// Reflects the end and gives the last frames: parameters.frames(all samples) in total. A signal too short
  /// to reflect is mirrored repeatedly, as numpy.pad(mode="reflect") does. No push after it.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Streaming inverse: windowed overlap-add divided by the summed squared windows, as
/// librosa.istft(center=True), so that Stft followed by InverseStft returns the samples (to float
/// precision; but where hop = window / 2, the last samples can lie where the only window is almost 0). Same
/// latency and threading as Stft.
class InverseStft {
 public:
  using Sink = std::function<void(Samples)>;

  InverseStft(const StftParameters& parameters, Sink sink);
  ~InverseStft();
  InverseStft(InverseStft&&) noexcept;
  InverseStft& operator=(InverseStft&&) noexcept;

  /// Takes one frame; gives the samples that no later frame touches.
  void push(Spectrum frame);
  /// Gives the rest, cut or zero-filled to `samples` in total over all calls; what was given already stays
  /// given. No push after it.
  void finish(std::size_t samples);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace svsep
