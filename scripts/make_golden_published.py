#!/usr/bin/env python3
"""Makes the golden cases of Open-Unmix and HT-Demucs: python3 scripts/make_golden_published.py tests/golden

Tiny networks of random weights as model files, each with a mixture and the stems that its authors' package gives (as
input.golden [channels][samples] and input.golden_stems [stems][channels][samples]).

With --checkpoints FOLDER, networks of the published sizes, saved as their authors save theirs, and a chunk of each.
Last made with openunmix 1.3.0, demucs 4.1.0 and torch 2.11.0.
"""

import argparse
from fractions import Fraction
from pathlib import Path

import torch
from demucs.htdemucs import HTDemucs
from openunmix.model import OpenUnmix, Separator
from safetensors.torch import save_file

FOUR_STEMS = ["drums", "bass", "other", "vocals"]


def stereo_noise(samples: int) -> torch.Tensor:
    """Two channels that have much in common, and become louder."""
    left, right = torch.randn(2, samples) * 0.1
    return torch.stack([left, 0.6 * left + 0.5 * right]) * torch.linspace(0.3, 1.0, samples)


def round_to_half(module: torch.nn.Module) -> None:
    """Published weights are often float16; here they are so exactly."""
    for value in (*module.parameters(), *module.buffers()):
        if value.is_floating_point():
            value.data = value.data.half().float()


def separated(network: torch.nn.Module, samples: int) -> dict[str, torch.Tensor]:
    mixture = stereo_noise(samples)
    with torch.inference_mode():
        stems = network(mixture[None])[0]
    return {"input.golden": mixture, "input.golden_stems": stems.contiguous()}


def write_model(path: Path, architecture: str, stems: list[str], sizes: dict, state: dict, case: dict, **more) -> None:
    """A model file of format 2, see docs/development/model-file.md."""
    metadata = {
        "format_version": "2", "architecture": architecture, "channels": "2", "stems": ",".join(stems),
        "chunk_samples": str(case["input.golden"].shape[1]), "overlap": "0.25", "sample_rate_hz": "8000",
        "training": "none, random weights", "data": "none", "licence": "CC0-1.0", **more,
    }  # fmt: skip
    metadata |= {f"size.{name}": str(value) for name, value in sizes.items()}
    tensors = {name: value.half() for name, value in state.items() if value.is_floating_point()}
    save_file(tensors | case, path, metadata)


def open_unmix_target(bins: int, input_bins: int, hidden: int, layers: int) -> OpenUnmix:
    network = OpenUnmix(nb_bins=bins, max_bin=input_bins, hidden_size=hidden, nb_layers=layers).eval()
    with torch.no_grad():
        for norm in (network.bn1, network.bn2, network.bn3):
            norm.running_mean.normal_(0, 0.1)
            norm.running_var.uniform_(0.5, 1.5)
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_(0, 0.1)
        network.input_mean.normal_(-1, 0.1)
        network.input_scale.uniform_(0.1, 0.5)
        network.output_scale.uniform_(0.3, 1.0)
        network.output_mean.uniform_(0.2, 0.8)
    round_to_half(network)
    return network


