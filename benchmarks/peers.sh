#!/usr/bin/env bash
# Times svsep beside other separators on the same song and processors, whole commands, in turns:
#
#   benchmarks/peers.sh [SONG]
#
# Installs Open-Unmix, Demucs v4 and Spleeter from PyPI into build/peers, an environment each. Without their published
# weights (PEERS_RANDOM=1) they run with random weights of the same sizes, which take the same time; the table says so. Prints a Markdown table: median seconds of RUNS (3), times real
# time, peak memory, and the size of what was installed. PEERS ("svsep umx demucs spleeter") chooses the rows, SVSEP the
# program. Needs python3-venv, GNU time and FFmpeg's programs.
set -euo pipefail

source=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
work=${PEERS_FOLDER:-$source/build/peers}
svsep=${SVSEP:-$source/build/release/bin/svsep}
runs=${RUNS:-3}
read -ra peers <<<"${PEERS:-svsep umx demucs spleeter}"
python=${PYTHON:-python3}
torch=(torch==2.11.0 torchaudio==2.11.0)  # the newest for which both fit
index=${TORCH_INDEX:-}  # another index with CPU builds of torch
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$work"

song=${1:-}
if [[ -z "$song" ]]; then
  song=$folder/song.wav
  ffmpeg -v error -f lavfi -i 'anoisesrc=duration=60:color=pink:sample_rate=44100:seed=1' -ac 2 "$song"
fi
seconds=$(ffprobe -v error -show_entries format=duration -of csv=p=0 "$song")

# environment NAME PACKAGE...: a virtual environment with the packages, made once. Fails where PyPI has none that fit.
environment() {
  [[ -e "$work/$1/.complete" ]] && return
  "$python" -m venv "$work/$1"
  "$work/$1/bin/pip" -q install ${index:+--extra-index-url "$index"} "${@:2}" >&2 && touch "$work/$1/.complete"
}

# The runners separate $1 into $2; with PEERS_RANDOM=1 weights are what the constructors make of them.
cat >"$folder/run_umx.py" <<'PYTHON'
import os, sys, soundfile, torch
from openunmix import model, utils
song, out = sys.argv[1:]
targets = ["vocals", "drums", "bass", "other"]
if os.environ.get("PEERS_RANDOM"):
    nets = {t: model.OpenUnmix(nb_bins=2049, nb_channels=2, hidden_size=1024, max_bin=1487) for t in targets}
    separator = model.Separator(target_models=nets, niter=1, residual=None, n_fft=4096, n_hop=1024, nb_channels=2, sample_rate=44100.0)
else:
    separator = utils.load_separator("umxl", targets=targets, device="cpu", pretrained=True)
separator.freeze()
audio, rate = soundfile.read(song, dtype="float32", always_2d=True)
stems = separator(torch.from_numpy(audio.T.copy())[None])[0]
os.makedirs(out, exist_ok=True)
for name, stem in zip(targets, stems): soundfile.write(f"{out}/{name}.wav", stem.T.numpy(), rate)
PYTHON
cat >"$folder/run_demucs.py" <<'PYTHON'
import os, sys, soundfile, torch
from demucs.apply import apply_model
from demucs.htdemucs import HTDemucs
from demucs.pretrained import get_model
song, out = sys.argv[1:]
names = ["drums", "bass", "other", "vocals"]
if os.environ.get("PEERS_RANDOM"):  # the sizes of the published htdemucs
    net = HTDemucs(names, channels=48, growth=2, nfft=4096, cac=True, depth=4, t_layers=5, t_heads=8, dconv_mode=3,
                   bottom_channels=512, segment=7.8, samplerate=44100)
else:
    net = get_model("htdemucs")
net.eval()
audio, rate = soundfile.read(song, dtype="float32", always_2d=True)
stems = apply_model(net, torch.from_numpy(audio.T.copy())[None], shifts=0, overlap=0.25)[0]
os.makedirs(out, exist_ok=True)
for name, stem in zip(names, stems): soundfile.write(f"{out}/{name}.wav", stem.T.numpy(), rate)
PYTHON

