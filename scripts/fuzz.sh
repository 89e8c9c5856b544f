#!/usr/bin/env bash
# Fuzzes all that svsep parses, on a machine with nothing installed: fuzz.sh [minutes] [target...]
# Builds the targets of tests/fuzz with clang's libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer, and runs each
# for so many minutes (20), as many at once as there are processors. Prints a Markdown table; ends with 1 where something
# was found. Inputs that reach new code are kept in build/fuzz/corpus, from where the next run goes on.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

minutes=${1:-20}
targets=("${@:2}")
if [[ ! "$minutes" =~ ^[0-9]+$ ]]; then
  echo "usage: fuzz.sh [minutes] [target...]" >&2
  exit 2
fi
((${#targets[@]})) || mapfile -t targets < <(sed -n 's/^svsep_fuzz(\(\w*\) .*/\1/p' tests/fuzz/CMakeLists.txt)

scripts/install_dependencies.sh test
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target "${targets[@]/#/fuzz_}"

export TMPDIR=/dev/shm  # outputs and file descriptors of inputs need no disk
export ASAN_OPTIONS=intercept_tls_get_addr=0 LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0

fuzz() {
  local target=$1 corpus=build/fuzz/corpus/$1 found=build/fuzz/findings/$1 options=()
  mkdir -p "$corpus" "$found"
  [[ ! -f tests/fuzz/$target.dict ]] || options+=("-dict=tests/fuzz/$target.dict")
  # What was found before is tried first.
  build/fuzz/bin/fuzz_"$target" -max_total_time=$((60 * minutes)) -timeout=20 -rss_limit_mb=2560 -malloc_limit_mb=1024 \
    -max_len=16384 -print_final_stats=1 -artifact_prefix="$found/" "${options[@]}" "$corpus" "$found" \
    tests/fuzz/corpus/"$target" >build/fuzz/"$target".log 2>&1 || true
}
export -f fuzz
export minutes
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'fuzz {}'

status=0
printf '\n| target | executions | a second | inputs | edges | found |\n|-|-|-|-|-|-|\n'
for target in "${targets[@]}"; do
  log=build/fuzz/$target.log
  number() { sed -n "s/^stat::$1: *//p" "$log"; }
  found=nothing
  if ! grep -q '^Done ' "$log"; then
    status=1
    found="$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1), see $log"
  fi
  printf '| %s | %s | %s | %s | %s | %s |\n' "$target" "$(number number_of_executed_units)" \
    "$(number average_exec_per_sec)" "$(find "build/fuzz/corpus/$target" -type f | wc -l)" \
    "$(sed -n 's/^#.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)" "$found"
done
((status == 0)) || printf '\nbuild/fuzz/bin/fuzz_<target> <file> repeats what was found.\n'
exit "$status"
