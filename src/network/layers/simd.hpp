#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

// SVSEP_WIDE before a function of loops over Floats: compiled once for any x86-64, once for AVX2 with FMA and
// once for AVX-512, one of which is taken when the program is loaded. Where GCC cannot do it, it is compiled
// once.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define SVSEP_WIDE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SVSEP_WIDE
#endif
#define SVSEP_INLINE inline __attribute__((always_inline))

namespace svsep {

/// GCC's and clang's vector extension: 16 floats, in as many registers as the processor needs for them.
constexpr std::size_t kLanes = 16;
using Floats = float __attribute__((vector_size(kLanes * sizeof(float))));
using Integers = std::int32_t __attribute__((vector_size(kLanes * sizeof(float))));

SVSEP_INLINE Floats load(const float* from) {
  Floats values;
  std::memcpy(&values, from, sizeof values);
  return values;
}

SVSEP_INLINE void store(const Floats& values, float* to) { std::memcpy(to, &values, sizeof values); }

SVSEP_INLINE Floats all(float value) { return Floats{} + value; }

/// e^x to 2 units of the last place; x is clamped to -87..87.
SVSEP_INLINE Floats exponential(Floats x) {
  x = x < -87.0F ? all(-87.0F) : x;
  x = x > 87.0F ? all(87.0F) : x;
  // x = n log 2 + r, |r| <= log(2) / 2; adding and taking away 1.5 * 2^23 rounds to an integer.
  constexpr float kRounder = 12582912.0F;
  const Floats n = (x * 1.44269504F + kRounder) - kRounder;
  const Floats r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
  Floats e = r * (1.0F / 5040) + 1.0F / 720;
  e = e * r + 1.0F / 120;
  e = e * r + 1.0F / 24;
  e = e * r + 1.0F / 6;
  e = e * r + 0.5F;
  e = e * r + 1.0F;
  e = e * r + 1.0F;
  const Integers power = (__builtin_convertvector(n, Integers) + 127) << 23;
  Floats scale;
  std::memcpy(&scale, &power, sizeof scale);
  return e * scale;
}

SVSEP_INLINE Floats logistic(Floats x) { return 1.0F / (1.0F + exponential(-x)); }

SVSEP_INLINE Floats hyperbolic_tangent(Floats x) { return 2.0F * logistic(2.0F * x) - 1.0F; }

}  // namespace svsep
