#!/usr/bin/env python3
"""Trains the U-Net with dilated convolutions on random mixes: the recipe of models/unet.safetensors.

    scripts/train_unet_remix.py DATA models/unet.safetensors --minutes 105 --threads 2
    scripts/train_unet_remix.py DATA better.safetensors --init models/unet.safetensors --minutes 60
    scripts/train_unet_remix.py --export CHECKPOINT models/unet.safetensors

Needs torch >= 2.4, numpy, safetensors and pyworld; ffmpeg. models/unet.md says with which options and steps the shipped model
came about; the schedule follows the clock, so a rerun gives other weights. DATA holds musdb-free/train/*.stem.mp4 (songs with stems),
vocals/*.opus and accompaniment/*.opus (no relation between the two). Four stages:

1. Everything is decoded into one file of --work (2 GB for 11 hours).
2. Speech and solfege are turned into singing with the vocoder WORLD (Morise et al. 2016, doi:10.1587/transinf.2015EDP7457):
   real singing is what free audio has least of. Both are skipped when --work has them already.
3. Training: a worker process mixes and augments, the network learns from the error of the resynthesised vocals, not from
   labels. Every three minutes the averaged weights are scored on held-out singers and a held-out song and saved to
   checkpoint.pt in --work: --export makes a model file of it at any time, --init begins with it or with a model file.
4. The model file, with batch normalisation folded into the convolutions.
"""
import argparse
import copy
import json
import multiprocessing
import os
import pathlib
import queue
import signal
import subprocess
import time
from typing import NamedTuple

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

RATE, N_FFT, HOP, LEVEL_RADIUS_FRAMES, LOG_FLOOR = 22050, 2048, 512, 129, 1e-3
BINS = N_FFT // 2  # those that the network sees; the bin at half the rate gets the mask of the one below it
PLANES = 2  # of the input: the root of the channels' mean power, and of its part that their mean lacks (the side)
CHANNELS, HIDDEN_UNITS, DILATIONS = (24, 32), 384, (1, 2, 4, 8, 16) * 2
BATCH, PIECE_SAMPLES = 8, 4 * RATE
MIX_SAMPLES, BUFFERED_MIXES, MIX_INT16 = 6 * RATE, 1500, 2000  # the worker's pieces; int16 steps of an RMS of one
WARM_UP_STEPS, LARGEST_KEEP = 300, 0.9985
VALIDATION_EVERY_MINUTES, VALIDATION_SAMPLES, VALIDATION_SINGER_MIXES, VALIDATION_VOICE_GAIN = 3, 8 * RATE, 16, 3.2
VALIDATION_SONG, VALIDATION_SONG_FROM_S = "Rubidium", (30, 60, 90, 120, 160, 200)
VALIDATION_SINGERS = ("singing-23.opus", "singing-24.opus")
PARTS = ("drums", "bass", "other", "vocals")  # a .stem.mp4's streams 1 to 4
SONG_VOICE_SHARE, SONG_BACK_SHARE = 0.3, 0.2
VOICE_SHARES = {"solfege": 0.34, "speech": 0.07, "syllables": 0.07, "sung-speech": 0.13, "sung-solfege": 0.12}  # of the rest
MONO_SHARE = 0.25  # of the pieces
SUNG_SHARES, FRAME_S = {"speech": 0.6, "solfege": 0.4}, 0.005  # WORLD's frames


class Clip(NamedTuple):
    kind: str  # accompaniment, solfege, speech, syllables, sung-..., or song-PART and its channel: song-vocals0
    split: str  # train or validation
    name: str
    samples: np.ndarray  # int16 at RATE, one channel, in the cache file


def write_clips(path, clips):
    """PATH.i16 and its index PATH.json, which is written last: where it exists, the cache is whole."""
    index = []
    with open(f"{path}.i16", "wb") as file:
        for clip in clips:
            index.append((*clip[:3], len(clip.samples)))
            file.write(clip.samples.tobytes())
    pathlib.Path(f"{path}.json").write_text(json.dumps(index), encoding="utf-8")


def read_clips(path):
    samples, start, clips = np.asarray(np.memmap(f"{path}.i16", np.int16, "r")), 0, []
    for *labels, count in json.loads(pathlib.Path(f"{path}.json").read_text(encoding="utf-8")):
        clips.append(Clip(*labels, samples[start:start + count]))
        start += count
    return clips


# ---- Stage 1: the audio


def decode(path, stream=0, channels=1):
    """[samples, channels] float32 of one audio stream at RATE; a stem without sound may have no samples."""
    command = ["ffmpeg", "-v", "quiet", "-threads", "1", "-i", str(path), "-map", f"0:a:{stream}", "-f", "f32le",
               "-ac", str(channels), "-ar", str(RATE), "-"]
    return np.frombuffer(subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout, np.float32).reshape(-1, channels)


def as_int16(x, peak):
    return (x * (32000 / max(peak, 1e-6))).astype(np.int16)


def decoded_clips(data):
    for path in sorted((data / "vocals").glob("*.opus")):
        sung = path.name.startswith(("vocobox", "Tonejs", "titinko", "MTG"))
        kind = "solfege" if "SSVD" in path.name else "syllables" if sung else "speech"
        x = decode(path)[:, 0]
        yield Clip(kind, "validation" if path.name.endswith(VALIDATION_SINGERS) else "train", path.name, as_int16(x, np.abs(x).max()))
    for index, path in enumerate(sorted((data / "accompaniment").glob("*.opus"))):
        if "LOL-373" not in path.name:  # holds voices
            x = decode(path)[:, 0]
            yield Clip("accompaniment", "validation" if index % 20 == 7 else "train", path.name, as_int16(x, np.abs(x).max()))
    for path in sorted((data / "musdb-free/train").glob("*.stem.mp4")):
        stems = [decode(path, 1 + index, 2) for index in range(len(PARTS))]
        samples, peak = max(map(len, stems)), max(np.abs(x).max(initial=0) for x in stems)
        for part, stem in zip(PARTS, stems):
            stem = as_int16(np.pad(stem, ((0, samples - len(stem)), (0, 0))), peak)
            for channel in (0, 1):
                yield Clip(f"song-{part}{channel}", "validation" if VALIDATION_SONG in path.name else "train", path.name, stem[:, channel])


