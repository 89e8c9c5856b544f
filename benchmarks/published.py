#!/usr/bin/env python3
"""Runs published networks in svsep and in an independent implementation, whole commands in turns, on the same song:

    benchmarks/published.py SVSEP CONFIGS [--family NAME]... [--seconds 60] [--runs 3]

CONFIGS is a folder of YAML files as people have them for MDX23C and the RoFormers. The networks have seeded random weights of
the published sizes. Prints a Markdown table: the error of svsep's stems (float32, same overlap) against the reference's,
median seconds and peak memory of both at the same overlap and at each side's own default.

    benchmarks/published.py SVSEP CONFIGS --import-small [--family NAME]...

imports the same networks with few channels and layers, as models small-NAME in the user's model folder: with chunks as long as the
published ones they are quick enough to separate hours (benchmarks/memory.sh).

Needs GNU time, torch, soundfile, safetensors, pyyaml, and the packages that scripts/make_golden_*.py name.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import torch

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
CONFIGS = {"mdx23c": "config_vocals_mdx23c.yaml", "bs-roformer": "model_bs_roformer_ep_317_sdr_12.9755.yaml",
           "mel-band-roformer": "config_vocals_mel_band_roformer_kj.yaml"}
# The references' own cutting: chunks per chunk length, and what svsep's --overlap is then.
DEFAULT_PARTS = {"mdx23c": 4, "bs-roformer": 2, "mel-band-roformer": 2}
FAMILIES = ["open-unmix", "htdemucs", "htdemucs_6s", "htdemucs_ft", *CONFIGS]
TARGETS = ["vocals", "drums", "bass", "other"]
# What --import-small changes of the published sizes.
SMALL_DEMUCS = {"channels": 8, "bottom_channels": 32, "t_layers": 1, "t_heads": 2}
SMALL_ROFORMER = {"dim": 32, "depth": 1, "heads": 2, "dim_head": 16, "mask_estimator_depth": 1}
SMALL = {"open-unmix": {"hidden": 32, "layers": 1}, "htdemucs": SMALL_DEMUCS, "htdemucs_6s": SMALL_DEMUCS,
         "htdemucs_ft": SMALL_DEMUCS, "mdx23c": {"num_channels": 8, "growth": 8, "num_blocks_per_scale": 1},
         "bs-roformer": SMALL_ROFORMER, "mel-band-roformer": SMALL_ROFORMER}


def golden(name: str):
    sys.path.insert(0, str(SCRIPTS))
    return __import__(f"make_golden_{name}")


def config_of(family: str, configs: Path) -> dict:
    script = golden("roformer")
    return script.yaml.load((configs / CONFIGS[family]).read_text(), script.Loader)


def demucs_settings(family: str, sizes: dict) -> dict:
    more = {"sources": [*TARGETS, "guitar", "piano"], "bottom_channels": 0} if family == "htdemucs_6s" else {}
    return golden("published").htdemucs_kwargs(**(sizes | more))


def seeded_network(family: str, configs: Path, seed: int = 1, sizes: dict | None = None) -> torch.nn.Module:
    """`sizes`: what differs from the published ones; CONFIGS has those of YAML families."""
    torch.manual_seed(seed)
    if family.startswith("htdemucs"):
        return golden("published").htdemucs_network(demucs_settings(family, sizes or {}))
    settings = config_of(family, configs)
    script = golden("mdx23c" if family == "mdx23c" else "roformer")
    if family == "mdx23c":
        network = script.TFC_TDF_net(script.namespace(settings)).eval()
        with torch.no_grad():
            script.randomise(network, seed)
        return network
    network = script.make_network(settings["model"]).eval()
    script.randomise(network, seed)
    return network


def save_checkpoints(family: str, configs: Path, folder: Path, sizes: dict | None = None) -> list[Path]:
    """As the family's own project saves them."""
    sizes = sizes or {}
    published = golden("published")
    if family == "open-unmix":
        torch.manual_seed(1)
        paths = [folder / f"{target}-umxhq.pth" for target in TARGETS]
        for path in paths:
            network = published.open_unmix_target(2049, 1487, **({"hidden": 512, "layers": 3} | sizes))
            torch.save(network.state_dict(), path)
        return paths
    if not family.startswith("htdemucs"):
        path = folder / f"{family}.ckpt"
        torch.save(seeded_network(family, configs).state_dict(), path)
        return [path]
    paths = []
    for seed in range(1, 5 if family == "htdemucs_ft" else 2):
        state = {name: value.half() for name, value in seeded_network(family, configs, seed, sizes).state_dict().items()}
        paths.append(folder / f"{family}-{seed}.th")
        torch.save({"klass": published.HTDemucs, "args": (), "kwargs": demucs_settings(family, sizes), "state": state,
                    "training_args": {}}, paths[-1])
    return paths


