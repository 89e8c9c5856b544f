#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// What tests and the preloaded library fail_call (see fail_call.cpp) share.
namespace svsep::test {

/// The kinds of calls that can fail, and what each is called in SVSEP_FAIL_CALL.
enum class Call : std::size_t { open, read, write, sync, rename, mkdir, truncate, map, allocate };

inline constexpr std::array<std::string_view, 9> kCallNames = {
    "open", "read", "write", "sync", "rename", "mkdir", "truncate", "map", "allocate"};

/// What the library writes to the file that SVSEP_FAIL_REPORT names; it maps the file.
struct CallReport {
  std::array<std::uint64_t, kCallNames.size()> calls;  ///< how many there were that count
  std::uint64_t failed;                                ///< how many of them were made to fail
  std::array<char, 256> path;                          ///< of the first that failed, where it has one
};

}  // namespace svsep::test
