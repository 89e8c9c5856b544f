#include "dsp/sdr.hpp"

#include "svsep/error.hpp"

#include <cmath>
#include <cstddef>
#include <fmt/format.h>
#include <limits>
#include <string>

namespace svsep {
namespace {

std::string describe(const AudioBuffer& audio) {
  return fmt::format("{} channels of {} samples", audio.channels.size(), audio.samples());
}

/// Calls visit(reference, estimate) for every sample of every channel.
template <class Visit>
void for_each_sample(const AudioBuffer& reference, const AudioBuffer& estimate, Visit&& visit) {
  for (std::size_t c = 0; c < reference.channels.size(); ++c) {
    for (std::size_t n = 0; n < reference.samples(); ++n) {
      visit(static_cast<double>(reference.channels[c][n]), static_cast<double>(estimate.channels[c][n]));
    }
  }
}

}  // namespace

void require_same_shape(const AudioBuffer& expected, const AudioBuffer& audio, const char* what) {
  if (audio.channels.size() == expected.channels.size() && audio.samples() == expected.samples()) return;
  throw Error(ErrorKind::input, fmt::format("cannot score: {}; expected {}, got {}", what, describe(expected),
                                            describe(audio)));
}

double global_sdr_db(const AudioBuffer& reference, const AudioBuffer& estimate) {
  require_same_shape(reference, estimate, "an estimate differs from its reference");
  constexpr double kDelta = 1e-7;
  double signal = kDelta;
  double error = kDelta;
  for_each_sample(reference, estimate, [&](double truth, double estimated) {
    signal += truth * truth;
    error += (truth - estimated) * (truth - estimated);
  });
  return 10.0 * std::log10(signal / error);
}

double si_sdr_db(const AudioBuffer& reference, const AudioBuffer& estimate) {
  require_same_shape(reference, estimate, "an estimate differs from its reference");
  double reference_energy = 0.0;
  double product = 0.0;
  double estimate_energy = 0.0;
  for_each_sample(reference, estimate, [&](double truth, double estimated) {
    reference_energy += truth * truth;
    product += truth * estimated;
    estimate_energy += estimated * estimated;
  });
  if (reference_energy == 0.0 || estimate_energy == 0.0) return std::numeric_limits<double>::quiet_NaN();
  const double gain = product / reference_energy;
  double error = 0.0;  // summed on its own: the difference of energies would lose what a good estimate leaves
  for_each_sample(reference, estimate, [&](double truth, double estimated) {
    error += (gain * truth - estimated) * (gain * truth - estimated);
  });
  if (error == 0.0) return std::numeric_limits<double>::infinity();
  return 10.0 * std::log10(gain * gain * reference_energy / error);
}

}  // namespace svsep