# ---- Stage 2: singing made of speech and solfege


def melody(rng, frames, voiced_median_hz):
    """Hz per frame: random steps in a major scale around the speaker's pitch, with portamento, vibrato and drift."""
    root = 12 * np.log2(voiced_median_hz / 440) + rng.uniform(-4, 9)
    scale = np.array([12 * octave + step for octave in (-2, -1, 0, 1, 2) for step in (0, 2, 4, 5, 7, 9, 11)])
    semitones, frame, degree = np.zeros(frames), 0, int(np.argmin(abs(scale)))
    while frame < frames:
        length = int(rng.choice([0.15, 0.25, 0.35, 0.5, 0.8, 1.3]) * rng.uniform(0.8, 1.2) / FRAME_S)
        semitones[frame:frame + length] = scale[degree]
        frame += length
        degree = int(np.clip(degree + rng.choice([-4, -2, -1, -1, 0, 1, 1, 2, 3]), 10, 25))
    glide = np.hanning(int(rng.uniform(8, 24)) * 2 + 1)
    semitones = np.convolve(np.pad(semitones, len(glide) // 2, mode="edge"), glide / glide.sum(), "valid")[:frames]
    vibrato_hz = rng.uniform(4.8, 6.5) + 0.3 * rng.standard_normal(frames)
    vibrato = np.sin(2 * np.pi * np.cumsum(vibrato_hz) * FRAME_S) * rng.uniform(0, 0.7)
    drift = np.convolve(rng.standard_normal(frames + 200), np.hanning(200) / 10, "valid")[:frames] * 0.15
    return 440 * 2**((root + semitones + vibrato + drift) / 12)


def sung(rng, y, kind):
    """A variant of y with another length, vocal tract and pitch, peak 1; None where little is voiced."""
    import pyworld  # only this stage needs it
    y = y.astype(np.float64)
    rough_hz, times = pyworld.dio(y, RATE, f0_floor=65, f0_ceil=900, frame_period=1000 * FRAME_S)
    pitch_hz = pyworld.stonemask(y, rough_hz, times, RATE)
    voiced = pitch_hz > 0
    if voiced.mean() < 0.3:
        return None
    envelope, aperiodicity = pyworld.cheaptrick(y, pitch_hz, times, RATE), pyworld.d4c(y, pitch_hz, times, RATE)

    if kind == "speech":  # singing holds the vowels, not the consonants
        ends = np.concatenate([[0], np.cumsum(np.where(voiced, rng.uniform(1, 2.4), 1.0))])
        at = np.interp(np.arange(int(ends[-1])), ends[:-1], np.arange(len(pitch_hz)))
    else:
        at = np.linspace(0, len(pitch_hz) - 1.001, int(len(pitch_hz) * rng.uniform(0.8, 1.3)))
    frame = at.astype(int).clip(0, len(pitch_hz) - 2)
    part = (at - frame)[:, None]
    envelope = np.exp((1 - part) * np.log(envelope[frame]) + part * np.log(envelope[frame + 1]))
    aperiodicity = (1 - part) * aperiodicity[frame] + part * aperiodicity[frame + 1]
    from_hz = pitch_hz[frame]

    source = np.arange(envelope.shape[1]) / rng.uniform(0.84, 1.2)  # formants higher or lower: another vocal tract
    lower = source.astype(int).clip(0, envelope.shape[1] - 2)
    part = (source - lower).clip(0, 1)
    envelope = np.exp((1 - part) * np.log(envelope[:, lower]) + part * np.log(envelope[:, lower + 1]))
    aperiodicity = (1 - part) * aperiodicity[:, lower] + part * aperiodicity[:, lower + 1]

    if kind == "speech":
        median_hz = np.median(pitch_hz[voiced])  # some of the speaker's own intonation stays
        to_hz = melody(rng, len(at), median_hz) * (np.maximum(from_hz, 1) / median_hz)**rng.uniform(0, 0.35)
    else:
        to_hz = from_hz * 2**(rng.uniform(-5, 5) / 12)
    to_hz = np.where(from_hz > 0, np.clip(to_hz, 60, 1000), 0)
    z = pyworld.synthesize(to_hz, np.ascontiguousarray(envelope), np.ascontiguousarray(aperiodicity.clip(0, 1)), RATE, 1000 * FRAME_S)
    return z / (np.abs(z).max() + 1e-9)


def sung_clips(clips, minutes):
    """Variants of random pieces of at most 8 s, drawn so that every second of the sources is as likely."""
    rng = np.random.default_rng(5)
    sources = {kind: [c for c in clips if c.kind == kind and c.split == "train"] for kind in SUNG_SHARES}
    left = {kind: share * minutes * 60 * RATE for kind, share in SUNG_SHARES.items() if sources[kind]}
    while any(samples > 0 for samples in left.values()):
        kind = "speech" if rng.random() < SUNG_SHARES["speech"] else "solfege"
        if left.get(kind, 0) <= 0:
            continue
        weights = np.array([len(c.samples) for c in sources[kind]], float)
        clip = sources[kind][rng.choice(len(weights), p=weights / weights.sum())]
        length = min(8 * RATE, len(clip.samples))
        start = rng.integers(0, len(clip.samples) - length + 1)
        y = clip.samples[start:start + length].astype(np.float64) / 32768
        variant = sung(rng, y, kind) if y.std() >= 1e-3 else None
        if variant is not None and np.isfinite(variant).all():
            left[kind] -= len(variant)
            yield Clip(f"sung-{kind}", "train", clip.name, (variant * 30000).astype(np.int16))


# ---- Stage 3: the mixes


def unit(y):
    return (y / (np.sqrt((y * y).mean()) + 1e-6)).astype(np.float32)


def songs_of(clips, split):
    """{"vocals": [2, samples], ..} of each song, by name."""
    songs = {}
    for clip in clips:
        if clip.kind.startswith("song-") and clip.split == split:
            songs.setdefault(clip.name, {})[clip.kind.removeprefix("song-")] = clip.samples
    return [{part: (song[f"{part}0"], song[f"{part}1"]) for part in PARTS} for _, song in sorted(songs.items())]


def smooth_curve(rng, bins, points, low, high):
    """Random values in low..high across frequency, denser at its lower end."""
    return np.interp(np.linspace(0, 1, bins)**0.4, np.linspace(0, 1, points), rng.uniform(low, high, points))


def padded_size(samples):
    return 1 << (samples - 1).bit_length()


class Mixer:
    """Augmented voices, accompaniments and pieces of songs: [2, MIX_SAMPLES] each. What is made of one channel stays
    [1, MIX_SAMPLES] until it is placed between the loudspeakers."""

    def __init__(self, clips, seed):
        self.rng, self.songs = np.random.default_rng(seed), songs_of(clips, "train")
        of_kind = lambda kind: [c.samples for c in clips if c.kind == kind and c.split == "train"]
        self.backs = of_kind("accompaniment")
        self.back_weights = np.array([len(x)**0.7 for x in self.backs])  # long files are often much of the same
        self.back_weights /= self.back_weights.sum()
        voices = [(x, share / sum(map(len, of_kind(kind)))) for kind, share in VOICE_SHARES.items() for x in of_kind(kind)]
        self.voices = [x for x, _ in voices]
        self.voice_weights = np.array([len(x) * share_of_a_sample for x, share_of_a_sample in voices])
        self.voice_weights /= self.voice_weights.sum()

    def chosen(self, things):
        return things[self.rng.integers(len(things))]

    def cut(self, samples):
        if len(samples) < MIX_SAMPLES:
            samples = np.tile(samples, MIX_SAMPLES // len(samples) + 1)
        start = self.rng.integers(0, len(samples) - MIX_SAMPLES + 1)
        return samples[None, start:start + MIX_SAMPLES].astype(np.float32) / 32768

    def start_in(self, song):
        return self.rng.integers(0, len(song["vocals"][0]) - MIX_SAMPLES + 1)

    @staticmethod
    def stems(song, gains, start):
        """[2, MIX_SAMPLES]"""
        return sum(np.float32(gain / 32768) * np.stack([x[start:start + MIX_SAMPLES] for x in song[part]]).astype(np.float32)
                   for part, gain in gains.items())

    def gain(self, low_db, high_db):
        return 10**(self.rng.uniform(low_db, high_db) / 20)

    def ratio(self, semitones):
        return 2**(self.rng.uniform(-semitones, semitones) / 12)

    @staticmethod
    def shifted(y, ratio):
        """Pitch and tempo together."""
        at = np.arange(y.shape[1]) * ratio % (y.shape[1] - 1)
        before = at.astype(np.int64)
        part = (at - before).astype(np.float32)
        return y[:, before] * (1 - part) + y[:, before + 1] * part

    def equalised(self, y, largest_db=5.0):
        size = padded_size(y.shape[1])
        spectrum = np.fft.rfft(y, size)
        gain_db = smooth_curve(self.rng, spectrum.shape[1], 7, -largest_db, largest_db)
        return np.fft.irfft(spectrum * 10**(gain_db / 20), size)[:, :y.shape[1]].astype(np.float32)

    def in_a_room(self, y):
        """[2, samples]: each loudspeaker has reflections of its own."""
        length = int(self.rng.uniform(0.15, 1.6) * RATE)
        room = self.rng.standard_normal((2, length)).astype(np.float32) * np.exp(-6.9 * np.arange(length) / length).astype(np.float32)
        room[1] += self.rng.uniform(0, 1) * (room[0] - room[1])
        room[:, :int(self.rng.uniform(0.003, 0.03) * RATE)] = 0
        size = padded_size(y.shape[1] + length)
        response = np.fft.rfft(room / np.linalg.norm(room), size)
        if self.rng.random() < 0.7:  # walls swallow the treble
            response = response / (1 + np.arange(response.shape[1]) * RATE / size / self.rng.uniform(1500, 6000))
        tail = np.fft.irfft(np.fft.rfft(y, size) * response, size)[:, :y.shape[1]].astype(np.float32)
        return y + self.rng.uniform(0.05, 0.6) * tail * (y.std() / (tail.std() + 1e-9))

    def compressed(self, y):
        envelope = np.sqrt(np.convolve((y * y).mean(0), np.ones(441) / 441, "same") + 1e-4)
        return y / envelope**self.rng.uniform(0.3, 0.7)

    def overdriven(self, y):
        drive = self.rng.uniform(0.5, 4)
        return np.tanh(drive * y) / drive

    def panned(self, y, widest):
        """[2, samples] of any: by gains of equal power."""
        angle = (1 + self.rng.uniform(-widest, widest)) * np.pi / 4
        return y * np.float32(np.sqrt(2)) * np.array([[np.cos(angle)], [np.sin(angle)]], np.float32)

    def doubled(self, y):
        result = y + np.zeros((2, 1), np.float32)
        for _ in range(self.rng.integers(1, 3)):
            delay = int(self.rng.uniform(0.008, 0.04) * RATE)
            copy = np.roll(self.shifted(y, self.ratio(0.2)), delay, 1)
            result += self.rng.uniform(0.3, 1) * self.panned(copy, 1.0)
        return result

    def echoed(self, y):
        delay, gain, result = int(self.rng.uniform(0.12, 0.5) * RATE), self.rng.uniform(0.15, 0.5), y.copy()
        for repeat in (1, 2, 3):
            result[:, repeat * delay:] += gain**repeat * y[:, :-repeat * delay]
        return result

    def with_a_rest(self, y):
        from_sample, to_sample = (np.sort(self.rng.uniform(0, MIX_SAMPLES / RATE, 2)) * RATE).astype(int)
        gain, fade = np.ones(MIX_SAMPLES, np.float32), np.hanning(1001).astype(np.float32)
        gain[from_sample:to_sample] = 0
        return y * np.convolve(gain, fade / fade.sum(), "same")

    def spread(self, y):
        """[2, samples] of [1, samples]: as several instruments would, frequencies come from several directions."""
        if self.rng.random() < 0.2:
            return y + np.zeros((2, 1), np.float32)
        if self.rng.random() < 0.3:
            return self.panned(y, 1.0)
        size = padded_size(y.shape[1])
        spectrum, width = np.fft.rfft(y, size)[0], self.rng.uniform(0.2, 1)
        rise = np.clip(np.arange(len(spectrum)) * RATE / size / self.rng.uniform(80, 300), 0, 1)  # the bass is in the middle
        angle = (1 + rise * smooth_curve(self.rng, len(spectrum), self.rng.integers(6, 40), -width, width)) * np.pi / 4
        phase = np.zeros(1)
        if self.rng.random() < 0.6:  # chorus, wide synthesizers
            apart = self.rng.uniform(0.2, 2)
            phase = rise * smooth_curve(self.rng, len(spectrum), self.rng.integers(10, 200), -apart, apart)
        sides = np.stack([np.cos(angle) * np.exp(0.5j * phase), np.sin(angle) * np.exp(-0.5j * phase)]) * np.sqrt(2)
        return np.fft.irfft(spectrum * sides, size)[:, :y.shape[1]].astype(np.float32)

    def dry_voice(self):
        """RMS one where it sounds: a piece that is mostly rests must not become loud."""
        while True:
            if self.rng.random() < SONG_VOICE_SHARE:
                song = self.chosen(self.songs)
                y = self.stems(song, {"vocals": 1.0}, self.start_in(song))
            else:
                y = self.cut(self.voices[self.rng.choice(len(self.voices), p=self.voice_weights)])
            envelope = np.sqrt(np.convolve((y * y).mean(0), np.ones(2205) / 2205, "same")[::441] + 1e-12)
            if envelope.max() > 1e-3:
                return y / (np.sqrt((envelope[envelope > 0.1 * envelope.max()]**2).mean()) + 1e-6)

    def voice(self):
        rng, y = self.rng, self.dry_voice()
        if rng.random() < 0.6:
            y = self.shifted(y, self.ratio(4))
        if rng.random() < 0.2:
            y = y + rng.uniform(0.3, 1) * self.panned(self.dry_voice(), 1.0)
        y = self.equalised(y, 7)
        for share, effect in ((0.35, self.compressed), (0.2, self.overdriven), (0.2, lambda y: self.panned(y, 0.6)), (0.2, self.doubled),
                              (0.15, self.echoed), (0.65, self.in_a_room), (0.3, self.with_a_rest)):
            if rng.random() < share:
                y = effect(y)
        return unit(y + np.zeros((2, 1), np.float32))

    def dry_back(self):
        while True:
            if self.rng.random() < SONG_BACK_SHARE:
                gains = {part: self.gain(-8, 6) for part in PARTS[:3] if self.rng.random() < 0.8}
                if not gains:
                    continue
                song = self.chosen(self.songs)
                y = self.stems(song, gains, self.start_in(song))
            else:
                y = self.cut(self.backs[self.rng.choice(len(self.backs), p=self.back_weights)])
            if y.std() > 1e-3:
                return unit(y if len(y) == 2 else self.spread(y))

    def back(self):
        y = self.dry_back()
        if self.rng.random() < 0.4:
            y = self.shifted(y, self.ratio(4))
        while self.rng.random() < 0.3:
            y = y + self.rng.uniform(0.2, 1) * self.dry_back()
        if self.rng.random() < 0.6:
            y = self.equalised(y)
        if self.rng.random() < 0.15:
            y = self.in_a_room(y)
        return unit(y)

    def pair(self):
        """[2, 2, samples]: vocals and accompaniment of one place in a song, whose mix has the level one."""
        rng = self.rng
        while True:
            song = self.chosen(self.songs)
            start = self.start_in(song)
            vocals = self.stems(song, {"vocals": 1.0}, start)
            back = self.stems(song, {part: self.gain(-4, 4) for part in PARTS[:3]}, start)
            if (vocals + back).std() > 1e-3:
                break
        if rng.random() < 0.6:
            ratio = self.ratio(4)
            vocals, back = self.shifted(vocals, ratio), self.shifted(back, ratio)
        if rng.random() < 0.6:
            vocals = self.equalised(vocals, 4)
        if rng.random() < 0.6:
            back = self.equalised(back, 4)
        vocals = vocals * self.gain(-3, 9)
        return np.stack([vocals, back]).astype(np.float32) / ((vocals + back).std() + 1e-6)


def produce(mixes, caches, seed):
    """The worker: puts (kind, int16 samples) until its parent ends, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends this process
    mixes.cancel_join_thread()
    os.nice(8)
    mixer, parent = Mixer([clip for path in caches for clip in read_clips(path)], seed), multiprocessing.parent_process()
    while True:
        for kind in ("voice",) * 4 + ("back",) * 4 + ("pair",):
            mix = (getattr(mixer, kind)() * MIX_INT16).clip(-32767, 32767).astype(np.int16)
            while True:
                if not parent.is_alive():
                    return
                try:
                    mixes.put((kind, mix), timeout=5)
                    break
                except queue.Full:
                    pass


class Batches:
    """Batches of the worker's last mixes; each new one replaces the oldest, so none has to be waited for."""

    def __init__(self, mixes, seed):
        self.mixes, self.rng = mixes, np.random.default_rng(seed)
        self.buffers = {kind: np.zeros((BUFFERED_MIXES, 2, MIX_SAMPLES), np.int16) for kind in ("voice", "back")}
        self.buffers["pair"] = np.zeros((BUFFERED_MIXES // 3, 2, 2, MIX_SAMPLES), np.int16)
        self.received = dict.fromkeys(self.buffers, 0)

    def receive(self):
        kind, mix = self.mixes.get(timeout=600)  # a worker that failed must not keep us waiting
        self.buffers[kind][self.received[kind] % len(self.buffers[kind])] = mix
        self.received[kind] += 1

    def piece(self, kind):
        buffer = self.buffers[kind]
        mix = buffer[self.rng.integers(min(self.received[kind], len(buffer)))]
        start = self.rng.integers(0, MIX_SAMPLES - PIECE_SAMPLES + 1)
        return mix[..., start:start + PIECE_SAMPLES].astype(np.float32) / MIX_INT16

    def draw(self, count):
        """(vocals, mixture), [count, 2, samples] each; some pieces have no voice, a few nothing else."""
        rng, vocals, mixtures = self.rng, [], []
        for _ in range(count):
            if rng.random() < 0.22:
                voice, back = self.piece("pair")
            else:
                back = self.piece("back")
                voice = np.zeros_like(back) if rng.random() < 0.08 else self.piece("voice") * 10**(rng.uniform(-10, 7) / 20)
                if rng.random() < 0.02:
                    back = back * 0
            if rng.random() < 0.25:
                voice, back = self.at_an_end(voice, back)
            if rng.random() < MONO_SHARE:  # both channels' mean, or one of them twice
                left = float(rng.choice([0, 0.5, 1]))
                voice, back = (np.stack([left * y[0] + (1 - left) * y[1]] * 2) for y in (voice, back))
            elif rng.random() < 0.5:
                voice, back = voice[::-1], back[::-1]
            level = 0.1 / ((voice + back).std() + 1e-6)
            vocals.append(voice * level)
            mixtures.append(vocals[-1] + back * level)
        return torch.from_numpy(np.stack(vocals)), torch.from_numpy(np.stack(mixtures))

    def at_an_end(self, *stems):
        """A song's beginning or end: separation sees silent frames beyond it, not the zeros that pad a piece's layers."""
        inside, beyond, place = np.ones(PIECE_SAMPLES, np.float32), int(self.rng.uniform(0.1, 1.6) * RATE), self.rng.random()
        if place < 0.6:
            inside[:beyond] = 0
        if place > 0.4:
            inside[-beyond:] = 0
        return [stem * inside for stem in stems]

    def band_limits(self, count):
        """[count, 1, 1, bins] gains: many songs' top bins are gone, by a resampler's slope or a codec, some songs' lowest too."""
        rng, bins_hz = self.rng, np.arange(BINS + 1) * RATE / N_FFT
        gains = np.ones((count, 1, 1, BINS + 1), np.float32)
        for gain in gains[:, 0, 0]:
            if rng.random() < 0.3:
                if rng.random() < 0.6:
                    from_hz, width_hz = rng.uniform(9200, 10700), rng.uniform(300, 1000)
                else:
                    from_hz, width_hz = rng.uniform(3500, 9200), rng.uniform(300, 2000)
                gain[:] = 10**(-rng.uniform(35, 80) / 20 * np.clip((bins_hz - from_hz) / width_hz, 0, 1)**1.5)
            if rng.random() < 0.1:
                gain *= np.clip(bins_hz / rng.uniform(60, 250), 0, 1)**rng.uniform(1, 3)
        return torch.from_numpy(gains)


# ---- Stage 3: the network


def normalised_convolution(inputs, outputs, kernel, **options):
    return [nn.Conv2d(inputs, outputs, kernel, bias=False, **options), nn.BatchNorm2d(outputs)]


def fold(x):
    """[batch, channels, frames, positions] -> [batch, 4 channels, frames, positions / 4]"""
    batch, channels, frames, positions = x.shape
    return x.permute(0, 2, 3, 1).reshape(batch, frames, positions // 4, 4 * channels).permute(0, 3, 1, 2)


def unfold(x):
    batch, channels, frames, positions = x.shape
    return x.permute(0, 2, 3, 1).reshape(batch, frames, 4 * positions, channels // 4).permute(0, 3, 1, 2)


def flatten(x):
    """[batch, channels, frames, positions] -> [batch, positions x channels, frames, 1]"""
    return x.permute(0, 2, 3, 1).flatten(2).unsqueeze(2).permute(0, 3, 1, 2)


def unflatten(x, channels):
    x = x.permute(0, 2, 3, 1)
    return x.reshape(x.shape[0], x.shape[1], -1, channels).permute(0, 3, 1, 2)


class Block(nn.Module):
    """Dilated in time, one filter a unit, then all units with all; added to its input."""

    def __init__(self, units, dilation):
        super().__init__()
        self.dw, self.n1 = normalised_convolution(units, units, (3, 1), padding=(dilation, 0), dilation=(dilation, 1), groups=units)
        self.p1, self.n2 = normalised_convolution(units, units, 1)

    def forward(self, x):
        return x + self.n2(self.p1(torch.relu(self.n1(self.shifted_sum(x)))))

    def shifted_sum(self, x):
        """self.dw(x), whose gradient takes a CPU as long as all other layers'."""
        dilation, frames, weight = self.dw.dilation[0], x.shape[2], self.dw.weight
        padded = functional.pad(x, (0, 0, dilation, dilation))
        return sum(weight[:, 0, k, :, None] * padded[:, :, k * dilation:k * dilation + frames] for k in range(3))


class UnetTcn(nn.Module):
    """[batch, PLANES, frames, BINS] -> logits [batch, frames, BINS]. A U-Net over frequency, whose levels fold four neighbouring
    positions into channels and see three frames; in its middle, dilated blocks see whole frames and seconds around them."""

    def __init__(self):
        super().__init__()
        c1, c2 = CHANNELS
        level = lambda inputs, outputs: nn.Sequential(*normalised_convolution(inputs, outputs, 3, padding=1), nn.ReLU())
        flat = c2 * BINS // 16
        self.e1, self.e2, self.e3 = level(4 * PLANES, c1), level(4 * c1, c2), level(c2, c2)
        self.into = nn.Sequential(*normalised_convolution(flat, HIDDEN_UNITS, 1))
        self.temporal = nn.ModuleList(Block(HIDDEN_UNITS, dilation) for dilation in DILATIONS)
        self.out = nn.Sequential(nn.ReLU(), *normalised_convolution(HIDDEN_UNITS, flat, 1))
        self.d2, self.d1, self.last = level(2 * c2, c2), level(c2 // 4 + c1, c1), nn.Conv2d(c1, 4, 1)

    def forward(self, x):
        level1 = self.e1(fold(x))
        level2 = self.e3(self.e2(fold(level1)))
        x = self.into(flatten(level2))
        for block in self.temporal:
            x = block(x)
        x = self.d2(torch.cat([unflatten(self.out(x), CHANNELS[1]), level2], 1))
        x = self.d1(torch.cat([unfold(x), level1], 1))
        return unfold(self.last(x)).squeeze(1)


def stft(x):
    """[batch, channels, samples] -> [batch, channels, frames, BINS + 1]"""
    spectra = torch.stft(x.flatten(0, 1), N_FFT, HOP, window=torch.hann_window(N_FFT), return_complex=True)
    return spectra.transpose(1, 2).unflatten(0, x.shape[:2])


def istft(spectra, samples):
    x = torch.istft(spectra.flatten(0, 1).transpose(1, 2), N_FFT, HOP, window=torch.hann_window(N_FFT), length=samples)
    return x.unflatten(0, spectra.shape[:2])


def planes(spectra):
    """[batch, PLANES, frames, BINS + 1]"""
    power = (spectra.real.square() + spectra.imag.square()).mean(1)
    middle = spectra.mean(1)
    side = (power - middle.real.square() - middle.imag.square()).clamp(min=0)
    return torch.stack([power, side], 1).sqrt()


def frame_levels(magnitudes):
    """[batch, 1, frames, 1] of the first plane, as svsep's input transform log-level has it but for the last bin, which has
    no power to speak of."""
    power = magnitudes[:, 0].double().square().mean(2)
    frames = torch.arange(power.shape[1])
    first, after = (frames - LEVEL_RADIUS_FRAMES).clamp(min=0), (frames + LEVEL_RADIUS_FRAMES + 1).clamp(max=len(frames))

    def around(values):
        sums = functional.pad(values.cumsum(1), (1, 0))
        return sums[:, after] - sums[:, first]

    level = (around(power) / around((power > 0).double()).clamp(min=1)).clamp(min=0).sqrt()
    return level.clamp(min=1e-7).float()[:, None, :, None]


def log_compressed(magnitudes, gains=1.0):
    magnitudes = magnitudes[..., :BINS]
    return torch.log(magnitudes * (gains / frame_levels(magnitudes)) + LOG_FLOOR)


def masks(net, inputs):
    """[batch, 1, frames, BINS + 1]: one for all channels."""
    with torch.autocast("cpu", torch.bfloat16):
        logits = net(inputs)
    mask = torch.sigmoid(logits.float())
    return torch.cat([mask, mask[..., -1:]], 2).unsqueeze(1)


# ---- Stage 3: validation and training


def validation_mixes(clips):
    """(vocals, mixture), [mixes, 2, samples] each: held-out singers in a room over held-out music, twice the same in both
    channels; then places of a held-out song, downmixed and again in stereo."""
    rng = np.random.default_rng(7)
    held_out = lambda kind: [c.samples.astype(np.float32) / 32768 for c in clips if c.kind == kind and c.split == "validation"]
    singers, backs, songs = held_out("solfege"), held_out("accompaniment"), songs_of(clips, "validation")
    if not (singers and backs and songs):
        raise SystemExit(f"DATA lacks what validation needs: the singers {VALIDATION_SINGERS}, eight accompaniments, the song {VALIDATION_SONG}")

    def piece(pool):
        while True:
            x = pool[rng.integers(len(pool))]
            if len(x) >= VALIDATION_SAMPLES:
                start = rng.integers(0, len(x) - VALIDATION_SAMPLES + 1)
                y = x[start:start + VALIDATION_SAMPLES]
                if y.std() > 3e-3:
                    return y / y.std() * 0.1

    pairs = []
    for _ in range(VALIDATION_SINGER_MIXES):
        voice, length = piece(singers), int(0.6 * RATE)
        room = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
        room[:200] = 0
        size = padded_size(VALIDATION_SAMPLES + length)
        tail = np.fft.irfft(np.fft.rfft(voice, size) * np.fft.rfft(room / np.linalg.norm(room), size), size)[:VALIDATION_SAMPLES]
        voice = voice + 0.25 * tail
        voice = voice / voice.std() * 0.1 * 10**(rng.uniform(-5, 3) / 20)
        pairs.append([np.stack([x, x]).astype(np.float32) for x in (voice, piece(backs))])
    stereo = {part: np.stack(songs[0][part]).astype(np.float32) / 32768 for part in PARTS}
    vocals, back = VALIDATION_VOICE_GAIN * stereo["vocals"], stereo["drums"] + stereo["bass"] + stereo["other"]
    for as_heard in (lambda x: np.stack([x.mean(0)] * 2), lambda x: x):
        for start in (seconds * RATE for seconds in VALIDATION_SONG_FROM_S):
            pairs.append([as_heard(x[:, start:start + VALIDATION_SAMPLES]) for x in (vocals, back)])
    vocals, backs = (torch.from_numpy(np.stack(x)) for x in zip(*pairs))
    return vocals, vocals + backs


@torch.no_grad()
def validation_sdr_db(net, mean, scale, vocals, mixture):
    """Means: of the singers' mixes, of the song's downmixed, of the song's in stereo."""
    scores = []
    for voice, mix in zip(vocals.split(4), mixture.split(4)):
        spectra = stft(mix)
        estimate = istft(masks(net, (log_compressed(planes(spectra)) - mean) / scale) * spectra, VALIDATION_SAMPLES)
        scores += (10 * torch.log10(voice.square().sum((1, 2)) / (voice - estimate).square().sum((1, 2)))).tolist()
    singers, downmixed, stereo = np.split(scores, np.cumsum([VALIDATION_SINGER_MIXES, len(VALIDATION_SONG_FROM_S)]))
    return singers.mean(), downmixed.mean(), stereo.mean()


def read_checkpoint(path):
    """(weights, mean, scale, steps); tensors that the network does not have are left out."""
    checkpoint, names = torch.load(path, map_location="cpu", weights_only=True), UnetTcn().state_dict().keys()
    weights = {name: value for name, value in checkpoint["net"].items() if name in names}
    return weights, checkpoint["mean"], checkpoint["std"], checkpoint["step"]


@torch.no_grad()
def unfold_model(path, mixture):
    """(network, mean, scale) of a model file. Its convolutions hold their batch normalisation: each gets one again that does
    nothing on `mixture`. A model of one plane does not look at the second one yet."""
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name).float() for name in file.keys()}
    mean, scale, net = tensors["input.mean"][:BINS], tensors["input.scale"][:BINS], UnetTcn()
    weight = tensors["encode1.weight"]
    if weight.shape[1] == 4 and PLANES == 2:
        tensors["encode1.weight"] = torch.stack([weight, torch.zeros_like(weight)], 2).flatten(1, 2)
    net.last.weight.copy_(tensors["mask.weight"])
    net.last.bias.copy_(tensors["mask.bias"])

    def measure(norm, inputs, bias):
        values = inputs[0].transpose(0, 1).flatten(1)
        norm.running_mean.copy_(values.mean(1))
        norm.running_var.copy_(values.var(1))
        norm.weight.copy_((norm.running_var + norm.eps).sqrt())
        norm.bias.copy_(bias + norm.running_mean)

    for name, (convolution, norm) in LAYERS.items():
        net.get_submodule(convolution).weight.copy_(tensors[f"{name}.weight"])
        net.get_submodule(norm).register_forward_pre_hook(
            lambda norm, inputs, bias=tensors[f"{name}.bias"]: measure(norm, inputs, bias))
    inputs = (log_compressed(planes(stft(mixture))) - mean) / scale
    net.eval()(inputs)
    for _, norm in LAYERS.values():
        net.get_submodule(norm)._forward_pre_hooks.clear()
    difference = float((folded_logits(folded(net), inputs) - folded_logits(tensors, inputs)).abs().max())
    assert difference < 1e-2, f"the network of {path} differs by {difference:.2g} in its logits; expected below 0.01"
    return net, mean, scale


def update_average(average, net, step):
    keep = min(LARGEST_KEEP, (step + 1) / (step + 12))  # the first weights are soon forgotten
    with torch.no_grad():
        for old, new in zip(average.state_dict().values(), net.state_dict().values()):
            if old.dtype.is_floating_point:
                old.mul_(keep).add_(new, alpha=1 - keep)
            else:
                old.copy_(new)


def train(batches, validation, minutes, learning_rate, held_share, init, checkpoint):
    while min(batches.received["voice"], batches.received["back"]) < 100:
        batches.receive()
    net, first_step = UnetTcn(), 0
    if init and init.suffix == ".safetensors":
        net, mean, scale = unfold_model(init, batches.draw(64)[1])
    elif init:
        weights, mean, scale, first_step = read_checkpoint(init)
        net.load_state_dict(weights)
    else:
        inputs = log_compressed(planes(stft(batches.draw(64)[1])))[:, 0].reshape(-1, BINS)
        mean, scale = inputs.mean(0), inputs.std(0) + 1e-3
    net = net.to(memory_format=torch.channels_last)
    average = copy.deepcopy(net).eval()
    optimizer = torch.optim.AdamW(net.parameters(), learning_rate, weight_decay=1e-2, betas=(0.9, 0.98))
    start, step, shown, losses = time.time(), 0, 0, []

    def report():
        partial = checkpoint.with_suffix(".part")
        torch.save({"net": average.state_dict(), "mean": mean, "std": scale, "step": first_step + step}, partial)
        partial.replace(checkpoint)
        singers, downmixed, stereo = validation_sdr_db(average, mean, scale, *validation)
        print(f"{(time.time() - start) / 60:6.1f} min, step {first_step + step}, loss {np.mean(losses[-400:] or [0]):.5f}, "
              f"{sum(batches.received.values())} mixes, validation SDR: singers {singers:.2f} dB, song {downmixed:.2f} dB, in stereo {stereo:.2f} dB", flush=True)

    report()
    while (done := (time.time() - start) / (60 * minutes)) < 1:
        for group in optimizer.param_groups:  # warm up, hold, fall linearly
            group["lr"] = learning_rate * min(1, (step + 1) / WARM_UP_STEPS) * min(1, max(0.01, (1 - done) / (1 - held_share)))
        for _ in range(24):
            if batches.mixes.empty():
                break
            batches.receive()
        vocals, mixture = batches.draw(BATCH)
        band = batches.band_limits(BATCH)
        vocals, mixture = stft(vocals) * band, stft(mixture) * band
        level_error_db = torch.empty(BATCH, 1, 1, 1).uniform_(-2, 2)  # a song's level is that of more seconds than a piece has
        inputs = (log_compressed(planes(mixture), 10**(level_error_db / 20)) - mean) / scale
        error = istft(masks(net, inputs) * mixture - vocals, PIECE_SAMPLES)
        # Half absolute, for the mean, half the root of each piece's power, for its loudest places: SDR counts those.
        loss = 0.5 * error.abs().mean() + 0.5 * (error.square().mean((1, 2)) + 1e-6).sqrt().mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        step += 1
        losses.append(loss.item())
        update_average(average, net, step)
        if done * minutes / VALIDATION_EVERY_MINUTES >= shown + 1:
            shown = int(done * minutes / VALIDATION_EVERY_MINUTES)
            report()
    report()


# ---- Stage 4: the model file

LAYERS = {  # name in the file: the convolution and its batch normalisation
    "encode1": ("e1.0", "e1.1"), "encode2": ("e2.0", "e2.1"), "encode3": ("e3.0", "e3.1"), "enter": ("into.0", "into.1"),
    **{f"block{k}_depthwise": (f"temporal.{k}.dw", f"temporal.{k}.n1") for k in range(len(DILATIONS))},
    **{f"block{k}_pointwise": (f"temporal.{k}.p1", f"temporal.{k}.n2") for k in range(len(DILATIONS))},
    "leave": ("out.1", "out.2"), "decode2": ("d2.0", "d2.1"), "decode1": ("d1.0", "d1.1"),
}
METADATA = {
    "format_version": "1",
    "architecture": "unet-tcn",
    "size.input_planes": str(PLANES),
    "size.channels": ",".join(map(str, CHANNELS)),
    "size.hidden_units": str(HIDDEN_UNITS),
    "size.dilations": ",".join(map(str, DILATIONS)),
    "sample_rate_hz": str(RATE),
    "fft_samples": str(N_FFT),
    "window_samples": str(N_FFT),
    "hop_samples": str(HOP),
    "window_frames": "1",
    "input_transform": "log_level",
    "level_radius_frames": str(LEVEL_RADIUS_FRAMES),
    "log_floor": str(LOG_FLOOR),
    "label": "waveform",
    "vocals_threshold": "0",
    "accompaniment_threshold": "0",
    "data": "musdb-free (CC0-1.0), free voices, sung variants of them and free accompaniments; see models/unet.md",
    "licence": "MIT; see models/unet.md for the data",
}


def folded(net):
    """{tensor name: value}: convolutions that do what the network's do with the batch normalisation after them."""
    tensors = {"mask.weight": net.last.weight, "mask.bias": net.last.bias}
    for name, (convolution, norm) in LAYERS.items():
        convolution, norm = net.get_submodule(convolution), net.get_submodule(norm)
        gain = norm.weight / (norm.running_var + norm.eps).sqrt()
        tensors[f"{name}.weight"] = convolution.weight * gain[:, None, None, None]
        tensors[f"{name}.bias"] = norm.bias - norm.running_mean * gain
    return {name: value.detach() for name, value in tensors.items()}


def folded_logits(tensors, x):
    """The network as svsep computes it from the file."""
    layer = lambda name, y, **options: functional.conv2d(y, tensors[f"{name}.weight"], tensors[f"{name}.bias"], **options)
    level = lambda name, y: torch.relu(layer(name, y, padding=1))
    level1 = level("encode1", fold(x))
    level2 = level("encode3", level("encode2", fold(level1)))
    x = layer("enter", flatten(level2))
    for k, dilation in enumerate(DILATIONS):
        inner = layer(f"block{k}_depthwise", x, padding=(dilation, 0), dilation=(dilation, 1), groups=HIDDEN_UNITS)
        x = x + layer(f"block{k}_pointwise", torch.relu(inner))
    x = level("decode2", torch.cat([unflatten(layer("leave", torch.relu(x)), CHANNELS[1]), level2], 1))
    return unfold(layer("mask", level("decode1", torch.cat([unfold(x), level1], 1)))).squeeze(1)


@torch.no_grad()
def export(checkpoint, path):
    """The model file as docs/model-file.md has it, float16."""
    weights, mean, scale, steps = read_checkpoint(checkpoint)
    net = UnetTcn().eval()
    net.load_state_dict(weights)
    tensors = folded(net)
    x = torch.randn(2, PLANES, 100, BINS, generator=torch.Generator().manual_seed(1))
    difference = float((folded_logits(tensors, x) - net(x)).abs().max())
    assert difference < 1e-3, f"folding the batch normalisation changes the logits by {difference:.2g}; expected below 0.001"
    tensors |= {"input.mean": torch.cat([mean, mean[-1:]]), "input.scale": torch.cat([scale, scale[-1:]])}
    tensors = {name: value.half().contiguous() for name, value in tensors.items()}
    training = f"random mixes, {steps} steps of {BATCH} pieces of {PIECE_SAMPLES // RATE} s, AdamW, waveform error, weight average"
    save_file(tensors, path, metadata={**METADATA, "training": training})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path, nargs="?", help="folder of the audio")
    parser.add_argument("output", type=pathlib.Path, help="model file to write")
    parser.add_argument("--minutes", type=float, default=105, help="of training, decoding and singing not counted")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--held-share", type=float, default=0.5, help="of the time that the learning rate is held before it falls")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("build/train_unet_remix"), help="folder of the caches and the checkpoint")
    parser.add_argument("--init", type=pathlib.Path, help="checkpoint or model file to begin with")
    parser.add_argument("--export", type=pathlib.Path, help="only write the model file of this checkpoint")
    parser.add_argument("--sung-minutes", type=float, default=150, help="of singing made of speech and solfege")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_intermixed_args()
    torch.set_num_threads(args.threads)
    if args.export:
        export(args.export, args.output)
        return
    if not args.data:
        parser.error("DATA is required")

    args.work.mkdir(parents=True, exist_ok=True)
    caches, checkpoint = (args.work / "decoded", args.work / "sung"), args.work / "checkpoint.pt"
    for cache, clips in zip(caches, (lambda: decoded_clips(args.data), lambda: sung_clips(read_clips(caches[0]), args.sung_minutes))):
        if not cache.with_suffix(".json").exists():
            write_clips(cache, clips())
        print(f"{cache}: {len(read_clips(cache))} clips", flush=True)

    mixes = multiprocessing.Queue(32)
    worker = multiprocessing.Process(target=produce, args=(mixes, caches, 1000 * args.seed), daemon=True)
    worker.start()
    try:
        torch.manual_seed(args.seed)
        train(Batches(mixes, args.seed), validation_mixes(read_clips(caches[0])), args.minutes, args.learning_rate, args.held_share,
              args.init, checkpoint)
    finally:
        worker.terminate()
        worker.join()
        mixes.close()
    export(checkpoint, args.output)


if __name__ == "__main__":
    main()
