#!/usr/bin/env python3
"""Makes the golden values of the dsp tests with librosa and scipy.

Writes dsp_stft.txt and dsp_resample.txt: records of a line "<name> <count>" and a line of that many numbers,
complex ones as real and imaginary part. Everything is computed in float64 from float32 signals, which are
written too. Last made with librosa 0.11.0, scipy 1.17.1 and numpy 2.4.6.
"""

import argparse
from pathlib import Path

import librosa
import numpy as np
import scipy.signal

BIN_STEP = 23  # coprime to the frame sizes, so odd and even bins and both ends are seen
STFT_SIZES = ((4096, 1024, 256), (2048, 2048, 512))


def write_record(file, name: str, values: np.ndarray, digits: int) -> None:
    if np.iscomplexobj(values):
        values = np.stack([values.real, values.imag], axis=-1)
    values = np.ravel(values)
    file.write(f"{name} {len(values)}\n" + " ".join(f"{value:.{digits}g}" for value in values) + "\n")


def signal(samples: int) -> np.ndarray:
    """Four decaying partials and noise of a linear congruential generator, rounded to float32."""
    state, noise = 1, np.empty(samples)
    for i in range(samples):
        state = (1664525 * state + 1013904223) % 2**32
        noise[i] = state / 2**31 - 1
    time_s = np.arange(samples) / 22050
    partials = sum(np.sin(2 * np.pi * 330 * k * time_s) * np.exp(-8 * time_s) / k for k in range(1, 5))
    return (0.4 * partials + 0.1 * noise).astype(np.float32)


def mask(bins: int, frames: int) -> np.ndarray:
    """A mask that the test makes again: values 0, 0.125 .. 0.875."""
    f, t = np.ogrid[:bins, :frames]
    return (3 * f + 5 * t) % 8 / 8


def make_stft(path: Path) -> None:
    with path.open("w", encoding="ascii") as file:
        for samples in (1, 2, 300, 2500):
            mixture = signal(samples)
            write_record(file, f"signal-{samples}", mixture, 9)
            for fft, window, hop in STFT_SIZES:
                frames = librosa.stft(mixture.astype(np.float64), n_fft=fft, win_length=window, hop_length=hop,
                                      pad_mode="reflect")
                masked = librosa.istft(frames * mask(*frames.shape), n_fft=fft, win_length=window,
                                       hop_length=hop, length=samples)
                name = f"{samples}-{fft}-{window}-{hop}"
                write_record(file, f"stft-{name}", frames[::BIN_STEP].T, 8)
                write_record(file, f"masked-{name}", masked, 8)


def make_resample(path: Path) -> None:
    """A noise burst below 8 kHz, converted with a Kaiser-windowed sinc of 140 dB, much longer than ours."""
    with path.open("w", encoding="ascii") as file:
        for from_hz, to_hz in ((44100, 22050), (48000, 22050), (22050, 44100)):
            samples = 1200
            white = np.random.default_rng(0).standard_normal(samples)
            lowpass = scipy.signal.firwin(401, 6500, fs=from_hz, window=("kaiser", 14.0))
            burst = scipy.signal.fftconvolve(white, lowpass, mode="same")
            burst = (0.5 * burst / np.abs(burst).max() * np.hanning(samples)).astype(np.float32)
            up, down = np.array([to_hz, from_hz]) // np.gcd(from_hz, to_hz)
            taps = scipy.signal.firwin(2 * 400 * max(up, down) + 1, 1 / max(up, down), window=("kaiser", 14.0))
            name = f"{from_hz}-{to_hz}"
            write_record(file, f"input-{name}", burst, 9)
            write_record(file, f"output-{name}",
                         scipy.signal.resample_poly(burst.astype(np.float64), up, down, window=taps), 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, nargs="?", help="folder to write to (default: %(default)s)",
                        default=Path(__file__).resolve().parent.parent / "tests" / "golden")
    output = parser.parse_args().output
    make_stft(output / "dsp_stft.txt")
    make_resample(output / "dsp_resample.txt")


if __name__ == "__main__":
    main()