def open_unmix(hidden: int, bins: int, input_bins: int, layers: int) -> tuple[dict[str, OpenUnmix], Separator]:
    networks = {target: open_unmix_target(bins, input_bins, hidden, layers) for target in ("vocals", "drums")}
    fft = 2 * (bins - 1)
    return networks, Separator(networks, niter=1, n_fft=fft, n_hop=fft // 4).eval()


def tiny_open_unmix(folder: Path) -> None:
    networks, separator = open_unmix(hidden=8, bins=17, input_bins=13, layers=2)
    state = {f"{k}.{name}": value for k, network in enumerate(networks.values())
             for name, value in network.state_dict().items()}  # fmt: skip
    sizes = {"fft_samples": 32, "hop_samples": 8, "input_bins": 13, "hidden_units": 8, "layers": 2, "wiener_frames": 300}
    # More frames than one window of the Wiener filter has.
    case = separated(separator, 2480)
    write_model(folder / "open_unmix_tiny.safetensors", "open-unmix", list(networks), sizes, state, case)
    alone = Separator({"vocals": networks["vocals"]}, niter=0, n_fft=32, n_hop=8).eval()
    state = {f"0.{name}": value for name, value in networks["vocals"].state_dict().items()}
    case = separated(alone, 1024)
    write_model(folder / "open_unmix_tiny_alone.safetensors", "open-unmix", ["vocals"], sizes, state, case)


def htdemucs_kwargs(**changes) -> dict:
    """What the published packages state, as far as it matters."""
    return {
        "sources": FOUR_STEMS, "audio_channels": 2, "samplerate": 44100, "segment": Fraction(39, 5), "channels": 48,
        "growth": 2, "nfft": 4096, "cac": True, "depth": 4, "rewrite": True, "multi_freqs": [], "freq_emb": 0.2,
        "emb_scale": 10, "kernel_size": 8, "stride": 4, "context": 1, "context_enc": 0, "norm_starts": 4,
        "norm_groups": 4, "dconv_mode": 3, "dconv_depth": 2, "dconv_comp": 8, "bottom_channels": 512, "t_layers": 5,
        "t_hidden_scale": 4.0, "t_heads": 8, **changes,
    }  # fmt: skip


def htdemucs_network(kwargs: dict) -> HTDemucs:
    network = HTDemucs(**kwargs).eval()
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name.endswith(".scale"):
                value.uniform_(0.2, 0.8)
            elif value.dim() == 1:
                value.add_(torch.randn_like(value) * 0.05)
    round_to_half(network)
    return network


def tiny_htdemucs(folder: Path) -> None:
    stems = ["drums", "vocals"]
    common = {"sources": stems, "channels": 8, "nfft": 256, "depth": 2, "t_layers": 2, "t_hidden_scale": 2.0, "t_heads": 2,
              "samplerate": 8000, "segment": Fraction(7, 50)}  # fmt: skip
    for name, bottom in (("htdemucs_tiny", 8), ("htdemucs_tiny_plain", 0)):
        network = htdemucs_network(htdemucs_kwargs(**common, bottom_channels=bottom))
        sizes = {"channels": 8, "growth": 2, "depth": 2, "fft_samples": 256, "bottom_channels": bottom,
                 "transformer_layers": 2, "transformer_hidden": 2 * (bottom or 16), "heads": 2, "residual_depth": 2,
                 "residuals": 3}  # fmt: skip
        case = separated(network, 1120)
        more = {"number.frequency_embedding": "2.0"}
        write_model(folder / f"{name}.safetensors", "htdemucs", stems, sizes, network.state_dict(), case, **more)


def full_sizes(folder: Path) -> None:
    networks, separator = open_unmix(hidden=512, bins=2049, input_bins=1487, layers=3)
    for target, network in networks.items():
        torch.save(network.state_dict(), folder / f"{target}-umxhq.pth")
    save_file(separated(separator, 441000), folder / "umxhq_chunk.safetensors")
    for name, changes in {
        "htdemucs": {},
        "htdemucs_6s": {"sources": [*FOUR_STEMS, "guitar", "piano"], "bottom_channels": 0},
    }.items():
        kwargs = htdemucs_kwargs(**changes)
        network = htdemucs_network(kwargs)
        state = {key: value.half() for key, value in network.state_dict().items()}
        package = {"klass": HTDemucs, "args": (), "kwargs": kwargs, "state": state, "training_args": {}}
        torch.save(package, folder / f"{name}.th")
        save_file(separated(network, 343980), folder / f"{name}_chunk.safetensors")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--checkpoints", type=Path)
    arguments = parser.parse_args()
    torch.manual_seed(1)
    if arguments.folder:
        tiny_open_unmix(arguments.folder)
        tiny_htdemucs(arguments.folder)
    if arguments.checkpoints:
        full_sizes(arguments.checkpoints)


if __name__ == "__main__":
    main()
