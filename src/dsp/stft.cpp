#include "svsep/stft.hpp"

#include "dsp/framing.hpp"
#include "dsp/real_fft.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace svsep {
namespace {

constexpr std::size_t kMaxFftSamples = 1048576;

/// A real signal of n samples, its spectrum of n / 2 + 1 bins, and the way from one to the other.
struct Transform {
  explicit Transform(std::size_t size)
      : fft(size, RealFft<float>::Input::kept),
        samples(make_fftw_array<float>(size)),
        bins(make_fftw_array<std::complex<float>>(fft.bins())) {}

  void forward() const { fft.forward(samples.get(), bins.get()); }
  void inverse() const { fft.inverse(bins.get(), samples.get()); }

  RealFft<float> fft;
  FftwArray<float> samples;
  FftwArray<std::complex<float>> bins;
};

const StftParameters& validated(const StftParameters& parameters) {
  validate(parameters);
  return parameters;
}

}  // namespace

void validate(const StftParameters& parameters) {
  const auto [fft, window, hop] = parameters;
  const bool even = fft % 2 == 0 && window % 2 == 0 && hop % 2 == 0;
  if (even && hop >= 2 && hop <= window / 2 && window % hop == 0 && window <= fft && fft <= kMaxFftSamples)
    return;
  throw Error(ErrorKind::model,
              "unusable STFT sizes: expected even ones with 2 <= hop <= window/2, window a multiple of hop, "
              "window <= fft <= 1048576, got fft " +
                  std::to_string(fft) + ", window " + std::to_string(window) + ", hop " +
                  std::to_string(hop));
}

struct Stft::Impl {
  Impl(const StftParameters& sizes, Sink frame_sink)
      : parameters(validated(sizes)),
        sink(std::move(frame_sink)),
        window(periodic_hann(sizes.window_samples)),
        fft(sizes.fft_samples) {}

  [[nodiscard]] std::size_t half() const noexcept { return window.size() / 2; }

  /// Puts the reflected start before the buffer, which still begins with sample 0.
  void pad_start() {
    std::vector<float> padded(half());
    for (std::size_t i = 0; i < half(); ++i) {
      padded[i] =
          buffer[reflected(static_cast<std::ptrdiff_t>(i) - static_cast<std::ptrdiff_t>(half()), samples)];
    }
    buffer.insert(buffer.begin(), padded.begin(), padded.end());
    padded_start = true;
  }

  /// Gives all frames below `frame_end` whose window the buffer covers, and forgets what no later one needs.
  void emit(std::size_t frame_end) {
    for (; frames < frame_end; ++frames) {
      const std::size_t start = frames * parameters.hop_samples - buffer_start;
      if (start + window.size() > buffer.size()) break;
      // The rest of the frame stays zero: the window is in the middle of it.
      float* middle = fft.samples.get() + (parameters.fft_samples - window.size()) / 2;
      for (std::size_t i = 0; i < window.size(); ++i) middle[i] = window[i] * buffer[start + i];
      fft.forward();
      sink({fft.bins.get(), parameters.bins()});
    }
    // One sample more than the next frame needs, since the reflection at the end begins beside the last one.
    const std::size_t needed = frames * parameters.hop_samples;
    if (needed <= buffer_start + 1) return;
    const std::size_t forgotten = needed - 1 - buffer_start;
    buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(forgotten));
    buffer_start += forgotten;
  }

  StftParameters parameters;
  Sink sink;
  std::vector<float> window;
  Transform fft;
  std::vector<float> buffer;     // from sample buffer_start - half() on, once the start is padded
  std::size_t buffer_start = 0;  // counted from the start of the padded signal, where frame 0 begins
  std::size_t samples = 0;       // taken so far
  std::size_t frames = 0;        // given so far
  bool padded_start = false;
};

Stft::Stft(const StftParameters& parameters, Sink sink)
    : impl_(std::make_unique<Impl>(parameters, std::move(sink))) {}
