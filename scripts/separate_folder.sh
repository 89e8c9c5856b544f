#!/usr/bin/env bash
# Separates all songs below a folder with several processes: separate_folder.sh [-n PROCESSES] IN OUT [OPTION...]
# Each process takes a shard of the songs, and the options of `svsep separate` go to every one. The program is
# $SVSEP, or svsep from PATH, or the newest one built here. Exit code: 0 where every song is done; else that
# of the processes where they agree, or 6. Call it again with --skip-existing to do what is left.
set -euo pipefail

usage() {
  echo "usage: separate_folder.sh [-n PROCESSES] IN OUT [OPTION of svsep separate...]" >&2
  exit 2
}

processors=$(nproc)
processes=$(((processors + 3) / 4)) # LibTorch makes good use of some four threads
if [[ "${1:-}" == -n ]]; then
  [[ "${2:-}" =~ ^[1-9][0-9]*$ ]] || usage
  processes=$2
  shift 2
fi
(($# >= 2)) || usage
in=$1 out=$2
shift 2

svsep=${SVSEP:-$(command -v svsep || true)}
if [[ -z "$svsep" ]]; then
  build=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)/build
  svsep=$(ls -t "$build"/*/bin/svsep 2>/dev/null | head -n 1 || true)
fi
if [[ ! -x "$svsep" ]]; then
  echo "separate_folder.sh: no svsep: not in PATH, and none built; set SVSEP to the program" >&2
  exit 1
fi

pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true' INT TERM
[[ " $* " == *" --threads"* ]] || set -- --threads $(((processors + processes - 1) / processes)) "$@"
for ((shard = 1; shard <= processes; ++shard)); do
  "$svsep" separate --shard "$shard/$processes" --output "$out" "$@" -- "$in" &
  pids+=($!)
done

code=0
for pid in "${pids[@]}"; do
  one=0
  wait "$pid" || one=$?
  if ((one > 128)); then
    wait "$pid" || one=$? # the wait itself was interrupted
  fi
  if ((one != 0)); then
    code=$((code == 0 || code == one ? one : 6))
  fi
done
exit "$code"
