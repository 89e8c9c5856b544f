#!/usr/bin/env bash
# Times svsep separate as a user calls it, start included: median of RUNS and peak memory for each model and number of
# threads, as a Markdown table on stdout.
#
#   benchmarks/separate.sh SVSEP SONG [RUNS]
#
# MODELS ("unet cnn") and THREADS ("1 2", by default 1 and all processors) choose the rows, OPTIONS adds options, as
# in OPTIONS="--device cuda". Needs GNU time and ffprobe.
set -euo pipefail

svsep=$1 song=$2 runs=${3:-5}
read -ra models <<<"${MODELS:-unet cnn}"
read -ra threads <<<"${THREADS:-1 $(nproc)}"
read -ra options <<<"${OPTIONS:-}"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

audio_s=$(ffprobe -v error -show_entries format=duration -of csv=p=0 "$song")
printf '%s: %.0f s of audio, median of %d runs\n\n' "$(basename "$song")" "$audio_s" "$runs"
echo "| model | threads | seconds | x real time | processor seconds | peak MiB |"
echo "|---|-:|-:|-:|-:|-:|"
for model in "${models[@]}"; do
  for count in "${threads[@]}"; do
    for ((run = 0; run < runs; ++run)); do
      /usr/bin/time -a -o "$folder/$model.$count" -f '%e %U %S %M' \
        "$svsep" separate --quiet --overwrite -m "$model" --threads "$count" -o "$folder/stems" "${options[@]}" "$song"
    done
    sort -n "$folder/$model.$count" | awk -v m="$model" -v t="$count" -v audio="$audio_s" -v middle=$(((runs + 1) / 2)) '
      $4 > peak { peak = $4 }
      NR == middle { seconds = $1; busy = $2 + $3 }
      END { printf "| %s | %d | %.2f | %.0f | %.1f | %.0f |\n", m, t, seconds, audio / seconds, busy, peak / 1024 }'
  done
done
