#include "dsp/stft_pair.hpp"

#include "dsp/fftw.hpp"
#include "dsp/framing.hpp"
#include "dsp/multiversion.hpp"
#include "svsep/error.hpp"

#include <array>
#include <cassert>
#include <cmath>
#include <cstring>
#include <numbers>
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

/// real + i imaginary = (a + i b) (cosine - i sine)
SVSEP_MULTIVERSION
void turn(const float* __restrict a, const float* __restrict b, const float* __restrict cosines,
          const float* __restrict sines, std::size_t count, float* __restrict real,
          float* __restrict imaginary) {
  for (std::size_t n = 0; n < count; ++n) {
    real[n] = a[n] * cosines[n] + b[n] * sines[n];
    imaginary[n] = b[n] * cosines[n] - a[n] * sines[n];
  }
}

/// to[parts k + r] = from[length r + k]
SVSEP_MULTIVERSION
void interleave(const float* __restrict from, std::size_t parts, std::size_t length, float* __restrict to) {
  if (parts == 4) {  // the thesis' sizes, in a form that compilers vectorise
    for (std::size_t k = 0; k < length; ++k) {
      to[4 * k] = from[k];
      to[4 * k + 1] = from[length + k];
      to[4 * k + 2] = from[2 * length + k];
      to[4 * k + 3] = from[3 * length + k];
    }
    return;
  }
  for (std::size_t r = 0; r < parts; ++r) {
    for (std::size_t k = 0; k < length; ++k) to[parts * k + r] = from[length * r + k];
  }
}

/// The spectra of two real signals from that of first + i second, 2 half values: its even and odd parts.
SVSEP_MULTIVERSION
void separate(const float* __restrict real, const float* __restrict imaginary, std::size_t half,
              float* __restrict first_real, float* __restrict first_imaginary, float* __restrict second_real,
              float* __restrict second_imaginary) {
  first_real[0] = real[0];
  second_real[0] = imaginary[0];
  first_imaginary[0] = second_imaginary[0] = 0.0F;
  const float* mirrored_real = real + half;
  const float* mirrored_imaginary = imaginary + half;
  for (std::size_t k = 1; k <= half; ++k) {
    const float mr = mirrored_real[half - k];
    const float mi = mirrored_imaginary[half - k];
    first_real[k] = 0.5F * (real[k] + mr);
    first_imaginary[k] = 0.5F * (imaginary[k] - mi);
    second_real[k] = 0.5F * (imaginary[k] + mi);
    second_imaginary[k] = 0.5F * (mr - real[k]);
  }
}

constexpr std::size_t kLanes = 8;
/// Of GCC and Clang.
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));

struct Sums {
  std::array<float, kLanes> values{};
  std::array<float, kLanes> squares{};
};

/// Sums of window (a + b) and of its squares, over the samples n, n + kLanes, .. for each lane n. Compilers
/// do not find the lanes by themselves, which takes seven times as long.
SVSEP_MULTIVERSION
void sum_windowed(const std::vector<float>& window, const float* a, const float* b, Sums& sums) {
  Lanes values{};
  Lanes squares{};
  std::size_t i = 0;
  for (; i + kLanes <= window.size(); i += kLanes) {
    Lanes x;
    Lanes y;
    Lanes weight;
    std::memcpy(&x, a + i, sizeof(x));
    std::memcpy(&y, b + i, sizeof(y));
    std::memcpy(&weight, window.data() + i, sizeof(weight));
    x = weight * (x + y);
    values += x;
    squares += x * x;
  }
  std::memcpy(sums.values.data(), &values, sizeof(values));
  std::memcpy(sums.squares.data(), &squares, sizeof(squares));
  for (std::size_t lane = 0; i < window.size(); ++i, ++lane) {
    const float x = window[i] * (a[i] + b[i]);
    sums.values[lane] += x;
    sums.squares[lane] += x * x;
  }
}

bool is_silent(Samples samples) {
  return std::all_of(samples.begin(), samples.end(), [](float x) { return x == 0.0F; });
}

}  // namespace

// The transform of z = first + i second, from whose even and odd parts come those of both. Where the frame is
// a multiple P of the window, all but one in P of its samples are zero, and the bins r, P + r, 2P + r, .. are
// the transform of the window's samples alone, turned by exp(-2 pi i r n / fft_samples): P small transforms
// for a large one.
struct StftPair::Impl {
  explicit Impl(const StftParameters& sizes)
      : parameters(sizes),
        parts(sizes.fft_samples % sizes.window_samples == 0 ? sizes.fft_samples / sizes.window_samples : 1),
        length(sizes.fft_samples / parts),
        real(make_fftw_array<float>(sizes.fft_samples)),
        imaginary(make_fftw_array<float>(sizes.fft_samples)),
        real_bins(make_fftw_array<float>(sizes.fft_samples)),
        imaginary_bins(make_fftw_array<float>(sizes.fft_samples)),
        cosines(parts * sizes.window_samples),
        sines(parts * sizes.window_samples),
        ordered(parts > 1 ? 2 * sizes.fft_samples : 0),
        values(4 * sizes.bins()) {
    const std::vector<float> window = periodic_hann(sizes.window_samples);
    for (std::size_t r = 0; r < parts; ++r) {
      for (std::size_t n = 0; n < window.size(); ++n) {
        const std::size_t turns = r * (margin() + n) % sizes.fft_samples;  // times fft_samples
        const double angle =
            2 * std::numbers::pi * static_cast<double>(turns) / static_cast<double>(sizes.fft_samples);
        cosines[r * window.size() + n] = static_cast<float>(double{window[n]} * std::cos(angle));
        sines[r * window.size() + n] = static_cast<float>(double{window[n]} * std::sin(angle));
      }
    }
    const int n = static_cast<int>(length);
    const fftwf_iodim transform{n, 1, 1};
    const fftwf_iodim repeat{static_cast<int>(parts), n, n};
    const std::lock_guard lock(planner_mutex());
    plan.reset(fftwf_plan_guru_split_dft(1, &transform, 1, &repeat, real.get(), imaginary.get(),
                                         real_bins.get(), imaginary_bins.get(),
                                         FFTW_ESTIMATE | FFTW_PRESERVE_INPUT));
    if (!plan) throw Error(ErrorKind::runtime, "cannot plan an FFT of " + std::to_string(n) + " samples");
  }

