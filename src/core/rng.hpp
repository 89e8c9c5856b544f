#pragma once

#include <cstdint>
#include <initializer_list>

namespace svsep {

/// A small random generator whose numbers follow from the keys alone, e.g. Rng({seed, epoch, index}), so that
/// neither worker count nor resumption changes the data. SplitMix64 (Steele, Lea, Flood: "Fast splittable
/// pseudorandom number generators", OOPSLA 2014). The same on every machine, unlike std:: distributions.
/// Satisfies UniformRandomBitGenerator.
class Rng {
 public:
  using result_type = std::uint64_t;

  Rng(std::initializer_list<std::uint64_t> keys) noexcept {
    for (const std::uint64_t key : keys) {
      state_ ^= key;
      state_ = (*this)();
    }
  }

  static constexpr result_type min() noexcept { return 0; }
  static constexpr result_type max() noexcept { return ~result_type{0}; }

  result_type operator()() noexcept {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }

  /// Uniform in [0, 1).
  double uniform() noexcept { return static_cast<double>((*this)() >> 11U) * 0x1.0p-53; }
  /// Uniform in [low, high).
  double uniform(double low, double high) noexcept { return low + (high - low) * uniform(); }
  /// Uniform in 0..count-1; count > 0.
  std::uint64_t below(std::uint64_t count) noexcept {
    return static_cast<std::uint64_t>(uniform() * static_cast<double>(count));
  }

 private:
  std::uint64_t state_ = 0;
};

}  // namespace svsep
