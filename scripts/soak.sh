#!/usr/bin/env bash
# Long runs that must not grow: soak.sh [HOURS [OPTION of svsep separate]...]
# Separates a thousand short songs of six formats in one call, then a song of HOURS hours (24) from a pipe into a pipe,
# and prints how much memory, how many threads and how many descriptors the program held after a quarter of each run
# and in its last quarter. Fails where memory grew by more than a tenth or one of the others at all, or where a
# stem has another length than its song. SVSEP: the program (build/release/bin/svsep).
set -euo pipefail

hours=${1:-24}
options=("${@:2}")
svsep=${SVSEP:-$(dirname -- "${BASH_SOURCE[0]}")/../build/release/bin/svsep}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
readonly rate_hz=22050
failed=0

# watch NAME PID: samples the process until it ends, prints a row.
watch() {
  local name=$1 pid=$2 samples=$folder/samples status=0
  : >"$samples"
  while [[ -r /proc/$pid/status ]] && kill -0 "$pid" 2>/dev/null; do
    awk -v descriptors="$(find "/proc/$pid/fd" -mindepth 1 2>/dev/null | wc -l)" \
      '/^VmRSS/ { memory = $2 } /^Threads/ { print memory, $2, descriptors }' "/proc/$pid/status" >>"$samples" 2>/dev/null || true
    sleep 0.5
  done
  wait "$pid" || status=$?
  awk -v name="$name" -v status="$status" '
    { memory[NR] = $1; threads[NR] = $2; descriptors[NR] = $3 }
    function most(list, from, to,   i, value) { for (i = from; i <= to; i++) if (list[i] > value) value = list[i]; return value + 0 }
    END {
      a = int(NR / 4); b = int(NR / 2); c = int(3 * NR / 4); d = NR - 2  # the last samples see the end of the run
      early = most(memory, a, b) / 1024; late = most(memory, c, d) / 1024
      grew = late > 1.1 * early || most(threads, c, d) > most(threads, a, b) || most(descriptors, c, d) > most(descriptors, a, b)
      printf "| %s | %d | %.0f, %.0f | %d, %d | %d, %d | %d |%s\n", name, NR / 2, early, late, most(threads, a, b), most(threads, c, d),
        most(descriptors, a, b), most(descriptors, c, d), status, grew ? " GREW" : ""
      exit status != 0 || grew
    }' "$samples" || failed=1
}

mkdir "$folder/songs"
for extension in wav flac mp3 m4a ogg opus; do
  ffmpeg -v error -f lavfi -i "anoisesrc=duration=0.5:color=pink:sample_rate=48000" "$folder/song.$extension"
  for number in $(seq 167); do ln "$folder/song.$extension" "$folder/songs/$number-$extension.$extension"; done
done

echo "| run | s | MiB | threads | descriptors | exit code |"
echo "|---|-:|-:|-:|-:|-:|"
"$svsep" separate --quiet "${options[@]}" --output "$folder/stems" "$folder/songs" &
watch "1,002 short songs" $!
stems=$(find "$folder/stems" -name '*.wav' -size +1k | wc -l)
((stems == 2004)) || { echo "soak.sh: expected 2004 stems, got $stems" >&2; failed=1; }
rm -r "$folder/stems"

mkfifo "$folder/in" "$folder/out"
seconds=$(awk -v hours="$hours" 'BEGIN { printf "%d", hours * 3600 }')
ffmpeg -v error -f lavfi -i "anoisesrc=color=pink:sample_rate=$rate_hz:duration=$seconds" -f wav -y "$folder/in" &
(tail -c +81 "$folder/out" | wc -c >"$folder/bytes") &
"$svsep" separate --quiet "${options[@]}" --format wav16 --stems vocals --output - - <"$folder/in" >"$folder/out" &
watch "$hours h through a pipe" $!
wait
expected=$((seconds * rate_hz * 2))
[[ $(<"$folder/bytes") == "$expected" ]] || { echo "soak.sh: expected $expected bytes of vocals, got $(<"$folder/bytes")" >&2; failed=1; }
exit "$failed"