  /// Samples of the frame before the window.
  [[nodiscard]] std::size_t margin() const noexcept {
    return (parameters.fft_samples - parameters.window_samples) / 2;
  }

  StftParameters parameters;
  std::size_t parts;                                            // P
  std::size_t length;                                           // of a transform
  FftwArray<float> real, imaginary, real_bins, imaginary_bins;  // [parts, length]
  FftwPlan<float> plan;
  std::vector<float> cosines, sines;  // [parts, window] times the window
  std::vector<float> ordered;         // the bins in their order, real and imaginary
  std::vector<float> values;          // of a FramePair
  std::vector<float> first_scratch, second_scratch;
};

StftPair::StftPair(const StftParameters& parameters) {
  validate(parameters);
  impl_ = std::make_unique<Impl>(parameters);
}
StftPair::~StftPair() = default;

FramePair StftPair::frame(Samples first, Samples second, std::size_t frame) {
  Impl& self = *impl_;
  assert(first.size() == second.size() && frame < self.parameters.frames(first.size()));
  const Samples a = under_window(self.parameters, first, frame, self.first_scratch);
  const Samples b = under_window(self.parameters, second, frame, self.second_scratch);
  const std::size_t start = self.margin() % self.length;  // what is beyond the end goes on at the beginning
  const std::size_t before_end = std::min(a.size(), self.length - start);
  for (std::size_t r = 0; r < self.parts; ++r) {
    const float* cosines = self.cosines.data() + r * a.size();
    const float* sines = self.sines.data() + r * a.size();
    float* real = self.real.get() + r * self.length;
    float* imaginary = self.imaginary.get() + r * self.length;
    turn(a.data(), b.data(), cosines, sines, before_end, real + start, imaginary + start);
    turn(a.data() + before_end, b.data() + before_end, cosines + before_end, sines + before_end,
         a.size() - before_end, real, imaginary);
  }
  fftwf_execute(self.plan.get());
  const float* real_bins = self.real_bins.get();
  const float* imaginary_bins = self.imaginary_bins.get();
  if (self.parts > 1) {
    float* ordered = self.ordered.data();
    interleave(real_bins, self.parts, self.length, ordered);
    interleave(imaginary_bins, self.parts, self.length, ordered + self.parameters.fft_samples);
    real_bins = ordered;
    imaginary_bins = ordered + self.parameters.fft_samples;
  }

  const std::size_t bins = self.parameters.bins();
  float* first_real = self.values.data();
  float* first_imaginary = first_real + bins;
  float* second_real = first_imaginary + bins;
  float* second_imaginary = second_real + bins;
  separate(real_bins, imaginary_bins, bins - 1, first_real, first_imaginary, second_real, second_imaginary);
  // What rounding leaves of the other signal must not make a silent one audible.
  if (is_silent(a)) std::fill_n(first_real, 2 * bins, 0.0F);
  if (is_silent(b)) std::fill_n(second_real, 2 * bins, 0.0F);
  return {{first_real, bins}, {first_imaginary, bins}, {second_real, bins}, {second_imaginary, bins}};
}

std::vector<double> frame_powers(const StftParameters& parameters, Samples first, Samples second) {
  const std::vector<float> window = periodic_hann(parameters.window_samples);
  std::vector<float> first_scratch;
  std::vector<float> second_scratch;
  std::vector<double> powers(parameters.frames(first.size()));
  for (std::size_t frame = 0; frame < powers.size(); ++frame) {
    const Samples a = under_window(parameters, first, frame, first_scratch);
    const Samples b = under_window(parameters, second, frame, second_scratch);
    Sums sums;
    sum_windowed(window, a.data(), b.data(), sums);
    double sum = 0.0;
    double alternating = 0.0;
    double energy = 0.0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      sum += double{sums.values[lane]};
      alternating += lane % 2 == 0 ? double{sums.values[lane]} : -double{sums.values[lane]};
      energy += double{sums.squares[lane]};
    }
    // Every bin but the first and the last stands for two of the full transform.
    const double power =
        0.5 * (static_cast<double>(parameters.fft_samples) * energy + sum * sum + alternating * alternating);
    powers[frame] = power / static_cast<double>(parameters.bins());
  }
  return powers;
}

}  // namespace svsep
