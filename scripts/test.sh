#!/usr/bin/env bash
# Every check of the project, on a machine with nothing installed (Debian, as root or with sudo):
# test.sh [--tidy | --sanitize]
# Format, Release build without warnings, all tests, the examples, the benchmarks and the bundle. With --tidy only
# clang-tidy over the product; with --sanitize only what watches a running program: all tests but the slow ones under
# AddressSanitizer and UndefinedBehaviorSanitizer, ThreadSanitizer, valgrind. Each of the three takes up to an hour on
# two processors. Stops at the first part that fails.
set -euo pipefail

if (($# > 1)) || [[ ! "${1:-}" =~ ^(|--tidy|--sanitize)$ ]]; then
  echo "usage: test.sh [--tidy | --sanitize]" >&2
  exit 2
fi
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

part=start
trap '(($? == 0)) || printf "\n==> FAILED in: %s, after %d s\n" "$part" "$SECONDS"' EXIT
begin() {
  part=$1
  printf '\n==> %s (at %d s)\n' "$part" "$SECONDS"
}

# Calls a command on every C++ file, a file per process, all processors busy.
each_source() {
  find include src tests examples benchmarks -name '*.[ch]pp' -print0 | xargs -0 -n 1 -P "$(nproc)" "$@"
}

# Configures and builds a preset and runs its tests.
build_and_test() {
  begin "Build: $1"
  cmake --preset "$1"
  cmake --build --preset "$1"
  begin "Tests: $1"
  ctest --preset "$1" --parallel "$(nproc)"
}

# The bundle, moved, without the environment of this machine.
check_bundle() {
  local folder
  folder=$(mktemp -d)
  mv build/ci/svsep-*/ "$folder/moved"
  ffmpeg -v error -f lavfi -i 'anoisesrc=duration=1:color=pink:sample_rate=44100' "$folder/noise.wav"
  env -i "$folder/moved/bin/svsep" separate --output "$folder" "$folder/noise.wav"
  rm -r "$folder"
}

# One separation by the Release build, whose own code valgrind must have nothing to say about.
check_with_valgrind() {
  begin "valgrind"
  local folder
  folder=$(mktemp -d)
  ffmpeg -v error -f lavfi -i 'anoisesrc=duration=0.3:color=pink:sample_rate=22050' "$folder/noise.wav"
  valgrind --quiet --error-exitcode=1 --num-callers=20 --suppressions=tests/valgrind.supp \
    build/ci/bin/svsep separate --threads 1 --model tests/golden/harmonic_unet_tiny.safetensors \
    --output "$folder" "$folder/noise.wav"
  rm -r "$folder"
}

begin "Dependencies"
scripts/install_dependencies.sh test

if [[ "${1:-}" == --sanitize ]]; then
  build_and_test asan
  build_and_test tsan
  cmake --preset ci
  cmake --build --preset ci --target svsep
  check_with_valgrind
elif [[ "${1:-}" == --tidy ]]; then
  begin "clang-tidy"
  cmake --preset tidy
  # The product only: a file that knows LibTorch takes minutes. The number of warnings in other people's headers
  # goes to stderr; findings go to stdout.
  find src examples -name '*.cpp' -print0 |
    xargs -0 -n 1 -P "$(nproc)" clang-tidy-16 -p build/tidy --quiet 2>/dev/null
else
  begin "Format"
  each_source clang-format-14 --dry-run -Werror
  build_and_test ci
  begin "Examples, benchmarks, bundle"
  cmake --build --preset ci --target demo_song separate_file peak benchmark_data_pipeline benchmark_stages \
    benchmark_training_step bundle
  check_bundle
fi

part=end
printf '\n==> All parts passed in %d s\n' "$SECONDS"