cat >"$folder/random_spleeter.py" <<'PYTHON'
import os, sys
import tensorflow as tf
from spleeter.model import model_fn
from spleeter.utils.configuration import load_configuration
folder = os.path.join(sys.argv[1], "2stems")
os.makedirs(folder, exist_ok=True)
v1 = tf.compat.v1
with tf.Graph().as_default():
    v1.train.get_or_create_global_step()
    features = {"waveform": v1.placeholder(tf.float32, [None, 2]), "audio_id": v1.placeholder(tf.string)}
    model_fn(features, None, tf.estimator.ModeKeys.PREDICT, load_configuration("spleeter:2stems"))
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, os.path.join(folder, "model"))
open(os.path.join(folder, ".probe"), "w").write("OK")
PYTHON

# run NAME: one whole command.
run() {
  case $1 in
    svsep) "$svsep" --quiet separate --overwrite --output "$folder/out" "$song" ;;
    umx) "$work/umx/bin/python" "$folder/run_umx.py" "$song" "$folder/out/umx" ;;
    demucs) "$work/demucs/bin/python" "$folder/run_demucs.py" "$song" "$folder/out/demucs" ;;
    spleeter) "$work/spleeter/bin/spleeter" separate -p spleeter:2stems -o "$folder/out" "$song" ;;
  esac
}
export -f run
export svsep work folder song

installed_mb() {
  if [[ $1 == svsep ]]; then
    # The program with its module and models; its libraries are the system's.
    du --apparent-size -cLm "$svsep" "$(dirname "$svsep")"/../lib*/libsvsep.so "$(dirname "$svsep")"/../lib*/svsep \
      "$(dirname "$svsep")"/../share/svsep/models | tail -1 | cut -f1
  else
    du -sm "$work/$1" | cut -f1
  fi
}

usable=()
for peer in "${peers[@]}"; do
  case $peer in
    umx) environment umx openunmix "${torch[@]}" soundfile || { echo "umx: not installable here" >&2 && continue; } ;;
    demucs) environment demucs demucs "${torch[@]}" soundfile || { echo "demucs: not installable here" >&2 && continue; } ;;
    spleeter)
      environment spleeter spleeter || { echo "spleeter: not installable here" >&2 && continue; }
      if [[ -n "${PEERS_RANDOM:-}" ]]; then
        export MODEL_PATH=$folder/spleeter_models
        "$work/spleeter/bin/python" "$folder/random_spleeter.py" "$MODEL_PATH" >"$folder/log" 2>&1 || tail -1 "$folder/log" >&2
      fi
      ;;
  esac
  # Once before the clock: files are in the cache, and what cannot run is left out.
  if ! run "$peer" >"$folder/log" 2>&1; then
    echo "$peer: cannot run: $(tail -1 "$folder/log")" >&2
    continue
  fi
  usable+=("$peer")
done
for ((i = 0; i < runs; i++)); do
  for peer in "${usable[@]}"; do
    /usr/bin/time -a -o "$folder/times.$peer" -f '%e %M' bash -c "run $peer" >/dev/null 2>&1
  done
done

printf '%.0f s of music, %d processors, median of %d runs in turns%s\n\n' "$seconds" "$(nproc)" "$runs" \
  "$([[ -n "${PEERS_RANDOM:-}" ]] && echo '; the others with random weights')"
echo "| program | seconds | times real time | peak memory, MB | installed, MB |"
echo "|---|-:|-:|-:|-:|"
for peer in "${usable[@]}"; do
  median=$(cut -d' ' -f1 "$folder/times.$peer" | sort -n | sed -n "$(((runs + 1) / 2))p")
  peak=$(cut -d' ' -f2 "$folder/times.$peer" | sort -n | tail -1)
  printf '| %s | %s | %s | %s | %s |\n' "$peer" "$median" "$(awk "BEGIN { printf \"%.1f\", $seconds / $median }")" \
    "$((peak / 1024))" "$(installed_mb "$peer")"
done
