#!/usr/bin/env python3
"""Makes the golden U-Net of tests/golden: python3 scripts/make_golden_unet.py tests/golden

A tiny harmonic-unet of random weights and two input planes as a model file, with an input and the logits that it gives,
computed in numpy with loops over the kernel's taps, beside the network (as input.golden [planes][frames][bins],
input.golden_logits). Needs numpy and safetensors.
"""

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

BINS, FRAMES = 33, 30
POSITIONS, PER_OCTAVE, CHANNELS, DENSE_UNITS, DILATIONS = 32, 7, (4, 5, 3, 6, 7), (5, 4, 3, 2), (1, 2)
rng, tensors = np.random.default_rng(1), {}


def layer(name: str, outputs: int, inputs: int, frames: int, positions: int) -> None:
    scale = np.sqrt(2 / (inputs * frames * positions))
    tensors[name + ".weight"] = (scale * rng.standard_normal((outputs, inputs, frames, positions))).astype(np.float32)
    tensors[name + ".bias"] = (0.1 * rng.standard_normal(outputs)).astype(np.float32)


def convolve(name: str, x: np.ndarray, dilation: int = 1, step: tuple[int, int] = (1, 1)) -> np.ndarray:
    """[frames, positions, channels] -> every step-th of the same frames and positions; zeros beyond the edges."""
    weight = tensors[name + ".weight"].astype(np.float64)
    outputs, _, frames, positions = weight.shape
    reach = ((dilation * (frames // 2),) * 2, (positions // 2,) * 2, (0, 0))
    padded = np.pad(x, reach)
    y = np.zeros((*x.shape[:2], outputs)) + tensors[name + ".bias"]
    for i in range(frames):
        for j in range(positions):
            seen = padded[i * dilation:i * dilation + x.shape[0], j:j + x.shape[1]]
            y += seen @ weight[:, :, i, j].T
    return y[::step[0], ::step[1]]


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def dense_layer(name: str, outputs: int, inputs: int) -> None:
    tensors[name + ".weight"] = (0.4 * rng.standard_normal((outputs, inputs)) / np.sqrt(inputs)).astype(np.float32)
    tensors[name + ".bias"] = (0.1 * rng.standard_normal(outputs)).astype(np.float32)


def across(name: str, x: np.ndarray) -> np.ndarray:
    """A dense layer across the positions of x [frames, positions, channels]."""
    return np.einsum("qp,fpc->fqc", tensors[name + ".weight"], x) + tensors[name + ".bias"][:, None]


def with_dense(name: str, x: np.ndarray) -> np.ndarray:
    return x + across(name + ".expand", relu(across(name + ".squeeze", x)))


def harmonic_unet(frames: np.ndarray) -> np.ndarray:
    """Makes the tensors; [planes, frames, bins] -> logits [frames, bins]"""
    steps, lowest = ((2, 2), (2, 2), (1, 2), (1, 2)), POSITIONS // 16
    layer("encode0", CHANNELS[0], 6 + len(frames), 3, 3)
    for level, (here, below) in enumerate(zip(CHANNELS, CHANNELS[1:])):
        if level > 0:
            layer(f"encode{level}", here, here, 3, 3)
        layer(f"down{level}", below, here, 3, 3)
        layer(f"up{level}", here, below, 1, 1)
        layer(f"decode{level}", here, here, 3, 3)
        for side in ("encode", "decode"):
            dense_layer(f"{side}_dense{level}.squeeze", DENSE_UNITS[level], POSITIONS >> level)
            dense_layer(f"{side}_dense{level}.expand", POSITIONS >> level, DENSE_UNITS[level])
    for block in range(len(DILATIONS)):
        layer(f"block{block}", CHANNELS[4], CHANNELS[4], 3, 3)
    layer("mask", 1, CHANNELS[0], 1, 1)
    tensors["place"] = (0.3 * rng.standard_normal((CHANNELS[4], 1, lowest))).astype(np.float32)
    dense_layer("positions1", lowest, lowest)

    whole = -(-FRAMES // 4) * 4
    seen = np.zeros((whole, POSITIONS, len(frames)))
    for position in range(POSITIONS):  # a position's neighbouring bins, by their distance from it
        place = (BINS - 1) * 2.0**((position - POSITIONS) / PER_OCTAVE)
        width = max(place * (2.0**(1 / PER_OCTAVE) - 1), 1.0)
        shares = {b: 1 - abs(b - place) / width for b in range(BINS) if abs(b - place) < width}
        for b, share in shares.items():
            seen[:FRAMES, position] += share / sum(shares.values()) * frames[:, :, b].T
    x = np.full((whole, POSITIONS, 6 + len(frames)), -3.0)
    for plane, harmonic in enumerate((0.5, 1, 2, 3, 4, 5)):
        for position in range(POSITIONS):
            other = position + round(PER_OCTAVE * float(np.log2(harmonic)))
            if 0 <= other < POSITIONS:
                x[:, position, plane] = seen[:, other, 0]
    x[:, :, 6:-1] = seen[:, :, 1:]
    x[:, :, -1] = 2 * np.arange(POSITIONS) / (POSITIONS - 1) - 1

    levels = []
    for level, step in enumerate(steps):
        levels.append(with_dense(f"encode_dense{level}", relu(convolve(f"encode{level}", x))))
        x = relu(convolve(f"down{level}", levels[-1], step=step))
    x = x + tensors["place"][:, 0].T
    for block, dilation in enumerate(DILATIONS):
        x = x + relu(convolve(f"block{block}", x, dilation))
        if block % 2 == 1:
            x = x + relu(across(f"positions{block}", x))
    for level in (3, 2, 1, 0):
        larger = convolve(f"up{level}", x).repeat(steps[level][0], 0).repeat(steps[level][1], 1)
        x = with_dense(f"decode_dense{level}", relu(convolve(f"decode{level}", relu(larger + levels[level]))))
    of_positions = convolve("mask", x)[:FRAMES, :, 0]
    at = [POSITIONS + PER_OCTAVE * np.log2(max(b, 1e-3) / (BINS - 1)) for b in range(BINS)]
    return np.stack([np.interp(at, np.arange(POSITIONS), frame) for frame in of_positions])


def make(path: Path) -> None:
    frames = rng.standard_normal((2, FRAMES, BINS)).astype(np.float32)
    logits = harmonic_unet(frames)
    metadata = {
        "format_version": "1", "architecture": "harmonic-unet", "sample_rate_hz": "22050",
        "fft_samples": "64", "window_samples": "64", "hop_samples": "16", "window_frames": "1",
        "input_transform": "magnitude", "level_radius_frames": "0", "log_floor": "0.001", "label": "waveform",
        "vocals_threshold": "0", "accompaniment_threshold": "0", "training": "none: random weights", "data": "none",
        "licence": "MIT", "size.input_planes": "2", "size.positions": str(POSITIONS),
        "size.positions_per_octave": str(PER_OCTAVE), "size.harmonic_channels": ",".join(map(str, CHANNELS)),
        "size.dense_units": ",".join(map(str, DENSE_UNITS)), "size.harmonic_dilations": ",".join(map(str, DILATIONS)),
    }
    golden = {"input.golden": frames, "input.golden_logits": logits.astype(np.float32)}
    save_file(tensors | golden, path, metadata)
    print(f"{path}: logits {logits.min():.3f} to {logits.max():.3f}, deviation {logits.std():.3f}")


if __name__ == "__main__":
    make(Path(sys.argv[1]) / "harmonic_unet_tiny.safetensors")
