#!/usr/bin/env python3
"""Joins a unet-tcn and a harmonic-unet into one model file, whose logits are the mean of theirs.

    python3 scripts/train_remix/pair.py linear.safetensors harmonic.safetensors unet.safetensors

Needs torch and safetensors. Both files must have the same statistics of the inputs: `--init` one with the other's file.
"""
import argparse
import pathlib

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from networks import PAIR, HarmonicUnet, UnetTcn

BIAS = "output.bias"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("linear", "harmonic", "output"):
        parser.add_argument(name, type=pathlib.Path)
    args = parser.parse_args()
    tensors, biases, metadata, trainings = {}, [], {}, []
    for network, path in ((UnetTcn, args.linear), (HarmonicUnet, args.harmonic)):
        with safe_open(path, "pt") as file:
            stated = file.metadata()
            if stated["architecture"] != network.METADATA["architecture"]:
                parser.error(f"{path}: architecture; expected {network.METADATA['architecture']}, got {stated['architecture']}")
            for name in file.keys():
                value = file.get_tensor(name)
                if name == BIAS:
                    biases.append(value.float() / 2)
                elif not name.startswith("input."):
                    tensors[network.PAIR_PREFIX + name] = value
                elif not torch.equal(tensors.setdefault(name, value), value):
                    parser.error(f"{path}: {name} is not as in {args.linear}")
        metadata |= stated
        trainings.append(f"{stated['architecture']}: {stated['training']}")
    if biases:
        tensors[BIAS] = sum(biases).half()
    save_file(tensors, args.output, metadata | {"architecture": PAIR, "training": "; ".join(trainings)})


if __name__ == "__main__":
    main()