def import_checkpoints(svsep: Path, family: str, configs: Path, folder: Path, name: str, sizes: dict | None = None) -> None:
    config = ["--config", configs / CONFIGS[family]] if family in CONFIGS else []
    timed([svsep, "model", "import", *save_checkpoints(family, configs, folder, sizes), "--name", name, *config])


def import_small(svsep: Path, family: str, configs: Path, folder: Path) -> str:
    if family in CONFIGS:
        config = config_of(family, configs)
        config["model"].update(SMALL[family])
        (folder / CONFIGS[family]).write_text(golden("roformer").yaml.dump(config))
    import_checkpoints(svsep, family, folder, folder, f"small-{family}", SMALL[family])
    return f"small-{family}"


def reference_stems(family: str, configs: Path, folder: Path, song: torch.Tensor, parts: int) -> dict[str, torch.Tensor]:
    if family == "open-unmix":
        published = golden("published")
        networks = {}
        for target in TARGETS:
            networks[target] = published.open_unmix_target(2049, 1487, 512, 3)
            networks[target].load_state_dict(torch.load(folder / f"{target}-umxhq.pth"))
        separator = published.Separator(networks, niter=1, n_fft=4096, n_hop=1024).eval()
        return dict(zip(TARGETS, separator(song[None])[0]))
    if family.startswith("htdemucs"):
        from demucs.apply import BagOfModels, apply_model
        count = 4 if family == "htdemucs_ft" else 1
        networks = [seeded_network(family, configs, seed) for seed in range(1, count + 1)]
        weights = [[float(stem == k) for stem in range(4)] for k in range(4)] if count > 1 else None
        bag = BagOfModels(networks, weights) if count > 1 else networks[0]
        return dict(zip(networks[0].sources, apply_model(bag, song[None], shifts=0, overlap=0.25)[0]))
    from mel_band_roformer.utils import demix_track
    settings = config_of(family, configs)
    network = seeded_network(family, configs)
    network.load_state_dict(torch.load(folder / f"{family}.ckpt"))
    space = golden("mdx23c").namespace
    config = space({"inference": {"chunk_size": settings["audio"]["chunk_size"], "num_overlap": parts},
                    "training": settings["training"]})
    stems = demix_track(config, network, song, "cpu")
    stems = stems[0] if isinstance(stems, tuple) else stems
    return {name: torch.from_numpy(value) for name, value in stems.items()}


def worker(family: str, configs: Path, folder: Path, song: Path, out: Path, parts: int) -> None:
    audio, rate = soundfile.read(song, dtype="float32", always_2d=True)
    with torch.inference_mode():
        stems = reference_stems(family, configs, folder, torch.from_numpy(audio.T.copy()), parts)
    out.mkdir(parents=True, exist_ok=True)
    for name, stem in stems.items():
        soundfile.write(out / f"{name}.wav", stem.numpy().T, rate, subtype="FLOAT")


