#!/usr/bin/env bash
# Makes and checks what a release consists of, in build/package: release.sh [--no-check]
# svsep_*.deb, libsvsep-dev_*.deb and svsep-models_*.deb, and svsep-VERSION-linux-x86_64.tar.zst, a folder that runs
# wherever it is unpacked. With LIBTORCH_PREFIX (see CONTRIBUTING.md) also such a folder with CUDA, without LibTorch. The
# packages are installed, tried and removed in a fresh Debian root (as root, with debootstrap); elsewhere they are only
# unpacked and tried.
set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
build=$PWD/build/package
version=$(sed -n 's/^project(svsep VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
say() { printf '\n==> %s\n' "$*"; }

say "Build"
cmake --preset package
cmake --build "$build" --target svsep svsep_torch

say "Packages"
rm -f "$build"/*.deb
(cd "$build" && cpack)
for package in "$build"/*.deb; do
  printf '%s, %s bytes\n' "$(basename "$package")" "$(stat -c %s "$package")"
  dpkg-deb --field "$package" Depends || true
done

say "Bundle"
rm -rf "$build/svsep-$version"
cmake --build "$build" --target bundle
archive=$build/svsep-$version-linux-$(uname -m).tar.zst
tar --create --directory "$build" "svsep-$version" | zstd --quiet --force -T0 -10 -o "$archive"
stat -c '%n, %s bytes' "$archive"

if [[ -n "${LIBTORCH_PREFIX:-}" ]]; then
  say "Bundle with CUDA"
  cmake --preset cuda
  rm -rf "build/cuda/svsep-$version"
  cmake --build build/cuda --target bundle
  tar --create --directory build/cuda "svsep-$version" |
    zstd --quiet --force -T0 -10 -o "$build/svsep-$version-linux-$(uname -m)-cuda.tar.zst"
fi
[[ "${1:-}" == --no-check ]] && exit 0

folder=$(mktemp -d)
clean_up() {
  ! mountpoint -q "$folder/root/proc" || umount "$folder/root/proc"
  ! mountpoint -q "$folder/root/sys" || umount "$folder/root/sys"
  rm -rf --one-file-system "$folder"
}
trap clean_up EXIT
ffmpeg -v error -f lavfi -i 'anoisesrc=duration=2:color=pink:sample_rate=44100:seed=1' "$folder/song.wav"

say "Check: the bundle, moved"
mkdir "$folder/elsewhere"
tar --extract --zstd --file "$archive" --directory "$folder/elsewhere"
env -i HOME="$folder" PATH=/usr/bin:/bin "$folder/elsewhere/svsep-$version/bin/svsep" \
  separate --plot --output "$folder/stems" "$folder/song.wav"
test -s "$folder/stems/song/vocals.wav"

say "Check: the packages"
if ((EUID != 0)) || ! command -v debootstrap >/dev/null; then
  echo "not root, or no debootstrap: the packages are unpacked, not installed"
  for package in "$build"/*.deb; do dpkg-deb --extract "$package" "$folder/root"; done
  "$folder/root/usr/bin/svsep" separate --output "$folder/unpacked" "$folder/song.wav"
  exit 0
fi
root=$folder/root
debootstrap --variant=minbase bookworm "$root" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" >"$folder/log" ||
  { tail "$folder/log" && exit 1; }
mount -t proc proc "$root/proc"  # LibTorch looks at the processor there
mount --bind -o ro /sys "$root/sys"
in_root() { chroot "$root" env DEBIAN_FRONTEND=noninteractive "$@"; }
files_of_svsep() { in_root find /usr /etc /var/lib -name '*svsep*' -not -path '*/dpkg/*' -not -path '/var/lib/apt/*'; }
cp "$build"/*.deb "$folder/song.wav" "$root/root/"
in_root sh -c 'apt-get -q update && apt-get -q -y install --no-install-recommends /root/*.deb' >"$folder/log" ||
  { tail "$folder/log" && exit 1; }
in_root svsep --version
in_root svsep separate --output /root/stems /root/song.wav
test -s "$root/root/stems/song/vocals.wav"
in_root bash -c 'source /usr/share/bash-completion/completions/svsep; compopt() { :; }
  COMP_WORDS=(svsep separate --fo) COMP_CWORD=2; _svsep; echo "svsep separate --fo<TAB>: ${COMPREPLY[*]}"'
test -s "$root/usr/share/man/man1/svsep.1"
in_root apt-get -q -y purge svsep libsvsep-dev svsep-models >/dev/null
left=$(files_of_svsep)
[[ -z "$left" ]] || { printf 'left behind:\n%s\n' "$left" && exit 1; }
echo "installed, tried, removed: nothing was left"
