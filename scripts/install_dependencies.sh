#!/usr/bin/env bash
# Installs the Debian packages that svsep needs: install_dependencies.sh [test]
# With "test" also those of scripts/test.sh. Calls apt only for what dpkg does not have yet.
set -euo pipefail

packages=(g++ cmake ninja-build pkg-config libtorch-dev libgloo-dev libopenblas0-pthread
  libavformat-dev libavcodec-dev libavutil-dev libswresample-dev libsamplerate0-dev libfftw3-dev
  libcli11-dev libspdlog-dev nlohmann-json3-dev libutfcpp-dev liblapacke-dev libpango1.0-dev fonts-dejavu-core
  libhdf5-dev libyaml-cpp-dev)
if [[ "${1:-}" == test ]]; then
  packages+=(clang-16 clang-format-14 clang-tidy-16 libclang-rt-16-dev libgtest-dev libgmock-dev libbenchmark-dev
    chromium chromium-driver jq ffmpeg valgrind)
fi

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "install_dependencies.sh: no apt here; install what these Debian 12 packages hold: ${packages[*]}" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ "$status" == installed ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  exit 0
fi

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "install_dependencies.sh: neither root nor sudo; run as root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "Installing ${#missing[@]} missing packages: ${missing[*]}"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y)
"${apt[@]}" update || echo "install_dependencies.sh: apt-get update failed; trying with the lists at hand" >&2
"${apt[@]}" install --no-install-recommends "${missing[@]}"
