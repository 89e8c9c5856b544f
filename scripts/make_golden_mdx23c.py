#!/usr/bin/env python3
"""Makes the golden MDX23C networks of tests/golden: python3 scripts/make_golden_mdx23c.py tests/golden

Tiny networks of random weights as model files, each with a mixture and the stems that pymss-core 0.1.14 gives (as input.golden
[channels][samples] and input.golden_stems [stems][channels][samples]). With --config FILE.yaml, one network of a published
configuration's sizes and a whole chunk; --checkpoint FILE.ckpt saves its weights as its project does. Needs torch,
safetensors, pyyaml and pymss-core.
"""

import argparse
from pathlib import Path
from types import SimpleNamespace

import torch
import yaml
from pymss_core.modules.mdx23c_tfc_tdf_v3 import TFC_TDF_net
from safetensors.torch import save_file

NORMS = {"none": 0, "BatchNorm": 1, "InstanceNorm": 2}


class Loader(yaml.SafeLoader):
    """YAML with Python's tuples."""


Loader.add_constructor("tag:yaml.org,2002:python/tuple", lambda loader, node: tuple(loader.construct_sequence(node)))


def namespace(settings: dict) -> SimpleNamespace:
    return SimpleNamespace(**{key: namespace(value) if isinstance(value, dict) else value for key, value in settings.items()})


def randomise(network: torch.nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for name, value in network.state_dict().items():
        if not value.is_floating_point():
            continue
        noise = torch.randn(value.shape, generator=generator)
        if value.dim() > 1:
            value.copy_(noise * (value[0].numel() ** -0.5))
        else:
            value.copy_(0.1 * noise if name.endswith(("bias", "mean")) else 1 + 0.1 * noise)
        value.copy_(value.half().float())


def save(path: Path, config: dict, seed: int = 1, checkpoint: Path | None = None) -> None:
    audio, model, training = config["audio"], config["model"], config["training"]
    torch.manual_seed(seed)
    network = TFC_TDF_net(namespace(config)).eval()
    randomise(network, seed)
    stems = [training["target_instrument"]] if training["target_instrument"] else training["instruments"]
    channels, samples = audio["num_channels"], audio["chunk_size"]
    mixture = 0.3 * torch.randn(1, channels, samples, generator=torch.Generator().manual_seed(seed + 1))
    with torch.inference_mode():
        result = network(mixture).reshape(len(stems), channels, -1)
    if checkpoint:
        torch.save(network.state_dict(), checkpoint)
    sizes = {"n_fft": audio["n_fft"], "hop_length": audio["hop_length"], "dim_f": audio["dim_f"],
             "scale_frames": model["scale"][0], "scale_bins": model["scale"][1],
             "norm": NORMS.get(model["norm"], 3), "act": {"gelu": 0, "relu": 1}.get(model["act"], 2)}
    for name in ("num_subbands", "num_channels", "growth", "num_scales", "num_blocks_per_scale", "bottleneck_factor"):
        sizes[name] = model[name]
    if model["norm"].startswith("GroupNorm"):
        sizes["norm_groups"] = int(model["norm"].removeprefix("GroupNorm"))
    metadata = {"format_version": "2", "architecture": "mdx23c", "sample_rate_hz": "44100", "channels": str(channels),
                "chunk_samples": str(samples), "overlap": "0.5", "stems": ",".join(stems), "training": "none",
                "data": "none", "licence": "CC0-1.0"} | {f"size.{name}": str(value) for name, value in sizes.items()}
    if model["act"].startswith("elu"):
        metadata["number.elu_alpha"] = model["act"].removeprefix("elu")
    tensors = {name: value.half() for name, value in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    tensors |= {"input.golden": mixture[0], "input.golden_stems": result}
    save_file({name: value.contiguous() for name, value in tensors.items()}, path, metadata)
    print(path, sum(value.numel() for name, value in tensors.items() if not name.startswith("input.")), "parameters")


def tiny(norm: str, act: str, instruments: list[str], target: str | None, scale: list[int]) -> dict:
    return {"audio": {"chunk_size": 1792, "dim_f": 48, "hop_length": 256, "n_fft": 512, "num_channels": 2},
            "model": {"act": act, "bottleneck_factor": 2, "growth": 4, "norm": norm, "num_blocks_per_scale": 2,
                      "num_channels": 4, "num_scales": 2, "num_subbands": 2, "scale": scale},
            "training": {"instruments": instruments, "target_instrument": target}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="a folder for the tiny ones, or with --config a model file")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--checkpoint", type=Path)
    options = parser.parse_args()
    if options.config:
        return save(options.output, yaml.load(options.config.read_text(), Loader), checkpoint=options.checkpoint)
    save(options.output / "mdx23c_tiny.safetensors", tiny("InstanceNorm", "gelu", ["vocals", "other"], None, [2, 2]))
    save(options.output / "mdx23c_tiny_batch.safetensors", tiny("BatchNorm", "elu1", ["vocals", "other"], "vocals", [1, 2]), 2)
    return save(options.output / "mdx23c_tiny_group.safetensors", tiny("GroupNorm2", "relu", ["vocals"], None, [2, 1]), 3)


if __name__ == "__main__":
    main()
