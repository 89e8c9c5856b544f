#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

namespace svsep {

/// Streaming sample rate conversion of one channel (libsamplerate). Output sample k lies at the time k /
/// to_hz, so a song and its stems stay aligned; equal rates pass samples through unchanged and at once. The
/// output does not depend on how the input was cut into pushes. Before the first sample and after the last
/// one it takes silence. Latency: 1024 input samples and half the filter. One thread at a time an object.
class Resampler {
 public:
  using Sink = std::function<void(std::span<const float>)>;

  /// Rates in 1..768000 Hz with a ratio within 1/256..256 (libsamplerate's range); otherwise Error(input).
  Resampler(int from_hz, int to_hz, Sink sink);
  ~Resampler();
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;

  void push(std::span<const float> samples);
  /// Gives the rest, so that the total is exactly output_samples(all input samples). No push after it.
  void finish();
  /// As finish(), with the total stated by the caller (cut, or zero-filled): the way back to a known length.
  /// What was given already stays given.
  void finish(std::size_t total_samples);

  /// round(input_samples * to_hz / from_hz), in exact integer arithmetic.
  [[nodiscard]] std::size_t output_samples(std::size_t input_samples) const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace svsep
