#!/usr/bin/env python3
"""Makes the golden values of the model tests: python3 scripts/make_golden_cnn.py tests/golden

cnn_mask.txt          the mask that Keras gives for the full-size network, whose weights and input follow from a
                      formula (SplitMix64) that the test repeats: a line per frame, its sum and every 37th value.
cnn_tiny_f32.safetensors, cnn_tiny_f16.safetensors
                      a tiny network of random weights as a model file, written by the safetensors package, with an
                      input and the mask that Keras gives for it beside the network (as input.golden, input.golden_mask).

Needs tensorflow (last made with 2.21.0) and safetensors.
"""

import argparse
from pathlib import Path

import numpy as np
import tensorflow as tf
from safetensors.numpy import save_file

BIN_STEP = 37
FULL = {"bins": 2049, "channels": (32, 16, 64, 32), "units": (2048, 512)}
TINY = {"bins": 33, "channels": (4, 3, 5, 2), "units": (12, 7)}
FRAMES = 9


def splitmix(stream: int, count: int) -> np.ndarray:
    """Values -1..1 in float32: the upper 24 bits of SplitMix64 (Steele et al. 2014), seeded with the stream's number."""
    with np.errstate(over="ignore"):
        z = np.uint64(stream << 40) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)


def parameters(sizes: dict) -> dict[str, np.ndarray]:
    """Tensors by torch's names and in torch's layout. He-uniform kernels keep the activations' size."""
    channels, units = sizes["channels"], sizes["units"]
    bins = -(-(-(-sizes["bins"] // 12)) // 12)
    shapes = [(outputs, inputs, 3, 12) for inputs, outputs in zip((1, *channels), channels)]
    widths = (FRAMES * bins * channels[3], *units, FRAMES * sizes["bins"])
    shapes += [(outputs, inputs) for inputs, outputs in zip(widths, widths[1:])]
    names = ["conv1", "conv2", "conv3", "conv4", "dense1", "dense2", "dense3"]
    tensors = {}
    for index, (name, shape) in enumerate(zip(names, shapes)):
        limit = np.float32(np.sqrt(6 / np.prod(shape[1:])))
        tensors[name + ".weight"] = splitmix(2 * index, int(np.prod(shape))).reshape(shape) * limit
        tensors[name + ".bias"] = splitmix(2 * index + 1, shape[0]) * np.float32(0.1)
    return tensors


def keras_mask(sizes: dict, tensors: dict[str, np.ndarray], window: np.ndarray) -> np.ndarray:
    layers = tf.keras.layers
    relu = {"activation": "relu"}
    conv = [layers.Conv2D(n, (3, 12), padding="same", **relu) for n in sizes["channels"]]
    dense = [layers.Dense(n, **relu) for n in sizes["units"]]
    dense.append(layers.Dense(FRAMES * sizes["bins"], activation="sigmoid"))
    pool = [layers.MaxPooling2D((1, 12), padding="same") for _ in range(2)]
    model = tf.keras.Sequential(
        [tf.keras.Input((FRAMES, sizes["bins"], 1)), conv[0], conv[1], pool[0], conv[2], conv[3], pool[1],
         layers.Dropout(0.5), layers.Flatten(), dense[0], layers.Dropout(0.5), dense[1], dense[2]])
    for index, layer in enumerate(conv, 1):
        layer.set_weights([tensors[f"conv{index}.weight"].transpose(2, 3, 1, 0), tensors[f"conv{index}.bias"]])
    for index, layer in enumerate(dense, 1):
        layer.set_weights([tensors[f"dense{index}.weight"].T, tensors[f"dense{index}.bias"]])
    print(f"{model.count_params()} parameters")
    return model(window[None, :, :, None], training=False).numpy().reshape(FRAMES, sizes["bins"])


def window_of(sizes: dict) -> np.ndarray:
    return splitmix(100, FRAMES * sizes["bins"]).reshape(FRAMES, sizes["bins"])


def make_full(folder: Path) -> None:
    mask = keras_mask(FULL, parameters(FULL), window_of(FULL))
    print(f"mask {mask.min():.3f} to {mask.max():.3f}, deviation {mask.std():.3f}")
    with open(folder / "cnn_mask.txt", "w") as file:
        for row in mask:
            values = [row.sum(dtype=np.float64), *row[::BIN_STEP]]
            file.write(" ".join(f"{value:.7g}" for value in values) + "\n")


def make_tiny(folder: Path) -> None:
    metadata = {
        "format_version": "1", "architecture": "thesis-cnn", "size.convolution_channels": "4,3,5,2",
        "size.dense_units": "12,7", "sample_rate_hz": "22050", "fft_samples": "64", "window_samples": "32",
        "hop_samples": "8", "window_frames": "9", "input_transform": "magnitude", "level_radius_frames": "0",
        "log_floor": "0.001", "label": "accompaniment", "vocals_threshold": "0.25", "accompaniment_threshold": "0.5",
        "training": "none: weights by formula", "data": "none", "licence": "MIT",
    }
    for name, dtype in (("f32", np.float32), ("f16", np.float16)):
        tensors = {key: value.astype(dtype) for key, value in parameters(TINY).items()}
        window = window_of(TINY)
        mask = keras_mask(TINY, {key: value.astype(np.float32) for key, value in tensors.items()}, window)
        tensors |= {"input.golden": window, "input.golden_mask": mask}
        save_file(tensors, folder / f"cnn_tiny_{name}.safetensors", metadata)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    make_full(folder)
    make_tiny(folder)


if __name__ == "__main__":
    main()
