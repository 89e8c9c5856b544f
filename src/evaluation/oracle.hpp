#pragma once

#include "svsep/audio.hpp"

#include <array>

namespace svsep {

enum class OracleMask {
  binary,  ///< IBM: 1 where the vocals' magnitude exceeds the accompaniment's, else 0
  ratio,   ///< IRM: the vocals' share of both powers, |V|^2 / (|V|^2 + |A|^2)
};

/// The vocals and the accompaniment that an ideal mask leaves of their sum: how far a mask can go. Every
/// channel has its own mask, on an STFT with a Hann window of 2048 samples and hops of 1024 (SiSEC 2018,
/// arXiv 1804.06267). The two estimates sum to the mixture. Throws Error(input) where the shapes differ.
[[nodiscard]] std::array<AudioBuffer, 2> oracle_estimates(const AudioBuffer& vocals,
                                                          const AudioBuffer& accompaniment, OracleMask mask);

}  // namespace svsep
