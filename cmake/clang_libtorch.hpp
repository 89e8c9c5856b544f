// Included before everything else where clang (14 and 16 were tried) compiles LibTorch 1.13's headers in C++20: they use
// std::vector<c10::IValue> while IValue is still incomplete, which a vector with constexpr members does not survive
// in that compiler. So this vector (of libstdc++ 12) has none; nothing else changes, the ABI included.
#pragma once
#include <bits/stl_uninitialized.h>
#include <string>

#pragma push_macro("_GLIBCXX20_CONSTEXPR")
#undef _GLIBCXX20_CONSTEXPR
#define _GLIBCXX20_CONSTEXPR
#define __fill_a1 __fill_a1_of_bits  // promised constexpr already; std::fill on a vector<bool> does not link
#include <vector>
#undef __fill_a1
#pragma pop_macro("_GLIBCXX20_CONSTEXPR")
