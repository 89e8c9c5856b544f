#!/usr/bin/env bash
# Builds svsep (Release, in build/benchmarks) and prints, as Markdown tables, what docs/development/performance.md reports:
#
#   benchmarks/run.sh [SONG]
#
# SONG is a song to separate; without one, four minutes are made of the demonstration song. PARTS chooses the tables:
#   start     svsep --version and ffprobe -version in turns: medians of 20
#   commands  svsep separate as a user calls it, start included: median of RUNS (5) and largest peak memory
#   stages    each stage's arithmetic and memory traffic, and the shares of the machine's measured peaks
#   training  a step of `svsep train` by phase and operator
# MODELS ("unet cnn"), THREADS ("1 2": 1 and all processors) and DEVICES (cpu, and cuda where there is one) choose the
# rows of the second. BUILD names another build folder. Needs Google Benchmark, GNU time and FFmpeg's programs.
set -euo pipefail

song=${1:-}
runs=${RUNS:-5}
read -ra parts <<<"${PARTS:-start commands stages training}"
read -ra models <<<"${MODELS:-unet cnn}"
read -ra threads <<<"${THREADS:-$(printf '%s\n' 1 "$(nproc)" | sort -nu | tr '\n' ' ')}"
nvidia-smi -L >/dev/null 2>&1 && devices="cpu cuda" || devices=cpu
read -ra devices <<<"${DEVICES:-$devices}"
source=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
build=${BUILD:-$source/build/benchmarks}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

{
  cmake -S "$source" -B "$build" -G Ninja -D CMAKE_BUILD_TYPE=Release -D SVSEP_BUILD_BENCHMARKS=ON
  cmake --build "$build" --target svsep demo_song benchmark_stages benchmark_training_step peak
} >&2
bin=$build/bin
if [[ -z "$song" ]]; then
  "$bin/demo_song" "$folder/demo.wav"
  song=$folder/demo_song.mp3
  ffmpeg -v error -stream_loop 23 -i "$folder/demo.wav" -b:a 192k "$song"
fi

# timed FILE COMMAND...: appends a line of elapsed, user and system seconds and peak KiB.
timed() {
  /usr/bin/time -a -o "$1" -f '%e %U %S %M' "${@:2}" >/dev/null
}

# Processor seconds below a hundredth are more than `time` shows, so ten starts are a run.
start() {
  ten() { for _ in {1..10}; do "$@" >/dev/null; done; }
  export -f ten
  for _ in {1..20}; do
    timed "$folder/svsep" bash -c 'ten "$@"' ten "$bin/svsep" --version
    timed "$folder/ffprobe" bash -c 'ten "$@"' ten ffprobe -version
  done
  echo "| start | seconds | processor seconds |"
  echo "|---|-:|-:|"
  for name in svsep ffprobe; do
    printf '| %s | %s | %s |\n' "$name" "$(awk '{ print $1 / 10 }' "$folder/$name" | sort -n | sed -n 10p)" \
      "$(awk '{ print ($2 + $3) / 10 }' "$folder/$name" | sort -n | sed -n 10p)"
  done
}

commands() {
  local audio_s
  audio_s=$(ffprobe -v error -show_entries format=duration -of csv=p=0 "$song")
  printf '%s, %.0f s, median of %d:\n\n' "$(basename "$song")" "$audio_s" "$runs"
  echo "| model | device | threads | seconds | x real time | processor seconds | peak MiB |"
  echo "|---|---|-:|-:|-:|-:|-:|"
  for model in "${models[@]}"; do
    for device in "${devices[@]}"; do
      for count in "${threads[@]}"; do
        for ((run = 0; run < runs; ++run)); do
          timed "$folder/$model.$device.$count" "$bin/svsep" separate --quiet --overwrite -m "$model" \
            --device "$device" --threads "$count" -o "$folder/stems" "$song"
        done
        sort -n "$folder/$model.$device.$count" |
          awk -v row="| $model | $device | $count" -v audio="$audio_s" -v middle=$(((runs + 1) / 2)) '
            $4 > peak { peak = $4 }
            NR == middle { seconds = $1; busy = $2 + $3 }
            END { printf "%s | %.2f | %.0f | %.1f | %.0f |\n", row, seconds, audio / seconds, busy, peak / 1024 }'
      done
    done
  done
}

stages() {
  local all
  all=$(nproc)
  "$bin/benchmark_stages" "$song" --benchmark_format=csv --benchmark_repetitions=5 \
    --benchmark_report_aggregates_only=true 2>/dev/null >"$folder/stages.csv"
  { echo "1 $("$bin/peak" 1)" && echo "$all $("$bin/peak" "$all")"; } >"$folder/peaks"
  awk -F, '
    BEGIN {
      while ((getline line < ARGV[1]) > 0) {
        split(line, peak, " ")
        arithmetic[peak[1]] = peak[2]
        memory[peak[1]] = peak[3]
        printf "Peak on %d threads: %.1f G multiply-adds/s, %.1f GB/s.\n", peak[1], peak[2] / 1e9, peak[3] / 1e9
      }
      ARGV[1] = ""
      print ""
      print "| stage | threads | ms per second of audio | M multiply-adds per second | MB per second |" \
            " % of peak arithmetic | % of peak memory |"
      print "|---|-:|-:|-:|-:|-:|-:|"
    }
    { gsub(/"/, "") }
    $1 == "name" { for (i = 1; i <= NF; ++i) column[$i] = i; next }
    column["name"] && $1 ~ /_median$/ {
      split($1, part, "/process_time")
      name = part[1]
      count = 1
      if (match(name, /\/threads:[0-9]+/)) {
        count = substr(name, RSTART + 9, RLENGTH - 9)
        name = substr(name, 1, RSTART - 1)
      }
      audio = $column["audio_s"]
      # The separator has threads of its own, so its cost is processor time.
      ms = $column[name == "transforms and masks" ? "cpu_time" : "real_time"] / audio
      taken[name] = ms
      if (name == "transforms and masks") {  # which has the transforms in rows of their own
        rest = ms
        rest_adds = $column["multiply_adds"] / audio
        rest_bytes = $column["bytes"] / audio
        next
      }
      row(name, count, ms, $column["multiply_adds"] / audio, $column["bytes"] / audio)
      if (name == "inverse STFT") {
        row("magnitudes, masks, copies", 1, rest - taken["STFT"] - taken["inverse STFT"], rest_adds, rest_bytes)
      }
    }
    function row(name, count, ms, adds, bytes) {
      printf "| %s | %d | %.2f | %s | %.2f | %s | %.1f |\n", name, count, ms, adds ? sprintf("%.1f", adds / 1e6) : "-",
        bytes / 1e6, adds ? sprintf("%.1f", 100 * adds / (ms / 1e3) / arithmetic[count]) : "-",
        100 * bytes / (ms / 1e3) / memory[count]
    }' "$folder/peaks" "$folder/stages.csv"
}

training() {
  local model
  for model in "${models[@]}"; do
    "$bin/benchmark_training_step" "$model" bfloat16 "${threads[0]}" && echo
  done
}

for part in "${parts[@]}"; do
  case $part in
    start | commands | stages | training) "$part" && echo ;;
    *) echo "run.sh: PARTS; expected start, commands, stages or training, got $part" >&2 && exit 2 ;;
  esac
done
