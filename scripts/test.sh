#!/usr/bin/env bash
# Every check of the project, on a machine with nothing installed (Debian, as root or with sudo): test.sh [--quick]
# Format, Release build without warnings and all tests; then, unless --quick, clang-tidy, and all tests once
# more under AddressSanitizer and UndefinedBehaviorSanitizer. Stops at the first part that fails.
set -euo pipefail

if (($# > 1)) || [[ "${1:---quick}" != --quick ]]; then
  echo "usage: test.sh [--quick]" >&2
  exit 2
fi
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

part=start
trap '(($? == 0)) || printf "\n==> FAILED in: %s, after %d s\n" "$part" "$SECONDS"' EXIT
begin() {
  part=$1
  printf '\n==> %s (at %d s)\n' "$part" "$SECONDS"
}

# Calls a command on every C++ file, one file a process, all processors busy.
each_source() {
  find include src tests examples benchmarks -name '*.[ch]pp' -print0 | xargs -0 -n 1 -P "$(nproc)" "$@"
}

begin "Dependencies"
scripts/install_dependencies.sh test

begin "Format"
each_source clang-format --dry-run -Werror

begin "Release build, warnings are errors"
cmake --preset ci
cmake --build --preset ci

begin "Tests"
ctest --preset ci --parallel "$(nproc)"

if [[ "${1:-}" != --quick ]]; then
  begin "clang-tidy"
  cmake --preset tidy
  # The product only: a file that knows LibTorch takes minutes. The number of warnings in other people's headers
  # goes to stderr; findings go to stdout.
  find src examples -name '*.cpp' -print0 |
    xargs -0 -n 1 -P "$(nproc)" clang-tidy -p build/tidy --quiet 2>/dev/null

  begin "Build with AddressSanitizer and UndefinedBehaviorSanitizer"
  cmake --preset asan
  cmake --build --preset asan

  begin "Tests under the sanitizers"
  ctest --preset asan --parallel "$(nproc)"
fi

part=end
printf '\n==> All parts passed in %d s\n' "$SECONDS"
