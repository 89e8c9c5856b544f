#!/usr/bin/env python3
"""Makes the golden RoFormers of tests/golden: python3 scripts/make_golden_roformer.py tests/golden

Tiny networks of random weights as model files, each with a mixture and the stems that the reference gives (as input.golden
[channels][samples] and input.golden_stems [stems][channels][samples]): BS-RoFormer by pymss-core 0.1.14, Mel-Band RoFormer by
melband-roformer-infer 0.1.5, linear attention by BS-RoFormer 0.4.1.

With --config FILE.yaml, one network of a published configuration's sizes and a whole chunk; --checkpoint FILE.ckpt saves its
weights as its project does. Needs torch, safetensors, pyyaml, and those packages.
"""

import argparse
import inspect
from pathlib import Path

import torch
import yaml
from safetensors.torch import save_file


class Loader(yaml.SafeLoader):
    """YAML with Python's tuples."""


Loader.add_constructor("tag:yaml.org,2002:python/tuple", lambda loader, node: tuple(loader.construct_sequence(node)))


def accepted(make, settings: dict) -> dict:
    names = inspect.signature(make).parameters
    return {name: value for name, value in settings.items() if name in names}


def make_network(settings: dict) -> torch.nn.Module:
    if settings.get("linear_transformer_depth", 0) > 0:
        from bs_roformer import MelBandRoformer as WithLinearAttention
        return WithLinearAttention(**accepted(WithLinearAttention, settings))
    if "num_bands" in settings:
        from mel_band_roformer.mel_band_roformer import MelBandRoformer
        return MelBandRoformer(**accepted(MelBandRoformer, settings))
    from pymss_core.modules.bs_roformer.bs_roformer import BSRoformer
    return BSRoformer(**settings)


def bands(network: torch.nn.Module, settings: dict) -> tuple[list[int], list[int]]:
    """First bin and number of bins of each band."""
    if "num_bands" in settings:
        covered = network.freqs_per_band.int()
        return covered.argmax(1).tolist(), covered.sum(1).tolist()
    counts = list(settings["freqs_per_bands"])
    return [sum(counts[:i]) for i in range(len(counts))], counts


def sizes(network: torch.nn.Module, settings: dict) -> dict:
    state = network.state_dict()
    attention = next(name for name in state if name.endswith("to_gates.weight"))
    feed = attention.replace("0.to_gates.weight", "1.net.1.weight")
    masks = [name for name in state if name.startswith("mask_estimators.0.to_freqs.0.") and name.endswith("weight")]
    first_bins, bins = bands(network, settings)
    result = {name: settings[name] for name in ("dim", "depth", "stft_n_fft", "stft_hop_length", "stft_win_length")}
    return result | {
        "heads": settings["heads"], "dim_head": settings["dim_head"],
        "time_transformer_depth": settings["time_transformer_depth"],
        "freq_transformer_depth": settings["freq_transformer_depth"],
        "linear_transformer_depth": settings.get("linear_transformer_depth", 0),
        "ff_inner": state[feed].shape[0], "mask_inner": state[masks[0]].shape[0], "mask_hidden_layers": len(masks) - 1,
        "norm_output": int("layers.0.0.norm.gamma" in state), "final_norm": int("final_norm.gamma" in state),
        "skip_connection": int(settings.get("skip_connection", False)), "zero_dc": int(settings.get("zero_dc", False)),
        "stft_normalized": int(settings["stft_normalized"]), "band_first_bins": first_bins, "band_bins": bins,
    }


def randomise(network: torch.nn.Module, seed: int) -> None:
    """Weights as networks are started with, gains and biases that matter."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in network.named_parameters():
        if name.endswith("freqs"):
            continue
        noise = torch.randn(parameter.shape, generator=generator)
        if name.endswith("gamma"):
            parameter.data = 1 + 0.2 * noise
        else:
            parameter.data = noise * (parameter.shape[-1] ** -0.5 if parameter.dim() > 1 else 0.1)
        parameter.data = parameter.data.half().float()


def save(path: Path, settings: dict, samples: int, stems: list[str], seed: int = 1, checkpoint: Path | None = None) -> None:
    torch.manual_seed(seed)
    network = make_network(settings).eval()
    randomise(network, seed)
    channels = 2 if settings["stereo"] else 1
    mixture = 0.3 * torch.randn(1, channels, samples, generator=torch.Generator().manual_seed(seed + 1))
    with torch.inference_mode():
        result = network(mixture).reshape(len(stems), channels, -1)
    tensors = {name: value.half() for name, value in network.state_dict().items() if not name.endswith("freqs")}
    if checkpoint:
        torch.save(network.state_dict(), checkpoint)
    family = "mel-band-roformer" if "num_bands" in settings else "bs-roformer"
    metadata = {"format_version": "2", "architecture": family, "sample_rate_hz": "44100", "channels": str(channels),
                "chunk_samples": str(samples), "overlap": "0.5", "stems": ",".join(stems), "training": "none",
                "data": "none", "licence": "CC0-1.0"}
    for name, value in sizes(network, settings).items():
        metadata["size." + name] = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    tensors |= {"input.golden": mixture[0].contiguous(), "input.golden_stems": result.contiguous()}
    save_file({name: value.contiguous() for name, value in tensors.items()}, path, metadata)
    print(path, sum(value.numel() for name, value in tensors.items() if not name.startswith("input.")), "parameters")


TINY = {"dim": 8, "depth": 2, "stereo": True, "num_stems": 1, "time_transformer_depth": 1, "freq_transformer_depth": 1,
        "dim_head": 4, "heads": 2, "attn_dropout": 0.1, "ff_dropout": 0.1, "flash_attn": True, "stft_n_fft": 64,
        "stft_hop_length": 16, "stft_win_length": 64, "stft_normalized": False, "mask_estimator_depth": 2}
BANDS = (2, 2, 3, 4, 6, 7, 9)


def make_tiny(folder: Path) -> None:
    save(folder / "bs_roformer_tiny.safetensors", TINY | {"freqs_per_bands": BANDS}, 1024, ["vocals"])
    save(folder / "bs_roformer_tiny_stems.safetensors",
         TINY | {"freqs_per_bands": BANDS, "stereo": False, "num_stems": 2, "depth": 3, "skip_connection": True,
                 "time_transformer_depth": 2, "mask_estimator_depth": 1, "stft_normalized": True, "zero_dc": True,
                 "stft_win_length": 48, "mlp_expansion_factor": 2}, 1024, ["vocals", "drums"], 2)
    save(folder / "mel_band_roformer_tiny_linear.safetensors",
         TINY | {"num_bands": 6, "sample_rate": 44100, "linear_transformer_depth": 1, "depth": 1, "flash_attn": False}, 1024, ["vocals"], 3)
    save(folder / "mel_band_roformer_tiny.safetensors",
         TINY | {"num_bands": 6, "num_stems": 2, "depth": 1, "sample_rate": 44100}, 1024, ["vocals", "drums"], 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="a folder for the tiny ones, or with --config a model file")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--checkpoint", type=Path)
    options = parser.parse_args()
    if not options.config:
        return make_tiny(options.output)
    config = yaml.load(options.config.read_text(), Loader)
    training = config["training"]
    stems = [training["target_instrument"]] if training["target_instrument"] else training["instruments"]
    return save(options.output, config["model"], config["audio"]["chunk_size"], stems, checkpoint=options.checkpoint)


if __name__ == "__main__":
    main()
