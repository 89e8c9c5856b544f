#!/usr/bin/env bash
# Times svsep evaluate against museval on the same stems and cores: median of five runs each, one after the other,
# and peak memory, as a Markdown table on stdout.
#
#   benchmarks/bsseval.sh SVSEP REFERENCE ESTIMATE [RUNS]
#
# REFERENCE and ESTIMATE are folders with the same .wav stems (vocals.wav and accompaniment.wav, say). Both programs
# read the files, score them and write JSON. Needs GNU time, and museval in the Python that $PYTHON names (python3).
set -euo pipefail

svsep=$1 reference=$2 estimate=$3 runs=${4:-5}
python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat >"$folder/reference.py" <<'PYTHON'
import sys
from pathlib import Path
import museval
import numpy as np
import soundfile
from museval.aggregate import TrackStore

reference, estimate, output = map(Path, sys.argv[1:])
names = sorted(path.name for path in reference.glob("*.wav"))
rate = soundfile.info(reference / names[0]).samplerate
read = lambda folder: np.array([soundfile.read(folder / name, always_2d=True)[0] for name in names])
scores = museval.evaluate(read(reference), read(estimate), win=rate, hop=rate, mode="v4", padding=False)
store = TrackStore("track", win=1.0, hop=1.0)
for j, name in enumerate(names):
    store.add_target(name, {key: metric[j].tolist() for key, metric in zip(("SDR", "ISR", "SIR", "SAR"), scores)})
store.save(output)
PYTHON

# Prints the median seconds, the median processor seconds and the largest peak MiB of the runs of a command.
measure() {
  : >"$folder/times"
  for ((i = 0; i < runs; i++)); do
    /usr/bin/time -a -f '%e %U %S %M' -o "$folder/times" "$@" >/dev/null
  done
  local middle=$(((runs + 1) / 2))
  echo "$(awk '{ print $1 }' "$folder/times" | sort -n | sed -n "${middle}p")" \
    "$(awk '{ print $2 + $3 }' "$folder/times" | sort -n | sed -n "${middle}p")" \
    "$(awk '{ print int($4 / 1024) }' "$folder/times" | sort -n | tail -n 1)"
}

ours=$(measure "$svsep" evaluate --quiet --reference "$reference" --estimate "$estimate" -o "$folder/scores" --overwrite)
theirs=$(measure "$python" "$folder/reference.py" "$reference" "$estimate" "$folder/museval.json")
read -r our_s our_cpu_s our_mib <<<"$ours"
read -r their_s their_cpu_s their_mib <<<"$theirs"
echo "| | seconds (median of $runs) | processor seconds | peak MiB |"
echo "|-|-:|-:|-:|"
echo "| museval | $their_s | $their_cpu_s | $their_mib |"
echo "| svsep evaluate | $our_s | $our_cpu_s | $our_mib |"
awk -v a="$their_s" -v b="$our_s" 'BEGIN { printf "\n%.0f times faster on %d processors\n", a / b, '"$(nproc)"' }'