def timed(command: list) -> tuple[float, float]:
    """Seconds and peak MiB of a command. GNU time starts it: a child of this process would count this one's memory as its own."""
    with tempfile.NamedTemporaryFile("r") as figures, tempfile.TemporaryFile() as log:
        words = ["/usr/bin/time", "-f", "%e %M", "-o", figures.name, *command]
        if subprocess.run([str(word) for word in words], stdout=log, stderr=log, check=False).returncode != 0:
            log.seek(0)
            raise SystemExit(f"{command}: {log.read().decode()[-2000:]}")
        seconds, kibibytes = figures.read().split()
    return float(seconds), float(kibibytes) / 1024


def error(reference: Path, estimate: Path) -> tuple[float, float]:
    """Of all stems that both have: the greatest difference over the peak, and the error in dB."""
    worst, db = 0.0, -300.0
    for path in sorted(reference.glob("*.wav")):
        if not (estimate / path.name).exists():
            continue
        a, b = (soundfile.read(file, dtype="float32")[0].astype(np.float64) for file in (path, estimate / path.name))
        worst = max(worst, np.abs(a - b).max() / np.abs(a).max())
        db = max(db, 10 * np.log10(np.square(a - b).sum() / np.square(a).sum() + 1e-30))
    return worst, db


def measure(family: str, options: argparse.Namespace, folder: Path) -> str:
    song = folder / "song.wav"
    rng = np.random.default_rng(1)
    noise = 0.1 * rng.standard_normal((int(44100 * options.seconds), 2))
    soundfile.write(song, noise, 44100, subtype="FLOAT")
    os.environ["XDG_DATA_HOME"] = str(folder / "data")
    import_checkpoints(options.svsep, family, options.configs, folder, family)

    def svsep(*more) -> tuple[float, float]:
        return timed([options.svsep, "separate", song, "-m", family, "--stems", "all", "--format", "wav32f", "-o", folder / "svsep",
                      "--overwrite", *more])

    def reference(parts: int) -> tuple[float, float]:
        return timed([sys.executable, __file__, options.svsep, options.configs, "--worker", family, folder, song,
                      folder / "reference", parts])

    same = ["--overlap", "0.5", "--float32"] if family in CONFIGS else ["--float32"]
    parts = DEFAULT_PARTS.get(family, 0)
    ours, theirs, default = [], [], []
    worst, db = 0.0, -300.0
    for _ in range(options.runs):
        theirs.append(reference(2))
        ours.append(svsep(*same))
        worst, db = max((worst, db), error(folder / "reference", folder / "svsep" / "song"))
        default.append(svsep("--float32"))
    full = [reference(parts) for _ in range(options.runs)] if parts > 2 else theirs

    def median(pairs, k):
        return statistics.median(pair[k] for pair in pairs)

    return (f"| {family} | {options.seconds:g} | {worst:.1e} | {db:.0f} dB | {median(theirs, 0):.1f} | {median(ours, 0):.1f} | "
            f"{median(theirs, 0) / median(ours, 0):.2f} | {median(full, 0) / median(default, 0):.1f} | "
            f"{median(full, 1):.0f} | {median(default, 1):.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("svsep", type=Path)
    parser.add_argument("configs", type=Path)
    parser.add_argument("--family", action="append", choices=FAMILIES)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--import-small", action="store_true")
    parser.add_argument("--worker", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        family, folder, song, out, parts = options.worker
        return worker(family, options.configs, Path(folder), Path(song), Path(out), int(parts))
    if options.import_small:
        for family in options.family or FAMILIES:
            with tempfile.TemporaryDirectory() as folder:
                print(import_small(options.svsep, family, options.configs, Path(folder)), flush=True)
        return None
    print("| network | song, s | difference / peak | error | reference, s | svsep, s | ratio | ratio at own overlaps | reference, MiB "
          "| svsep, MiB |\n|---|-:|-:|-:|-:|-:|-:|-:|-:|-:|", flush=True)
    for family in options.family or FAMILIES:
        with tempfile.TemporaryDirectory() as folder:
            print(measure(family, options, Path(folder)), flush=True)
    return None


if __name__ == "__main__":
    main()
