#!/usr/bin/env bash
# unet.sh DATA FOLDER: trains unet.safetensors in FOLDER, from FOLDER/free.safetensors, which free.sh makes. Twenty minutes
# on one GPU of H100 or H200 kind with 16 processor cores.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
"$here/arrange.sh" "$1" "$2"
cd "$2"

# learn WHOLE_SONGS OPTION...: whole songs are drawn WHOLE_SONGS times as often as seven-second excerpts, and amateurs over
# karaoke music a quarter as often.
learn() {
  svsep train --musdb musdb --musdb mir=0.25 --musdb songs-free="$1" --musdb songs-other="$1" \
    --vocals singing-free --vocals singing-other --vocals solfege-other=0.4 --vocals speech-free=0.15 \
    --accompaniment accompaniment-free --accompaniment accompaniment-other=2 \
    --recipe remix --arch harmonic-unet --batch-size 32 --warmup-steps 300 --ema 0.999 --patience 1000 --amp "${@:2}"
}

learn 3 --lr 1.5e-3 --init free.safetensors --schedule constant --epochs 8 --steps-per-epoch 400 --seed 2 -o unet-1.safetensors
learn 3 --lr 1.5e-3 --init unet-1.safetensors --schedule cosine --epochs 10 --steps-per-epoch 467 --seed 3 -o unet-2.safetensors

# Twice more from there, with other shares of whole songs: the mean of the two is better than either.
learn 8 --lr 1.2e-3 --init unet-2.safetensors --schedule constant --epochs 7 --steps-per-epoch 200 --seed 11 -o unet-a1.safetensors
learn 8 --lr 1.2e-3 --init unet-a1.safetensors --schedule cosine --epochs 8 --steps-per-epoch 313 --seed 21 -o unet-a2.safetensors
learn 3 --lr 1.2e-3 --init unet-2.safetensors --schedule constant --epochs 6 --steps-per-epoch 200 --seed 12 -o unet-b1.safetensors
learn 3 --lr 1.2e-3 --init unet-b1.safetensors --schedule cosine --epochs 8 --steps-per-epoch 342 --seed 22 -o unet-b2.safetensors
svsep model average unet-a2.safetensors unet-b2.safetensors -o unet-mean.safetensors
svsep model calibrate unet-mean.safetensors --licence CC-BY-NC-SA-4.0 -o unet.safetensors
