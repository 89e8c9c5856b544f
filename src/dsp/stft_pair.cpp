#include "dsp/stft_pair.hpp"

#include "dsp/fftw.hpp"
#include "dsp/framing.hpp"
#include "svsep/core/error.hpp"

#include <array>
#include <cassert>
#include <string>
#include <vector>

namespace svsep {
namespace {

/// The samples under the window of a frame: of the signal itself, or copied where it has to be reflected.
Samples under_window(const StftParameters& parameters, Samples signal, std::size_t frame,
                     std::vector<float>& scratch) {
  const auto start = static_cast<std::ptrdiff_t>(frame * parameters.hop_samples) -
                     static_cast<std::ptrdiff_t>(parameters.window_samples / 2);
  const auto length = static_cast<std::ptrdiff_t>(parameters.window_samples);
  if (start >= 0 && start + length <= std::ssize(signal)) {
    return signal.subspan(static_cast<std::size_t>(start), parameters.window_samples);
  }
  scratch.resize(parameters.window_samples);
  for (std::ptrdiff_t i = 0; i < length; ++i) {
    std::ptrdiff_t position = start + i;
    // Only what is beyond the ends is reflected, so that a signal shorter than a window is mirrored
    // repeatedly.
    if (position < 0 || position >= std::ssize(signal)) {
      position = static_cast<std::ptrdiff_t>(reflected(position, signal.size()));
    }
    scratch[static_cast<std::size_t>(i)] = signal[static_cast<std::size_t>(position)];
  }
  return scratch;
}

bool is_silent(Samples samples) {
  return std::all_of(samples.begin(), samples.end(), [](float x) { return x == 0.0F; });
}

}  // namespace

// The transform of first + i second, from whose even and odd parts come those of both. The frame is not zero
// outside `window`, so the time shift to its middle is in the buffer, as in Stft.
struct StftPair::Impl {
  explicit Impl(const StftParameters& sizes)
      : parameters(sizes),
        window(periodic_hann(sizes.window_samples)),
        real(make_fftw_array<float>(sizes.fft_samples)),
        imaginary(make_fftw_array<float>(sizes.fft_samples)),
        real_bins(make_fftw_array<float>(sizes.fft_samples)),
        imaginary_bins(make_fftw_array<float>(sizes.fft_samples)),
        values(4 * sizes.bins()) {
    validate(sizes);
    const int n = static_cast<int>(sizes.fft_samples);
    const fftwf_iodim dimension{n, 1, 1};
    const std::lock_guard lock(planner_mutex());
    plan.reset(fftwf_plan_guru_split_dft(1, &dimension, 0, nullptr, real.get(), imaginary.get(),
                                         real_bins.get(), imaginary_bins.get(),
                                         FFTW_ESTIMATE | FFTW_PRESERVE_INPUT));
    if (!plan) throw Error(ErrorKind::runtime, "cannot plan an FFT of " + std::to_string(n) + " samples");
  }

  StftParameters parameters;
  std::vector<float> window;
  FftwArray<float> real, imaginary, real_bins, imaginary_bins;
  FftwPlan plan;
  std::vector<float> values;  // of a FramePair
  std::vector<float> first_scratch, second_scratch;
};

StftPair::StftPair(const StftParameters& parameters) : impl_(std::make_unique<Impl>(parameters)) {}
StftPair::~StftPair() = default;

FramePair StftPair::frame(Samples first, Samples second, std::size_t frame) {
  Impl& self = *impl_;
  assert(first.size() == second.size() && frame < self.parameters.frames(first.size()));
  const Samples a = under_window(self.parameters, first, frame, self.first_scratch);
  const Samples b = under_window(self.parameters, second, frame, self.second_scratch);
  const std::size_t margin = (self.parameters.fft_samples - self.window.size()) / 2;
  float* real = self.real.get() + margin;
  float* imaginary = self.imaginary.get() + margin;
  for (std::size_t i = 0; i < self.window.size(); ++i) {
    real[i] = self.window[i] * a[i];
    imaginary[i] = self.window[i] * b[i];
  }
  fftwf_execute(self.plan.get());

  const std::size_t bins = self.parameters.bins();
  const std::size_t half = bins - 1;
  float* __restrict first_real = self.values.data();
  float* __restrict first_imaginary = first_real + bins;
  float* __restrict second_real = first_imaginary + bins;
  float* __restrict second_imaginary = second_real + bins;
  const float* __restrict zr = self.real_bins.get();
  const float* __restrict zi = self.imaginary_bins.get();
  const auto split = [&](std::size_t k, std::size_t mirrored) {
    first_real[k] = 0.5F * (zr[k] + zr[mirrored]);
    first_imaginary[k] = 0.5F * (zi[k] - zi[mirrored]);
    second_real[k] = 0.5F * (zi[k] + zi[mirrored]);
    second_imaginary[k] = 0.5F * (zr[mirrored] - zr[k]);
  };
  split(0, 0);
  for (std::size_t k = 1; k <= half; ++k) split(k, 2 * half - k);
  // What rounding leaves of the other signal must not make a silent one audible.
  if (is_silent(a)) std::fill_n(first_real, 2 * bins, 0.0F);
  if (is_silent(b)) std::fill_n(second_real, 2 * bins, 0.0F);
  return {{first_real, bins}, {first_imaginary, bins}, {second_real, bins}, {second_imaginary, bins}};
}

std::vector<double> frame_powers(const StftParameters& parameters, Samples first, Samples second) {
  constexpr std::size_t kLanes = 8;  // independent sums, so that the compiler can add several at a time
  const std::vector<float> window = periodic_hann(parameters.window_samples);
  std::vector<float> first_scratch;
  std::vector<float> second_scratch;
  std::vector<double> powers(parameters.frames(first.size()));
  for (std::size_t frame = 0; frame < powers.size(); ++frame) {
    const Samples a = under_window(parameters, first, frame, first_scratch);
    const Samples b = under_window(parameters, second, frame, second_scratch);
    std::array<float, kLanes> sums{};
    std::array<float, kLanes> squares{};
    std::size_t i = 0;
    for (; i + kLanes <= window.size(); i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const float x = window[i + lane] * (a[i + lane] + b[i + lane]);
        sums[lane] += x;
        squares[lane] += x * x;
      }
    }
    for (std::size_t lane = 0; i < window.size(); ++i, ++lane) {
      const float x = window[i] * (a[i] + b[i]);
      sums[lane] += x;
      squares[lane] += x * x;
    }
    double sum = 0.0;
    double alternating = 0.0;
    double energy = 0.0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      sum += double{sums[lane]};
      alternating += lane % 2 == 0 ? double{sums[lane]} : -double{sums[lane]};
      energy += double{squares[lane]};
    }
    // Every bin but the first and the last stands for two of the full transform.
    const double power =
        0.5 * (static_cast<double>(parameters.fft_samples) * energy + sum * sum + alternating * alternating);
    powers[frame] = power / static_cast<double>(parameters.bins());
  }
  return powers;
}

}  // namespace svsep
