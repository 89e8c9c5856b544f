#!/usr/bin/env bash
# install.sh BUILD SOURCE: installs into a folder of its own, uses the program and the library from there as other
# people do, moves the folder and does so again.
set -euo pipefail

build=$1
source=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unset SVSEP_PREFIX LD_LIBRARY_PATH CXXFLAGS LDFLAGS
say() { printf '== %s\n' "$*"; }

say "a song"
ffmpeg -v error -f lavfi -i 'anoisesrc=duration=1:color=pink:sample_rate=44100:seed=1' "$folder/song.wav"

say "cmake --install"
cmake --install "$build" --prefix "$folder/first" >/dev/null
prefix=$folder/first

# use_from PREFIX: separates the song with the installed program and model.
use_from() {
  "$1/bin/svsep" --version
  "$1/bin/svsep" model list
  "$1/bin/svsep" --quiet separate --overwrite --output "$folder/stems" "$folder/song.wav"
  test -s "$folder/stems/song/vocals.wav"
}

say "the installed program"
use_from "$prefix"

say "find_package(svsep)"
cmake -S "$source/tests/install/consumer" -B "$folder/consumer" -D CMAKE_PREFIX_PATH="$prefix" \
  -D EXAMPLES="$source/examples" >/dev/null
cmake --build "$folder/consumer" >/dev/null
"$folder/consumer/separate_file" "$folder/song.wav" "$folder/by-example"
cmp "$folder/by-example/vocals.wav" "$folder/stems/song/vocals.wav"

say "the moved installation"
mv "$prefix" "$folder/second"
prefix=$folder/second
use_from "$prefix"
LD_LIBRARY_PATH=$(dirname "$(find "$prefix" -name libsvsep.so)") \
  "$folder/consumer/separate_file" "$folder/song.wav" "$folder/by-moved-library"

say "a library folder that is a link, as Debian's /lib"
mkdir "$folder/root"
ln -s "$(dirname "$(find "$prefix" -name libsvsep.so)")" "$folder/root/lib"
LD_LIBRARY_PATH=$folder/root/lib "$folder/consumer/separate_file" "$folder/song.wav" "$folder/by-linked-folder"

say "pkg-config"
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name svsep.pc)")
export PKG_CONFIG_PATH
# shellcheck disable=SC2046
c++ -std=c++20 "$source/examples/separate_file.cpp" $(pkg-config --cflags --libs svsep) -o "$folder/by-pkg-config"
LD_LIBRARY_PATH=$(pkg-config --variable=libdir svsep) "$folder/by-pkg-config" "$folder/song.wav" "$folder/stems-3"

say "each public header by itself"
for header in "$prefix"/include/svsep/*.hpp; do
  printf '#include <svsep/%s>\n' "$(basename "$header")" |
    c++ -std=c++20 -Wall -Wextra -fsyntax-only -I "$prefix/include" -x c++ -
done

say "as a subproject"
cmake -S "$source/tests/install/subproject" -B "$folder/host" -D SVSEP="$source" >/dev/null