Stft::~Stft() = default;
Stft::Stft(Stft&&) noexcept = default;
Stft& Stft::operator=(Stft&&) noexcept = default;

void Stft::push(Samples samples) {
  Impl& self = *impl_;
  while (!samples.empty()) {  // piece by piece, so that a long push needs no long buffer
    const Samples piece = samples.first(std::min(samples.size(), self.parameters.fft_samples));
    samples = samples.subspan(piece.size());
    self.buffer.insert(self.buffer.end(), piece.begin(), piece.end());
    self.samples += piece.size();
    if (!self.padded_start && self.samples > self.half()) self.pad_start();
    if (self.padded_start) self.emit(std::numeric_limits<std::size_t>::max());
  }
}

void Stft::finish() {
  Impl& self = *impl_;
  if (self.samples == 0) return;
  if (!self.padded_start) self.pad_start();
  for (std::size_t i = 0; i < self.half(); ++i) {
    const std::size_t source = reflected(static_cast<std::ptrdiff_t>(self.samples + i), self.samples);
    self.buffer.push_back(self.buffer[source + self.half() - self.buffer_start]);
  }
  self.emit(self.parameters.frames(self.samples));
}

struct InverseStft::Impl {
  Impl(const StftParameters& sizes, Sink sample_sink)
      : parameters(validated(sizes)),
        sink(std::move(sample_sink)),
        window(periodic_hann(sizes.window_samples)),
        fft(sizes.fft_samples),
        sum(sizes.window_samples),
        weight(sizes.window_samples),
        to_skip(sizes.window_samples / 2) {}

  /// Gives the first `count` samples of the overlap, less those before sample 0, and moves the rest up.
  void emit(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      if (weight[i] >= std::numeric_limits<float>::min()) sum[i] /= weight[i];
    }
    const std::size_t skipped = std::min(count, to_skip);
    to_skip -= skipped;
    if (count > skipped) sink(Samples(sum).subspan(skipped, count - skipped));
    given += count - skipped;
    for (std::vector<float>* values : {&sum, &weight}) {
      std::fill(std::shift_left(values->begin(), values->end(), static_cast<std::ptrdiff_t>(count)),
                values->end(), 0.0F);
    }
  }

  StftParameters parameters;
  Sink sink;
  std::vector<float> window;
  Transform fft;
  std::vector<float> sum;     // of windowed frames, from the start of the next frame's window on
  std::vector<float> weight;  // sum of the squared windows there
  std::size_t to_skip;        // the first frames' windows begin before sample 0
  std::size_t given = 0;      // samples so far
};

InverseStft::InverseStft(const StftParameters& parameters, Sink sink)
    : impl_(std::make_unique<Impl>(parameters, std::move(sink))) {}
InverseStft::~InverseStft() = default;
InverseStft::InverseStft(InverseStft&&) noexcept = default;
InverseStft& InverseStft::operator=(InverseStft&&) noexcept = default;

void InverseStft::push(Spectrum frame) {
  Impl& self = *impl_;
  assert(frame.size() == self.parameters.bins());
  std::copy_n(frame.begin(), self.parameters.bins(), self.fft.bins.get());
  // A real signal has none there; FFTW leaves open what it makes of one.
  self.fft.bins[0].imag(0.0F);
  self.fft.bins[self.parameters.fft_samples / 2].imag(0.0F);
  self.fft.inverse();
  const float scale = 1.0F / static_cast<float>(self.parameters.fft_samples);
  const float* middle = self.fft.samples.get() + (self.parameters.fft_samples - self.window.size()) / 2;
  for (std::size_t i = 0; i < self.window.size(); ++i) {
    self.sum[i] += self.window[i] * (scale * middle[i]);
    self.weight[i] += self.window[i] * self.window[i];
  }
  self.emit(self.parameters.hop_samples);
}

void InverseStft::finish(std::size_t samples) {
  Impl& self = *impl_;
  while (self.given < samples) {  // what the frames left, then zeros
    self.emit(std::min(self.window.size(), self.to_skip + samples - self.given));
  }
}

}  // namespace svsep
