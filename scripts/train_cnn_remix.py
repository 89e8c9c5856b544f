#!/usr/bin/env python3
"""Trains the thesis' CNN on random mixes: the recipe of models/cnn.safetensors.

    scripts/train_cnn_remix.py --data DATA --minutes 90 --output models/cnn.safetensors     (torch >= 2.4, numpy, safetensors; ffmpeg)

DATA holds musdb-free/train/*.stem.mp4 (songs with stems), vocals/*.opus and accompaniment/*.opus (no relation between
the two). `svsep train` is the product's own trainer, with the thesis' recipe on MUSDB18; this script adds what a small
collection needs: random voices over random accompaniments, augmentation, and a loss on what is heard, not on labels:
the distance |mask * mixture - vocals| of complex frames, its root taken per frame (Erdogan et al. 2015,
doi:10.1109/ICASSP.2015.7178061, is the idea of using the phase). The network, its input and the file are svsep's.
"""
import argparse
import multiprocessing
import pathlib
import subprocess
import time

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

RATE, N_FFT, WINDOW_SAMPLES, HOP, LEVEL_RADIUS = 22050, 4096, 1024, 256, 258
BINS, WINDOW_FRAMES, LOG_FLOOR = N_FFT // 2 + 1, 9, 1e-3
HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW_SAMPLES) / WINDOW_SAMPLES)).astype(np.float32)
VALIDATION_SONG, VALIDATION_FROM_S, VALIDATION_S, VALIDATION_VOICE_GAIN = "Rubidium", 40, 40, 3.2
VALIDATION_SINGERS = ("singing-23.opus", "singing-24.opus")
VOICE_SHARES = {"song": 0.40, "solfege": 0.37, "speech": 0.13, "syllables": 0.10}


def decode(path, stream=0):
    """Mono float32 samples of one audio stream at RATE."""
    command = ["ffmpeg", "-v", "quiet", "-i", str(path), "-map", f"0:a:{stream}", "-f", "f32le", "-ac", "1", "-ar", str(RATE), "-"]
    return np.frombuffer(subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout, np.float32)


def song(path):
    """(vocals, accompaniment) of a .stem.mp4."""
    drums, bass, other, vocals = (decode(path, stream) for stream in range(1, 5))
    samples = max(map(len, (drums, bass, other, vocals)))
    drums, bass, other, vocals = (np.pad(x, (0, samples - len(x))) for x in (drums, bass, other, vocals))
    return vocals, drums + bass + other


