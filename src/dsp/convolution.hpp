#pragma once

#include "svsep/stft.hpp"

#include <cstddef>
#include <vector>

namespace svsep {

/// signal * kernel without its first `skipped` samples, as long as the signal: numpy.convolve(signal,
/// kernel)[skipped : skipped + len(signal)], with zeros where that ends earlier. By FFTs, block by block.
[[nodiscard]] std::vector<float> convolve(Samples signal, Samples kernel, std::size_t skipped = 0);

/// The symmetric filter of `taps` (odd, < gains.size()) samples whose response follows `gains`, given at
/// evenly spaced frequencies from 0 to half the sample rate; 2^n + 1 of them. scipy.signal.firwin2 with a
/// Hann window.
[[nodiscard]] std::vector<float> fir_of_gains(Samples gains, std::size_t taps);

}  // namespace svsep
