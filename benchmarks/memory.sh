#!/usr/bin/env bash
# memory.sh SVSEP SONG SHORT_SECONDS LONG_SECONDS MODEL...: whether memory grows with the song. Separates SONG, repeated, of
# both lengths, with each model (a name or a file), and prints a Markdown table of peak memory and seconds. Needs GNU time.
set -euo pipefail
svsep=$1 song=$2 short=$3 long=$4
shift 4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for seconds in "$short" "$long"; do
  ffmpeg -v error -stream_loop -1 -i "$song" -map a:0 -t "$seconds" -c:a libmp3lame -b:a 128k "$folder/$seconds.mp3"
done

# peak MODEL SECONDS: "MiB seconds"
peak() {
  local log=$folder/time
  /usr/bin/time -o "$log" -f '%M %e' "$svsep" separate "$folder/$2.mp3" -m "$1" --stems all --format mp3 -o "$folder/out" \
    --overwrite 2>/dev/null
  rm -rf "$folder/out"
  awk '{ printf "%.0f %.0f\n", $1 / 1024, $2 }' "$log"
}

echo "| model | $short s, MiB | $long s, MiB | growth | $short s take, s | $long s take, s |"
echo "|---|-:|-:|-:|-:|-:|"
for model in "$@"; do
  read -r less short_time < <(peak "$model" "$short")
  read -r more long_time < <(peak "$model" "$long")
  name=$(basename "$model" .safetensors)
  echo "| $name | $less | $more | $(awk "BEGIN { printf \"%+.0f %%\", 100 * ($more / $less - 1) }") | $short_time | $long_time |"
done
