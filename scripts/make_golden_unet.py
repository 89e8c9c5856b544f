#!/usr/bin/env python3
"""Makes the golden U-Nets of tests/golden: python3 scripts/make_golden_unet.py tests/golden

Tiny networks of random weights as model files: unet-tcn of one and of two input planes, harmonic-unet and unet-pair of two,
with an input and the logits that it gives, computed in numpy with loops over the kernel's taps, beside the network (as
input.golden [planes][frames][bins], input.golden_logits). Needs numpy and safetensors.
"""

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

BINS, FRAMES, C1, C2, HIDDEN, DILATIONS = 33, 30, 8, 12, 10, (1, 3, 2)
POSITIONS, PER_OCTAVE, CHANNELS, HARMONIC_DILATIONS = 32, 7, (4, 5, 3, 6, 7), (1, 2)
rng, tensors = np.random.default_rng(1), {}


def layer(name: str, outputs: int, inputs: int, frames: int, positions: int) -> None:
    scale = np.sqrt(2 / (inputs * frames * positions))
    tensors[name + ".weight"] = (scale * rng.standard_normal((outputs, inputs, frames, positions))).astype(np.float32)
    tensors[name + ".bias"] = (0.1 * rng.standard_normal(outputs)).astype(np.float32)


def convolve(name: str, x: np.ndarray, dilation: int = 1, depthwise: bool = False, step: tuple[int, int] = (1, 1)) -> np.ndarray:
    """[frames, positions, channels] -> every step-th of the same frames and positions; zeros beyond the edges."""
    weight = tensors[name + ".weight"].astype(np.float64)
    outputs, _, frames, positions = weight.shape
    reach = ((dilation * (frames // 2),) * 2, (positions // 2,) * 2, (0, 0))
    padded = np.pad(x, reach)
    y = np.zeros((*x.shape[:2], outputs)) + tensors[name + ".bias"]
    for i in range(frames):
        for j in range(positions):
            seen = padded[i * dilation:i * dilation + x.shape[0], j:j + x.shape[1]]
            y += seen * weight[:, 0, i, j] if depthwise else seen @ weight[:, :, i, j].T
    return y[::step[0], ::step[1]]


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def unet_tcn(frames: np.ndarray) -> np.ndarray:
    """Makes the tensors; [planes, frames, bins] -> logits [frames, bins]"""
    wide = C2 * (BINS - 1) // 16
    for name, outputs, inputs in (("encode1", C1, 4 * len(frames)), ("encode2", C2, 4 * C1), ("encode3", C2, C2),
                                  ("decode2", C2, 2 * C2), ("decode1", C1, C2 // 4 + C1)):
        layer(name, outputs, inputs, 3, 3)
    for name, outputs, inputs in (("enter", HIDDEN, wide), ("leave", wide, HIDDEN), ("mask", 4, C1)):
        layer(name, outputs, inputs, 1, 1)
    for block in range(len(DILATIONS)):
        layer(f"block{block}_depthwise", HIDDEN, 1, 3, 1)
        layer(f"block{block}_pointwise", HIDDEN, HIDDEN, 1, 1)

    fold = lambda x: x.reshape(FRAMES, x.shape[1] // 4, 4 * x.shape[2])
    unfold = lambda x: x.reshape(FRAMES, 4 * x.shape[1], x.shape[2] // 4)
    level1 = relu(convolve("encode1", fold(frames[:, :, :-1].transpose(1, 2, 0).astype(np.float64))))
    level2 = relu(convolve("encode3", relu(convolve("encode2", fold(level1)))))
    x = convolve("enter", level2.reshape(FRAMES, 1, wide))
    for block, dilation in enumerate(DILATIONS):
        inner = relu(convolve(f"block{block}_depthwise", x, dilation, depthwise=True))
        x = x + convolve(f"block{block}_pointwise", inner)
    x = convolve("leave", relu(x)).reshape(level2.shape)
    x = relu(convolve("decode2", np.concatenate([x, level2], 2)))
    x = relu(convolve("decode1", np.concatenate([unfold(x), level1], 2)))
    logits = unfold(convolve("mask", x))[:, :, 0]
    return np.concatenate([logits, logits[:, -1:]], 1)


def harmonic_unet(frames: np.ndarray) -> np.ndarray:
    """As unet_tcn."""
    steps, lowest = ((2, 2), (2, 2), (1, 2), (1, 2)), POSITIONS // 16
    layer("encode0", CHANNELS[0], 6 + len(frames), 3, 3)
    for level, (here, below) in enumerate(zip(CHANNELS, CHANNELS[1:])):
        if level > 0:
            layer(f"encode{level}", here, here, 3, 3)
        layer(f"down{level}", below, here, 3, 3)
        layer(f"up{level}", here, below, 1, 1)
        layer(f"decode{level}", here, here, 3, 3)
    for block in range(len(HARMONIC_DILATIONS)):
        layer(f"block{block}", CHANNELS[4], CHANNELS[4], 3, 3)
    layer("mask", 1, CHANNELS[0], 1, 1)
    tensors["place"] = (0.3 * rng.standard_normal((CHANNELS[4], 1, lowest))).astype(np.float32)
    tensors["positions1.weight"] = rng.standard_normal((lowest, lowest)).astype(np.float32)
    tensors["positions1.bias"] = (0.1 * rng.standard_normal(lowest)).astype(np.float32)

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
        levels.append(relu(convolve(f"encode{level}", x)))
        x = relu(convolve(f"down{level}", levels[-1], step=step))
    x = x + tensors["place"][:, 0].T
    for block, dilation in enumerate(HARMONIC_DILATIONS):
        x = x + relu(convolve(f"block{block}", x, dilation))
        if block % 2 == 1:
            across = np.einsum("qp,fpc->fqc", tensors[f"positions{block}.weight"], x)
            x = x + relu(across + tensors[f"positions{block}.bias"][:, None])
    for level in (3, 2, 1, 0):
        larger = convolve(f"up{level}", x).repeat(steps[level][0], 0).repeat(steps[level][1], 1)
        x = relu(convolve(f"decode{level}", relu(larger + levels[level])))
    of_positions = convolve("mask", x)[:FRAMES, :, 0]
    at = [POSITIONS + PER_OCTAVE * np.log2(max(b, 1e-3) / (BINS - 1)) for b in range(BINS)]
    return np.stack([np.interp(at, np.arange(POSITIONS), frame) for frame in of_positions])


METADATA = {
    "unet-tcn": {"size.channels": f"{C1},{C2}", "size.hidden_units": str(HIDDEN), "size.dilations": ",".join(map(str, DILATIONS))},
    "harmonic-unet": {"size.positions": str(POSITIONS), "size.positions_per_octave": str(PER_OCTAVE),
                      "size.harmonic_channels": ",".join(map(str, CHANNELS)),
                      "size.harmonic_dilations": ",".join(map(str, HARMONIC_DILATIONS))},
}


def save(architecture: str, stated: dict[str, str], stored: dict[str, np.ndarray], frames: np.ndarray, logits: np.ndarray, path: Path) -> None:
    metadata = {
        "format_version": "1", "architecture": architecture, "sample_rate_hz": "22050",
        "fft_samples": "64", "window_samples": "64", "hop_samples": "16", "window_frames": "1",
        "input_transform": "magnitude", "level_radius_frames": "0", "log_floor": "0.001", "label": "waveform",
        "vocals_threshold": "0", "accompaniment_threshold": "0", "training": "none: random weights", "data": "none",
        "licence": "MIT", **stated,
    }
    if len(frames) > 1:
        metadata["size.input_planes"] = str(len(frames))
    golden = {"input.golden": frames if len(frames) > 1 else frames[0], "input.golden_logits": logits.astype(np.float32)}
    save_file(stored | golden, path, metadata)
    print(f"{path}: logits {logits.min():.3f} to {logits.max():.3f}, deviation {logits.std():.3f}")


def make(folder: Path) -> None:
    random_frames = lambda planes: rng.standard_normal((planes, FRAMES, BINS)).astype(np.float32)
    for planes, suffix in ((1, ""), (2, "_2")):
        tensors.clear()
        frames = random_frames(planes)
        logits = unet_tcn(frames)
        save("unet-tcn", METADATA["unet-tcn"], tensors, frames, logits, folder / f"unet_tcn_tiny{suffix}.safetensors")
    stored, both = {f"linear.{name}": value for name, value in tensors.items()}, logits / 2
    tensors.clear()
    logits = harmonic_unet(frames)
    save("harmonic-unet", METADATA["harmonic-unet"], tensors, frames, logits, folder / "harmonic_unet_tiny.safetensors")
    stored |= {f"harmonic.{name}": value for name, value in tensors.items()}
    save("unet-pair", METADATA["unet-tcn"] | METADATA["harmonic-unet"], stored, frames, both + logits / 2, folder / "unet_pair_tiny.safetensors")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