def stft(x):
    """[frames, bins], centred; the window alone decides what a frame sees, so the zeros around it need no samples."""
    padded = np.pad(x, WINDOW_SAMPLES // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW_SAMPLES)[::HOP]
    return np.fft.rfft(frames * HANN, N_FFT).astype(np.complex64)


def istft(spectrum, samples):
    frames = np.fft.irfft(spectrum, N_FFT)[:, :WINDOW_SAMPLES].astype(np.float32) * HANN
    total, weight = (np.zeros((len(frames) - 1) * HOP + WINDOW_SAMPLES, np.float32) for _ in range(2))
    for index, frame in enumerate(frames):
        total[index * HOP:index * HOP + WINDOW_SAMPLES] += frame
        weight[index * HOP:index * HOP + WINDOW_SAMPLES] += HANN**2
    half = WINDOW_SAMPLES // 2
    return (total / np.maximum(weight, 1e-8))[half:half + samples]


def frame_gains(magnitudes):
    """1 / level of each frame, as svsep's input transform log-level has it."""
    power = (magnitudes.astype(np.float64)**2).mean(1)

    def around(values):
        sums, at = np.concatenate([[0], np.cumsum(values)]), np.arange(len(values))
        return sums[np.minimum(at + LEVEL_RADIUS + 1, len(values))] - sums[np.maximum(at - LEVEL_RADIUS, 0)]

    level = np.sqrt(around(power) / np.maximum(around((power > 0).astype(np.float64)), 1))
    return (1 / np.maximum(level, 1e-7)).astype(np.float32)


class Mixer:
    """Windows of random mixes, 6 s at a time."""

    def __init__(self, data, seconds, seed):
        self.rng, self.samples = np.random.default_rng(seed), int(seconds * RATE)
        self.songs = [song(p) for p in sorted((data / "musdb-free/train").glob("*.stem.mp4")) if VALIDATION_SONG not in p.name]
        voices = [(vocals, "song") for vocals, _ in self.songs]
        for path in sorted((data / "vocals").glob("*.opus")):
            if path.name.endswith(VALIDATION_SINGERS):
                continue
            sung = path.name.startswith(("vocobox", "Tonejs", "titinko", "MTG"))
            voices.append((decode(path), "solfege" if "SSVD" in path.name else "syllables" if sung else "speech"))
        seconds_of = {kind: sum(len(v) for v, k in voices if k == kind) for kind in VOICE_SHARES}
        self.voice_weights = np.array([VOICE_SHARES[kind] * len(v) / seconds_of[kind] for v, kind in voices])
        self.voice_weights /= self.voice_weights.sum()
        files = sorted((data / "accompaniment").glob("*.opus"))
        files = [p for i, p in enumerate(files) if i % 20 != 7 and "LOL-373" not in p.name]  # the latter may hold voices
        backs = [accompaniment for _, accompaniment in self.songs] + [decode(p) for p in files]
        self.back_weights = np.array([len(b)**0.7 for b in backs])
        self.back_weights /= self.back_weights.sum()
        as_int16 = lambda x: (np.clip(x, -1, 1) * 32767).astype(np.int16)  # half the memory
        self.voices, self.backs = [as_int16(v) for v, _ in voices], [as_int16(b) for b in backs]

    def piece(self, pool, weights):
        for _ in range(20):
            x = pool[self.rng.choice(len(pool), p=weights)]
            if len(x) < self.samples:
                continue
            start = self.rng.integers(0, len(x) - self.samples + 1)
            y = x[start:start + self.samples].astype(np.float32) / 32767
            if y.std() > 1e-3:
                break
        return y / (y.std() + 1e-6)

    def equalised(self, y, largest_db=5.0):
        size = 1 << (len(y) - 1).bit_length()
        spectrum = np.fft.rfft(y, size)
        gain_db = np.interp(np.linspace(0, 1, len(spectrum))**0.4, np.linspace(0, 1, 6), self.rng.uniform(-largest_db, largest_db, 6))
        return np.fft.irfft(spectrum * 10**(gain_db / 20), size)[:len(y)].astype(np.float32)

    @staticmethod
    def shifted(y, ratio):
        """Pitch and tempo together."""
        at = np.arange(len(y)) * ratio % (len(y) - 1)
        return np.interp(at, np.arange(len(y)), y).astype(np.float32)

    def semitones(self, largest):
        return 2**(self.rng.uniform(-largest, largest) / 12)

    def in_a_room(self, y):
        samples = int(self.rng.uniform(0.15, 1.5) * RATE)
        room = self.rng.standard_normal(samples).astype(np.float32) * np.exp(-6.9 * np.arange(samples) / samples).astype(np.float32)
        room[:RATE // 100] = 0
        size = 1 << (len(y) + samples).bit_length()
        echo = np.fft.irfft(np.fft.rfft(y, size) * np.fft.rfft(room / np.linalg.norm(room), size), size)[:len(y)]
        return y + self.rng.uniform(0.05, 0.6) * echo

    def voice(self):
        y = self.piece(self.voices, self.voice_weights)
        if self.rng.random() < 0.6:
            y = self.shifted(y, self.semitones(4))
        y = self.equalised(y, 6.0)
        if self.rng.random() < 0.6:
            y = self.in_a_room(y)
        return y / (y.std() + 1e-6)

    def aligned(self):
        """A piece of a real song, its voice a little louder or softer."""
        for _ in range(10):
            vocals, back = self.songs[self.rng.integers(len(self.songs))]
            start = self.rng.integers(0, len(vocals) - self.samples + 1)
            vocals, back = (x[start:start + self.samples] for x in (vocals, back))
            if (vocals + back).std() > 1e-3:
                break
        ratio = self.semitones(3)
        if self.rng.random() < 0.5:
            vocals, back = self.shifted(vocals, ratio), self.shifted(back, ratio)
        return vocals * 10**(self.rng.uniform(-5, 5) / 20), back

    def remixed(self):
        rng, back = self.rng, self.piece(self.backs, self.back_weights)
        if rng.random() < 0.35:
            back = back + rng.uniform(0.2, 1) * self.piece(self.backs, self.back_weights)
        if rng.random() < 0.4:
            back = self.shifted(back, self.semitones(3))
        if rng.random() < 0.5:
            back = self.equalised(back)
        vocals = np.zeros_like(back)
        if rng.random() > 0.12:
            vocals = self.voice() + (rng.uniform(0.3, 1) * self.voice() if rng.random() < 0.2 else 0)
            vocals = vocals * 10**(rng.uniform(-9, 7) / 20) * back.std() / (vocals.std() + 1e-6)
        return vocals, back

    def band_limit(self):
        """Gain per bin: most songs' top bins are gone, by a resampler's slope or a codec."""
        draw = self.rng.random()
        if draw < 0.25:
            return np.ones(BINS, np.float32)
        if draw < 0.85:
            from_hz, width_hz = self.rng.uniform(9200, 10700), self.rng.uniform(300, 1000)
        else:
            from_hz, width_hz = self.rng.uniform(4500, 9200), self.rng.uniform(300, 2000)
        slope = np.clip((np.arange(BINS) * RATE / N_FFT - from_hz) / width_hz, 0, 1)**1.5
        return (10**(-self.rng.uniform(35, 80) / 20 * slope)).astype(np.float32)

    def windows(self, count):
        """(magnitudes, in-phase part of the vocals [count, 9, bins], power of their rest [count, 9]) at a fixed level."""
        vocals, back = self.aligned() if self.rng.random() < 0.25 else self.remixed()
        level = 0.1 / ((vocals + back).std() + 1e-6)
        vocals, back = (vocals * level).astype(np.float32), (back * level).astype(np.float32)
        band = self.band_limit()
        vocal_frames = stft(vocals) * band
        mixture = vocal_frames + stft(back) * band
        magnitudes = np.abs(mixture)
        gains = frame_gains(magnitudes) * 10**(self.rng.uniform(-2, 2) / 20)
        at = self.rng.choice(len(mixture) - WINDOW_FRAMES + 1, count, replace=False)[:, None] + np.arange(WINDOW_FRAMES)
        gains = gains[at][..., None]
        vocal_windows, mixture_windows = vocal_frames[at] * gains, mixture[at]
        in_phase = (vocal_windows * np.conj(mixture_windows)).real / np.maximum(np.abs(mixture_windows), 1e-12)
        rest = np.maximum((np.abs(vocal_windows)**2).sum(-1) - (in_phase**2).sum(-1), 0)
        return (magnitudes[at] * gains).astype(np.float16), in_phase.astype(np.float16), rest.astype(np.float32)


class ThesisCnn(nn.Module):
    """[batch, 9, bins] -> logits of the same shape; the names are those of the model file."""

    def __init__(self, dropout):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, (3, 12)), nn.Conv2d(32, 16, (3, 12))
        self.conv3, self.conv4 = nn.Conv2d(16, 64, (3, 12)), nn.Conv2d(64, 32, (3, 12))
        self.dense1, self.dense2, self.dense3 = nn.Linear(4320, 2048), nn.Linear(2048, 512), nn.Linear(512, WINDOW_FRAMES * BINS)
        self.dropout = dropout
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4, self.dense1, self.dense2, self.dense3):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.constant_(layer.bias, 0.1)

    def forward(self, x):
        convolved = lambda layer, y: torch.relu(layer(functional.pad(y, (5, 6, 1, 1))))

        def pooled(y):
            padding = -y.shape[-1] % 12
            return functional.max_pool2d(functional.pad(y, (padding // 2, padding - padding // 2)), (1, 12))

        x = pooled(convolved(self.conv2, convolved(self.conv1, x[:, None])))
        x = pooled(convolved(self.conv4, convolved(self.conv3, x)))
        x = functional.dropout(x, self.dropout, self.training).permute(0, 2, 3, 1).flatten(1)
        x = functional.dropout(torch.relu(self.dense1(x)), self.dropout, self.training)
        return self.dense3(torch.relu(self.dense2(x))).view(-1, WINDOW_FRAMES, BINS)


def estimate_mask(net, mixture, mean, scale, stride=4):
    """(mask, mixture frames) of a whole song, every stride-th window evaluated."""
    frames = stft(mixture)
    magnitudes = np.abs(frames)
    x = (np.log(magnitudes * frame_gains(magnitudes)[:, None] + LOG_FLOOR) - mean) / scale
    silence = ((np.log(LOG_FLOOR) - mean) / scale)[None].astype(np.float32)
    half, lead = WINDOW_FRAMES // 2, (stride - 1) // 2
    x = np.concatenate([np.repeat(silence, half, 0), x, np.repeat(silence, half + stride, 0)]).astype(np.float32)
    mask, starts = np.zeros((len(frames) + stride, BINS), np.float32), range(0, len(frames), stride)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for start in starts:
            logits = net(torch.from_numpy(x[start + lead:start + lead + WINDOW_FRAMES])[None])
            mask[start:start + stride] = torch.sigmoid(logits[0].float()).numpy()[half - lead:half - lead + stride]
    return mask[:len(frames)], frames


def sdr(reference, estimate):
    return 10 * np.log10((reference**2).sum() / ((reference - estimate)**2).sum())


def export(state, mean, scale, path, training):
    """The model file as docs/model-file.md has it, float16."""
    tensors = {name: value.contiguous().half() for name, value in state.items()}
    tensors |= {"input.mean": torch.from_numpy(mean).half(), "input.scale": torch.from_numpy(scale).half()}
    save_file(tensors, path, metadata={**METADATA, "training": training})


METADATA = {
    "format_version": "1",
    "architecture": "thesis-cnn",
    "size.convolution_channels": "32,16,64,32",
    "size.dense_units": "2048,512",
    "sample_rate_hz": str(RATE),
    "fft_samples": str(N_FFT),
    "window_samples": str(WINDOW_SAMPLES),
    "hop_samples": str(HOP),
    "window_frames": str(WINDOW_FRAMES),
    "input_transform": "log_level",
    "level_radius_frames": str(LEVEL_RADIUS),
    "log_floor": str(LOG_FLOOR),
    "label": "phase_sensitive",
    "vocals_threshold": "0",
    "accompaniment_threshold": "0",
    "data": "musdb-free (CC0-1.0), free voices and accompaniments; see models/cnn.md",
    "licence": "MIT; see models/cnn.md for the data",
}


def produce(queue, data, seed):
    mixer = Mixer(data, 6, seed)
    while True:
        queue.put(mixer.windows(40))
        time.sleep(0.25)  # leaves the processors to the network


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("cnn.safetensors"))
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    queue = multiprocessing.Queue(24)
    multiprocessing.Process(target=produce, args=(queue, args.data, 1000 + args.seed), daemon=True).start()

    # A pool of windows of many mixes; batches are drawn from it, and each new piece replaces the oldest.
    pool_size, filled, next_slot = 6144, 0, 0
    pool = [np.zeros((pool_size, WINDOW_FRAMES, BINS), np.float16), np.zeros((pool_size, WINDOW_FRAMES, BINS), np.float16),
            np.zeros((pool_size, WINDOW_FRAMES), np.float32)]

    def take_piece():
        nonlocal filled, next_slot
        for window in zip(*queue.get()):
            for part, value in zip(pool, window):
                part[next_slot] = value
            next_slot, filled = (next_slot + 1) % pool_size, min(filled + 1, pool_size)

    while filled < pool_size // 2:
        take_piece()
    compressed = np.log(pool[0][:filled].astype(np.float32).reshape(-1, BINS) + LOG_FLOOR)
    mean, scale = compressed.mean(0), compressed.std(0) + 1e-3
    del compressed

    net = ThesisCnn(args.dropout).to(memory_format=torch.channels_last)
    average = {name: value.clone() for name, value in net.state_dict().items()}
    optimizer = torch.optim.Adam(net.parameters(), args.lr)
    path = next((args.data / "musdb-free/train").glob(f"*{VALIDATION_SONG}*"))
    part = slice(VALIDATION_FROM_S * RATE, (VALIDATION_FROM_S + VALIDATION_S) * RATE)
    vocals, back = (x[part] for x in song(path))
    vocals = VALIDATION_VOICE_GAIN * vocals

    start, step, shown, losses = time.time(), 0, 0, []
    while (done := (time.time() - start) / (60 * args.minutes)) < 1:
        for group in optimizer.param_groups:  # warm up, hold, fall linearly over the second half
            group["lr"] = args.lr * min(1, (step + 1) / 300) * min(1, max(0.02, (1 - done) / 0.5))
        for _ in range(4):
            if not queue.empty():
                take_piece()
        chosen = rng.integers(0, filled, args.batch)
        magnitudes, in_phase, rest = (torch.from_numpy(x[chosen].astype(np.float32)) for x in pool)
        with torch.autocast("cpu", torch.bfloat16):
            logits = net((torch.log(magnitudes + LOG_FLOOR) - torch.from_numpy(mean)) / torch.from_numpy(scale))
        error = torch.sigmoid(logits.float()) * magnitudes - in_phase
        loss = (error.square().sum(-1) + rest + 1e-3).sqrt().mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 20.0)
        optimizer.step()
        step += 1
        losses.append(loss.item())
        keep = min(0.999, step / (step + 20))
        with torch.no_grad():
            for name, value in net.state_dict().items():
                average[name].mul_(keep).add_(value, alpha=1 - keep)
        if done * args.minutes / 4 > shown:
            shown += 1
            live = {name: value.clone() for name, value in net.state_dict().items()}
            net.load_state_dict(average)
            net.eval()
            mask, frames = estimate_mask(net, vocals + back, mean, scale)
            score = sdr(vocals, istft(mask * frames, len(vocals)))
            net.train()
            net.load_state_dict(live)
            print(f"{done * args.minutes:6.1f} min, step {step}, loss {np.mean(losses[-400:]):.3f}, validation SDR {score:.2f} dB", flush=True)
    export(average, mean, scale, args.output, f"random mixes, {step} steps of {args.batch} windows, Adam {args.lr:g}, frame-wise complex distance, weight average")


if __name__ == "__main__":
    main()
