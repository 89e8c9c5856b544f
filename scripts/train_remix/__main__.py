#!/usr/bin/env python3
"""Trains a network on random mixes: the recipe of models/unet.safetensors and models/cnn.safetensors.

    python3 scripts/train_remix unet DATA better.safetensors --init models/unet.safetensors --minutes 90
    python3 scripts/train_remix harmonic DATA harmonic.safetensors --init models/unet.safetensors --minutes 95
    python3 scripts/train_remix cnn DATA cnn.safetensors --minutes 240
    python3 scripts/train_remix unet --export CHECKPOINT better.safetensors --certainty 0.75 --bias-per-octave 0.15

Needs torch >= 2.4, numpy, safetensors and pyworld; ffmpeg. The models' cards say with which options and steps they came
about; the schedule follows the clock, so a rerun gives other weights. DATA holds musdb-free/train/*.stem.mp4 (songs with stems),
vocals/*.opus and accompaniment/*.opus (no relation between the two). Four stages:

1. Everything is decoded into one file of --work (2 GB for 11 hours).
2. Speech, solfege and songs' voices are turned into other singing. Both are skipped when --work has them already.
3. Training: a worker process mixes and augments, the network learns from the error of the vocals, not from labels. Every few
   minutes the averaged weights are scored on held-out singers and a held-out song and saved to checkpoint.pt in --work:
   --export makes a model file of it at any time, --init begins with it or with a model file. Of another network's model
   file --init takes the statistics of the inputs alone; pair.py joins two files that have the same.
4. The model file, with batch normalisation folded into the convolutions.
"""
import argparse
import copy
import multiprocessing
import pathlib
import time

import numpy as np
import torch
from torch import nn

from audio import decoded_clips, read_clips, sung_clips, write_clips
from mixes import VALIDATION_SAMPLES, Batches, produce, validation_mixes
from networks import NETWORKS

WARM_UP_STEPS, VALIDATION_EVERY_MINUTES = 300, 3


@torch.no_grad()
def validation_sdr_db(net, kinds):
    """{kind: mean over its mixes}"""
    scores = {}
    for kind, (vocals, mixture) in kinds.items():
        sdr_db = []
        for voice, mix in zip(vocals.split(4), mixture.split(4)):
            spectra = net.ANALYSIS.stft(mix)
            estimate = net.ANALYSIS.istft(net.masks(spectra) * spectra, VALIDATION_SAMPLES)
            sdr_db += (10 * torch.log10(voice.square().sum((1, 2)) / (voice - estimate).square().sum((1, 2)))).tolist()
        scores[kind] = np.mean(sdr_db)
    return scores


def update_average(average, net, step):
    keep = min(net.LARGEST_KEEP, (step + 1) / (step + 12))  # the first weights are soon forgotten
    with torch.no_grad():
        for old, new in zip(average.state_dict().values(), net.state_dict().values()):
            if old.dtype.is_floating_point:
                old.mul_(keep).add_(new, alpha=1 - keep)
            else:
                old.copy_(new)


def read_checkpoint(net, path):
    """Its steps."""
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    net.load_state_dict(checkpoint["net"])
    return checkpoint["step"]


