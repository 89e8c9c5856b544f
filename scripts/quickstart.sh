#!/usr/bin/env bash
# From a clean clone to separated songs: quickstart.sh [SONG...]
# Installs what is missing (Debian, as root or with sudo), builds, and separates the songs into ./separated,
# over what an earlier call left there; without a song it synthesises a short one to show the way.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
build="$root/build/quickstart"

"$root/scripts/install_dependencies.sh"
if [[ ! -f "$build/build.ninja" ]]; then
  cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSVSEP_BUILD_TESTS=OFF
fi
cmake --build "$build" --target svsep demo_song

if (($# == 0)); then
  set -- "$build/demo_song.wav"
  "$build/bin/demo_song" "$1"
fi
"$build/bin/svsep" separate --overwrite --output separated -- "$@"

printf '\nThe stems are in %s, a folder per song.\nThe program: %s\n' "$PWD/separated" "$build/bin/svsep"
