#!/usr/bin/env python3
"""Makes the golden values of the evaluation tests with museval.

    make_golden_bsseval.py tests/golden [SONG.stem.mp4 ...]

Writes bsseval_windows.txt (a line "case source window SDR ISR SIR SAR" each), bsseval_global.txt ("case source uSDR
SI-SDR") and bsseval_museval.json (what museval writes of the case "silent"), all of signals that the test makes again;
and bsseval_songs.txt ("song/case source window ...") of the stem files given, decoded by the ffmpeg command to 16 bits
as the musdb package does. The tests expect these two: "The Easton Ellises - Falcon 69", "Music Delta - 80s
Rock".
Last made with museval 0.4.1, numpy 2.4.6 and scipy 1.17.1.
"""

import argparse
import subprocess
from pathlib import Path

import numpy as np
from museval.aggregate import TrackStore
from museval.metrics import bss_eval

WINDOW = 4000
SAMPLES = 18000


def noise(seed: int, samples: int = SAMPLES) -> np.ndarray:
    state, values = seed, np.empty(samples)
    for i in range(samples):
        state = (1664525 * state + 1013904223) % 2**32
        values[i] = state / 2**31 - 1
    return values


def smoothed(seed: int, feedback: float) -> np.ndarray:
    value, values = 0.0, noise(seed)
    for i, x in enumerate(values):
        value = feedback * value + 0.5 * x
        values[i] = value
    return values


def float32(values) -> np.ndarray:
    return np.asarray(values).astype(np.float32).astype(np.float64)


def references() -> np.ndarray:
    """[source][sample][channel]"""
    left = smoothed(1, 0.9)
    right = 0.7 * left + 0.3 * smoothed(2, 0.9)
    return float32([np.stack([left, right], 1), np.stack([smoothed(3, -0.5), smoothed(4, -0.5)], 1)])


def leaked(refs: np.ndarray, kept: float, leak: float) -> np.ndarray:
    """Each source with some of the other, 7 samples late, and noise."""
    late = np.pad(refs[::-1], ((0, 0), (7, 0), (0, 0)))[:, :SAMPLES]
    hiss = np.stack([np.stack([noise(10 + 2 * j + c) for c in range(2)], 1) for j in range(2)])
    return float32(kept * refs + leak * late + 0.02 * hiss)


def cases() -> dict:
    refs = references()
    good = leaked(refs, 0.9, 0.05)
    silent_refs, silent = refs.copy(), good.copy()
    silent_refs[0, :WINDOW] = 0
    silent[0, WINDOW : 2 * WINDOW] = 0
    silent[0, 8500:10500] = 0
    silent[1, 3 * WINDOW : 4 * WINDOW, 1] = -silent[1, 3 * WINDOW : 4 * WINDOW, 0]
    return {
        "good": (refs, good),
        "bad": (refs, leaked(refs, 0.3, 0.8)),
        "scaled": (refs, float32(0.1 * good)),
        "clipped": (refs, float32(np.clip(3 * good, -0.2, 0.2))),
        "silent": (silent_refs, silent),
        "short": (refs[:, :3000], good[:, :3000]),
        "mono": (refs[:, :, :1], good[:, :, :1]),
    }


def song_cases(path: Path) -> tuple[int, dict]:
    rate = int(subprocess.run(["ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries", "stream=sample_rate",
                               "-of", "csv=p=0", str(path)], capture_output=True, check=True, text=True).stdout.split()[0])

    def stem(stream: int) -> np.ndarray:
        command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", f"0:a:{stream}", "-f", "s16le", "-"]
        pcm = subprocess.run(command, capture_output=True, check=True).stdout
        return np.frombuffer(pcm, np.int16).reshape(-1, 2) / 32768.0

    # Six seconds: decoders differ in whether they cut the padding at the end.
    mixture, drums, bass, other, vocals = (stem(s)[: 6 * rate] for s in range(5))
    refs = np.array([vocals, drums + bass + other])
    good = float32(0.9 * refs + 0.1 * refs[::-1])
    good[:, np.arange(good.shape[1]) // 1000 % 2 == 0] *= 0.75  # artifacts: no fixed filter gives them
    good = float32(good)
    silent = good.copy()
    silent[0, rate : 3 * rate] = 0
    return rate, {
        "good": (refs, good),
        "bad": (refs, float32([mixture[:, ::-1], mixture])),
        "scaled": (refs, float32(0.1 * good)),
        "clipped": (refs, np.clip(good, -0.125, 0.125)),
        "silent": (refs, silent),
    }


def window_lines(case: str, scores) -> str:
    sources, windows = scores[0].shape
    return "".join(f"{case} {j} {w} " + " ".join(f"{float(metric[j, w])!r}" for metric in scores) + "\n"
                   for j in range(sources) for w in range(windows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("songs", type=Path, nargs="*")
    arguments = parser.parse_args()

    windows, totals = "", ""
    for case, (refs, ests) in cases().items():
        scores = bss_eval(refs, ests, window=WINDOW, hop=WINDOW)[:4]
        windows += window_lines(case, scores)
        for j, (ref, est) in enumerate(zip(refs, ests)):
            usdr = 10 * np.log10((np.sum(ref**2) + 1e-7) / (np.sum((ref - est) ** 2) + 1e-7))
            gain = np.vdot(ref, est) / np.vdot(ref, ref)
            si_sdr = 10 * np.log10(np.sum((gain * ref) ** 2) / np.sum((gain * ref - est) ** 2))
            totals += f"{case} {j} {float(usdr)!r} {float(si_sdr)!r}\n"
        if case == "silent":
            store = TrackStore("silent", win=1.0, hop=1.0)
            for j, name in enumerate(("vocals", "accompaniment")):
                store.add_target(name, dict(zip(("SDR", "ISR", "SIR", "SAR"), (metric[j].tolist() for metric in scores))))
            (arguments.folder / "bsseval_museval.json").write_text(store.json)
    (arguments.folder / "bsseval_windows.txt").write_text(windows)
    (arguments.folder / "bsseval_global.txt").write_text(totals)

    lines = ""
    for number, path in enumerate(arguments.songs):
        rate, songs = song_cases(path)
        for case, (refs, ests) in songs.items():
            lines += window_lines(f"{number}/{case}", bss_eval(refs, ests, window=rate, hop=rate)[:4])
    if lines:
        (arguments.folder / "bsseval_songs.txt").write_text(lines)


if __name__ == "__main__":
    main()
