#!/usr/bin/env bash
# arrange.sh DATA FOLDER: links the audio that DATA/MANIFEST.tsv lists into FOLDER, by kind and by whether the licence
# that is stated for it allows commercial use ("free") or not, or none is stated ("other").
set -euo pipefail
shopt -s nocasematch
data=$(realpath "$1") out=$2
not_free='-nc|(^|[^a-z])nc([^a-z]|$)|none stated|no licence|research|restricted|audio from|states none|educational'
free='cc0|cc[ -]by|mit|bsd|gpl|apache|public domain'
validation=("Actions - One Minute Smile" "Clara Berry And Wooldog - Waltz For My Victims" "Johnny Lokke - Promises & Lies"
  "Patrick Talbot - A Reason To Leave" "Triviul - Angelsaint" "Alexander Ross - Goodbye Bolero" "Fergessen - Nos Palpitants"
  "Leaf - Summerghost" "Skelpolu - Human Mistakes" "Young Griffo - Pennies" "ANiMAL - Rockshow" "James May - On The Line"
  "Meaxic - Take A Step" "Traffic Experiment - Sirens")

link() {  # SOURCE FOLDER
  mkdir -p "$2"
  ln -sfn "$1" "$2/"
}

while IFS=$'\t' read -r path _ _ _ licence _; do
  group=other
  if [[ ! $licence =~ $not_free && $licence =~ $free ]]; then group=free; fi
  case $path in
    songs/train/MIR-1K*) link "$data/$path" "$out/mir/train" ;;
    songs/*)
      if [[ $licence == *MUSDB18* ]]; then link "$data/$path" "$out/musdb/train"; else link "$data/$path" "$out/songs-$group/train"; fi ;;
    vocals/xk-wang-SSVD*) link "$data/$path" "$out/solfege-$group" ;;
    vocals/MycroftAI*) ;;  # single words
    vocals/*__speech*) link "$data/$path" "$out/speech-$group" ;;
    vocals/*) link "$data/$path" "$out/singing-$group" ;;
    accompaniment/*) link "$data/$path" "$out/accompaniment-$group" ;;
  esac
done < <(tail -n +2 "$data/MANIFEST.tsv")
# Songs of a folder valid/ are validated on, never trained on.
for song in "${validation[@]}"; do link "$data/songs/train/$song" "$out/songs-free/valid"; done
