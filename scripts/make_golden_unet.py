#!/usr/bin/env python3
"""Makes tests/golden/unet_tcn_tiny.safetensors and unet_tcn_tiny_2.safetensors: python3 scripts/make_golden_unet.py tests/golden

Tiny unet-tcn networks of random weights, of one and of two input planes, as model files, with an input and the logits that
it gives, computed in numpy with loops over the kernel's taps, beside the network (as input.golden [planes][frames][bins],
input.golden_logits). Needs numpy and safetensors.
"""

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

BINS, FRAMES, C1, C2, HIDDEN, DILATIONS = 33, 30, 8, 12, 10, (1, 3, 2)
rng, tensors = np.random.default_rng(1), {}


def layer(name: str, outputs: int, inputs: int, frames: int, positions: int) -> None:
    scale = np.sqrt(2 / (inputs * frames * positions))
    tensors[name + ".weight"] = (scale * rng.standard_normal((outputs, inputs, frames, positions))).astype(np.float32)
    tensors[name + ".bias"] = (0.1 * rng.standard_normal(outputs)).astype(np.float32)


def convolve(name: str, x: np.ndarray, dilation: int = 1, depthwise: bool = False) -> np.ndarray:
    """[frames, positions, channels] -> the same frames and positions; zeros beyond the edges."""
    weight = tensors[name + ".weight"].astype(np.float64)
    outputs, _, frames, positions = weight.shape
    reach = ((dilation * (frames // 2),) * 2, (positions // 2,) * 2, (0, 0))
    padded = np.pad(x, reach)
    y = np.zeros((*x.shape[:2], outputs)) + tensors[name + ".bias"]
    for i in range(frames):
        for j in range(positions):
            seen = padded[i * dilation:i * dilation + x.shape[0], j:j + x.shape[1]]
            y += seen * weight[:, 0, i, j] if depthwise else seen @ weight[:, :, i, j].T
    return y


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def make(planes: int, path: Path) -> None:
    wide = C2 * (BINS - 1) // 16
    for name, outputs, inputs in (("encode1", C1, 4 * planes), ("encode2", C2, 4 * C1), ("encode3", C2, C2),
                                  ("decode2", C2, 2 * C2), ("decode1", C1, C2 // 4 + C1)):
        layer(name, outputs, inputs, 3, 3)
    for name, outputs, inputs in (("enter", HIDDEN, wide), ("leave", wide, HIDDEN), ("mask", 4, C1)):
        layer(name, outputs, inputs, 1, 1)
    for block in range(len(DILATIONS)):
        layer(f"block{block}_depthwise", HIDDEN, 1, 3, 1)
        layer(f"block{block}_pointwise", HIDDEN, HIDDEN, 1, 1)

    frames = rng.standard_normal((planes, FRAMES, BINS)).astype(np.float32)
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
    logits = np.concatenate([logits, logits[:, -1:]], 1)

    metadata = {
        "format_version": "1", "architecture": "unet-tcn", "size.channels": f"{C1},{C2}",
        "size.hidden_units": str(HIDDEN), "size.dilations": ",".join(map(str, DILATIONS)), "sample_rate_hz": "22050",
        "fft_samples": "64", "window_samples": "64", "hop_samples": "16", "window_frames": "1",
        "input_transform": "magnitude", "level_radius_frames": "0", "log_floor": "0.001", "label": "waveform",
        "vocals_threshold": "0", "accompaniment_threshold": "0", "training": "none: random weights", "data": "none",
        "licence": "MIT",
    }
    if planes > 1:
        metadata["size.input_planes"] = str(planes)
    golden = {"input.golden": frames if planes > 1 else frames[0], "input.golden_logits": logits.astype(np.float32)}
    save_file(tensors | golden, path, metadata)
    print(f"logits {logits.min():.3f} to {logits.max():.3f}, deviation {logits.std():.3f}")


if __name__ == "__main__":
    make(1, Path(sys.argv[1]) / "unet_tcn_tiny.safetensors")
    make(2, Path(sys.argv[1]) / "unet_tcn_tiny_2.safetensors")