def train(net, batches, validation, minutes, learning_rate, held_share, init, checkpoint):
    while min(batches.received.values()) < 30:
        batches.receive()
    first_step, some = 0, batches.draw(64)[1]
    if init and init.suffix == ".safetensors":
        net.read_file(init, some)
    elif init:
        first_step = read_checkpoint(net, init)
    else:
        net.measure_inputs(some)
    net = net.to(memory_format=torch.channels_last)
    average = copy.deepcopy(net).eval()
    optimizer = torch.optim.AdamW(net.parameters(), learning_rate, weight_decay=net.WEIGHT_DECAY, betas=(0.9, 0.98))
    start, step, shown, losses = time.time(), 0, 0, []

    def report():
        partial = checkpoint.with_suffix(".part")
        torch.save({"net": average.state_dict(), "step": first_step + step}, partial)
        partial.replace(checkpoint)
        scores = ", ".join(f"{kind} {score_db:.2f} dB" for kind, score_db in validation_sdr_db(average, validation).items())
        print(f"{(time.time() - start) / 60:6.1f} min, step {first_step + step}, loss {np.mean(losses[-400:] or [0]):.5f}, "
              f"{sum(batches.received.values())} mixes, validation SDR: {scores}", flush=True)

    net.train()
    report()
    while (done := (time.time() - start) / (60 * minutes)) < 1:
        for group in optimizer.param_groups:  # warm up, hold, fall linearly
            group["lr"] = learning_rate * min(1, (step + 1) / WARM_UP_STEPS) * min(1, max(0.01, (1 - done) / (1 - held_share)))
        for _ in range(10):  # more would cost the network time; each is heard beside several others
            if batches.mixes.empty():
                break
            batches.receive()
        vocals, mixture = batches.draw(net.MIXES)
        band = batches.band_limits(net.MIXES, net.ANALYSIS.bins)
        vocals, mixture = net.ANALYSIS.stft(vocals) * band, net.ANALYSIS.stft(mixture) * band
        level_error_db = torch.empty(net.MIXES, 1, 1, 1).uniform_(-2, 2)  # a song's level is that of more seconds than a piece has
        loss = net.loss(vocals, mixture, 10**(level_error_db / 20))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), net.CLIP_NORM)
        optimizer.step()
        step += 1
        losses.append(loss.item())
        update_average(average, net, step)
        if done * minutes / VALIDATION_EVERY_MINUTES >= shown + 1:
            shown = int(done * minutes / VALIDATION_EVERY_MINUTES)
            report()
    report()


def export(net, checkpoint, path, certainty, bias_per_octave):
    steps = read_checkpoint(net, checkpoint)
    training = (f"random mixes, {steps} steps of {net.MIXES} pieces, AdamW, error of the vocals, weight average, "
                f"certainty {certainty:g}, bias {bias_per_octave:g} an octave")
    net.eval().write_file(path, training, certainty, bias_per_octave)


def main():
    parser = argparse.ArgumentParser(prog="train_remix", description=__doc__.splitlines()[0])
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("data", type=pathlib.Path, nargs="?", help="folder of the audio")
    parser.add_argument("output", type=pathlib.Path, help="model file to write")
    parser.add_argument("--minutes", type=float, default=105, help="of training, decoding and singing not counted")
    parser.add_argument("--learning-rate", type=float, help="[cnn: 5e-4, else 1e-3]")
    parser.add_argument("--held-share", type=float, default=0.5, help="of the time that the learning rate is held before it falls")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("build/train_remix"), help="folder of the caches and the checkpoint")
    parser.add_argument("--init", type=pathlib.Path, help="checkpoint or model file to begin with")
    parser.add_argument("--export", type=pathlib.Path, help="only write the model file of this checkpoint")
    parser.add_argument("--certainty", type=float, default=1.0,
                        help="gain of the logits in the model file: networks are too sure of songs unlike those they have heard")
    parser.add_argument("--bias-per-octave", type=float, default=0.0,
                        help="of those logits, from 200 Hz on: of songs, networks lose more voice, most of it high, than they let accompaniment through")
    parser.add_argument("--sung-minutes", type=float, default=200, help="of singing made of other voices")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_intermixed_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    net = NETWORKS[args.network]()
    if args.export:
        export(net, args.export, args.output, args.certainty, args.bias_per_octave)
        return
    if not args.data:
        parser.error("DATA is required")

    args.work.mkdir(parents=True, exist_ok=True)
    caches, checkpoint = (args.work / "decoded", args.work / "sung"), args.work / f"checkpoint-{args.network}.pt"
    for cache, clips in zip(caches, (lambda: decoded_clips(args.data), lambda: sung_clips(read_clips(caches[0]), args.sung_minutes))):
        if not cache.with_suffix(".json").exists():
            write_clips(cache, clips())
        print(f"{cache}: {len(read_clips(cache))} clips", flush=True)

    mixes = multiprocessing.Queue(32)
    worker = multiprocessing.Process(target=produce, args=(mixes, caches, 1000 * args.seed), daemon=True)
    worker.start()
    try:
        train(net, Batches(mixes, args.seed), validation_mixes(read_clips(caches[0])), args.minutes, args.learning_rate or net.LEARNING_RATE,
              args.held_share, args.init, checkpoint)
    finally:
        worker.terminate()
        worker.join()
        mixes.close()
    export(net, checkpoint, args.output, args.certainty, args.bias_per_octave)


if __name__ == "__main__":
    main()
