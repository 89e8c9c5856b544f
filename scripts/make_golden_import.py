#!/usr/bin/env python3
"""Makes the weight files that the tests of the import read: make_golden_import.py torch|keras FOLDER

FOLDER is tests/golden/import. "torch" needs the packages torch and safetensors (made with 2.11 and 0.7), "keras"
tensorflow and h5py (made with 2.21 and its Keras 3). All values follow from formulas that the tests repeat.
"""

import fractions
import sys
import types
from pathlib import Path


def values(count, salt):
    """Numbers that every type holds exactly."""
    return [((7 * i + salt) % 32 - 16) / 8 for i in range(count)]


def torch_files(folder):
    import torch
    from collections import OrderedDict
    from safetensors.torch import save_file

    def tensor(shape, salt, kind=torch.float32):
        count = 1
        for size in shape:
            count *= size
        return torch.tensor(values(count, salt)).reshape(shape).to(kind)

    state = OrderedDict(
        [("conv.weight", tensor([2, 3, 4], 1)),
         ("conv.bias", torch.nn.Parameter(tensor([2], 2))),
         ("half", tensor([5], 3, torch.float16)),
         ("brain", tensor([3, 2], 4, torch.bfloat16)),
         ("double", tensor([3], 5, torch.float64)),
         ("turned", tensor([3, 4], 6).t()),
         ("part", tensor([10], 7)[2:5]),
         ("norm.num_batches_tracked", torch.tensor(7))])
    torch.save(state, folder / "zip.pth")
    torch.save(state, folder / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save({"epoch": 3, "optimizer_states": [{"state": {0: {"step": 1}}}],
                "state_dict": {"model." + name: value for name, value in state.items()}}, folder / "lightning.ckpt")
    torch.save({"model": {"module." + name: value for name, value in state.items()}}, folder / "nested.pt")

    module = types.ModuleType("demucs.htdemucs")
    module.HTDemucs = type("HTDemucs", (), {"__module__": "demucs.htdemucs"})
    sys.modules.update({"demucs": types.ModuleType("demucs"), "demucs.htdemucs": module})
    kwargs = {"sources": ["drums", "vocals"], "channels": 48, "segment": fractions.Fraction(39, 5), "freq_emb": 0.2,
              "cac": True, "t_lr": None, "norm": module.HTDemucs, "nested": {"a": [1, 2.5]}, "pair": (1, "b")}
    package = {"klass": module.HTDemucs, "args": (1,), "kwargs": kwargs, "state": state, "training_args": {"x": 1}}
    torch.save(package, folder / "package.th")
    torch.save(package, folder / "package_legacy.th", _use_new_zipfile_serialization=False)
    save_file({name: value.detach().contiguous() for name, value in state.items()}, folder / "plain.safetensors",
              metadata={"format": "pt"})


def keras_files(folder):
    import keras
    import numpy as np

    def model(convolution, dense):
        """The network of the thesis, of 33 bins instead of 2049."""
        bins, frames = 33, 9
        layers = [keras.layers.Input((frames, bins, 1))]
        for index, channels in enumerate(convolution):
            layers.append(keras.layers.Conv2D(channels, (3, 12), padding="same", activation="relu"))
            if index % 2 == 1:
                layers.append(keras.layers.MaxPooling2D((1, 12), padding="same"))
        layers += [keras.layers.Dropout(0.5), keras.layers.Flatten()]
        for units in dense:
            layers += [keras.layers.Dense(units, activation="relu"), keras.layers.Dropout(0.5)]
        layers.append(keras.layers.Dense(frames * bins, activation="sigmoid"))
        return keras.Sequential(layers)

    network = model([3, 2, 3, 2], [4, 3])
    random = np.random.default_rng(1)
    network.set_weights([random.uniform(-0.6, 0.6, weight.shape).astype("float32") for weight in network.get_weights()])
    network.save(folder / "thesis.h5")
    compact = folder / "thesis_compressed.h5"
    recompress(folder / "thesis.h5", compact)
    inputs = random.uniform(0, 2, (2, 9, 33, 1)).astype("float32")
    outputs = network.predict(inputs, verbose=0)
    lines = [f"{value:.7g}" for value in np.concatenate([inputs.ravel(), outputs.ravel()])]
    (folder / "thesis_masks.txt").write_text("# 2 windows of 9 x 33 magnitudes, then their 2 masks\n" + "\n".join(lines) + "\n")


def recompress(source, target):
    """The same weights alone, in chunks, compressed, with names of any length: another way in which HDF5 may have them."""
    import h5py
    import numpy as np

    with h5py.File(source, "r") as old, h5py.File(target, "w", track_order=False) as new:
        weights = old["model_weights"]
        text = h5py.string_dtype()
        names = [name if isinstance(name, str) else name.decode() for name in weights.attrs["layer_names"]]
        new.attrs.create("layer_names", np.array(names, dtype=object), dtype=text)
        for layer in names:
            group = new.create_group(layer)
            paths = [p if isinstance(p, str) else p.decode() for p in weights[layer].attrs["weight_names"]]
            if not paths:
                group.attrs.create("weight_names", np.zeros(0))
                continue
            group.attrs.create("weight_names", np.array(paths, dtype=object), dtype=text)
            for path in paths:
                group.create_dataset(path, data=weights[layer][path][()], chunks=True, compression="gzip")


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("torch", "keras"):
        sys.exit(__doc__)
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    {"torch": torch_files, "keras": keras_files}[sys.argv[1]](folder)


if __name__ == "__main__":
    main()
