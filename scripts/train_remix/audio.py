"""Stages 1 and 2: all audio in one file, and singing made of speech, solfege and songs with the vocoder WORLD (Morise et
al. 2016, doi:10.1587/transinf.2015EDP7457): real singing is what free audio has least of."""
import json
import pathlib
import subprocess
from typing import NamedTuple

import numpy as np

RATE = 22050
PARTS = ("drums", "bass", "other", "vocals")  # a .stem.mp4's streams 1 to 4
VALIDATION_SONG, VALIDATION_SINGERS = "Rubidium", ("singing-23.opus", "singing-24.opus")
SUNG_SHARES, FRAME_S = {"speech": 0.45, "solfege": 0.3, "song": 0.25}, 0.005  # WORLD's frames


class Clip(NamedTuple):
    kind: str  # accompaniment, solfege, speech, syllables, sung-speech, .., or song-PART and its channel: song-vocals0
    split: str  # train or validation
    name: str
    samples: np.ndarray  # int16 at RATE, one channel, in the cache file


def write_clips(path, clips):
    """PATH.i16 and its index PATH.json, which is written last: where it exists, the cache is whole."""
    index = []
    with open(f"{path}.i16", "wb") as file:
        for clip in clips:
            index.append((*clip[:3], len(clip.samples)))
            file.write(clip.samples.tobytes())
    pathlib.Path(f"{path}.json").write_text(json.dumps(index), encoding="utf-8")


def read_clips(path):
    samples, start, clips = np.asarray(np.memmap(f"{path}.i16", np.int16, "r")), 0, []
    for *labels, count in json.loads(pathlib.Path(f"{path}.json").read_text(encoding="utf-8")):
        clips.append(Clip(*labels, samples[start:start + count]))
        start += count
    return clips


# ---- Stage 1: the audio


def decode(path, stream=0, channels=1):
    """[samples, channels] float32 of one audio stream at RATE; a stem without sound may have no samples."""
    command = ["ffmpeg", "-v", "quiet", "-threads", "1", "-i", str(path), "-map", f"0:a:{stream}", "-f", "f32le",
               "-ac", str(channels), "-ar", str(RATE), "-"]
    return np.frombuffer(subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout, np.float32).reshape(-1, channels)


def as_int16(x, peak):
    return (x * (32000 / max(peak, 1e-6))).astype(np.int16)


def decoded_clips(data):
    for path in sorted((data / "vocals").glob("*.opus")):
        sung = path.name.startswith(("vocobox", "Tonejs", "titinko", "MTG"))
        kind = "solfege" if "SSVD" in path.name else "syllables" if sung else "speech"
        x = decode(path)[:, 0]
        yield Clip(kind, "validation" if path.name.endswith(VALIDATION_SINGERS) else "train", path.name, as_int16(x, np.abs(x).max()))
    for index, path in enumerate(sorted((data / "accompaniment").glob("*.opus"))):
        if "LOL-373" not in path.name:  # holds voices
            x = decode(path)[:, 0]
            yield Clip("accompaniment", "validation" if index % 20 == 7 else "train", path.name, as_int16(x, np.abs(x).max()))
    for path in sorted((data / "musdb-free/train").glob("*.stem.mp4")):
        stems = [decode(path, 1 + index, 2) for index in range(len(PARTS))]
        samples, peak = max(map(len, stems)), max(np.abs(x).max(initial=0) for x in stems)
        for part, stem in zip(PARTS, stems):
            stem = as_int16(np.pad(stem, ((0, samples - len(stem)), (0, 0))), peak)
            for channel in (0, 1):
                yield Clip(f"song-{part}{channel}", "validation" if VALIDATION_SONG in path.name else "train", path.name, stem[:, channel])


def melody(rng, frames, voiced_median_hz):
    """Hz per frame: random steps in a major scale around the speaker's pitch, with portamento, vibrato and drift."""
    root = 12 * np.log2(voiced_median_hz / 440) + rng.uniform(-4, 9)
    scale = np.array([12 * octave + step for octave in (-2, -1, 0, 1, 2) for step in (0, 2, 4, 5, 7, 9, 11)])
    semitones, frame, degree = np.zeros(frames), 0, int(np.argmin(abs(scale)))
    while frame < frames:
        length = int(rng.choice([0.15, 0.25, 0.35, 0.5, 0.8, 1.3]) * rng.uniform(0.8, 1.2) / FRAME_S)
        semitones[frame:frame + length] = scale[degree]
        frame += length
        degree = int(np.clip(degree + rng.choice([-4, -2, -1, -1, 0, 1, 1, 2, 3]), 10, 25))
    glide = np.hanning(int(rng.uniform(8, 24)) * 2 + 1)
    semitones = np.convolve(np.pad(semitones, len(glide) // 2, mode="edge"), glide / glide.sum(), "valid")[:frames]
    vibrato_hz = rng.uniform(4.8, 6.5) + 0.3 * rng.standard_normal(frames)
    vibrato = np.sin(2 * np.pi * np.cumsum(vibrato_hz) * FRAME_S) * rng.uniform(0, 0.7)
    drift = np.convolve(rng.standard_normal(frames + 200), np.hanning(200) / 10, "valid")[:frames] * 0.15
    return 440 * 2**((root + semitones + vibrato + drift) / 12)


def sung(rng, y, kind):
    """A variant of y with another length, vocal tract and pitch, peak 1; None where little is voiced."""
    import pyworld  # only this stage needs it
    y = y.astype(np.float64)
    rough_hz, times = pyworld.dio(y, RATE, f0_floor=65, f0_ceil=900, frame_period=1000 * FRAME_S)
    pitch_hz = pyworld.stonemask(y, rough_hz, times, RATE)
    voiced = pitch_hz > 0
    if voiced.mean() < 0.3:
        return None
    envelope, aperiodicity = pyworld.cheaptrick(y, pitch_hz, times, RATE), pyworld.d4c(y, pitch_hz, times, RATE)

    if kind == "speech":  # singing holds the vowels, not the consonants
        ends = np.concatenate([[0], np.cumsum(np.where(voiced, rng.uniform(1, 2.4), 1.0))])
        at = np.interp(np.arange(int(ends[-1])), ends[:-1], np.arange(len(pitch_hz)))
    else:
        at = np.linspace(0, len(pitch_hz) - 1.001, int(len(pitch_hz) * rng.uniform(0.8, 1.3)))
    frame = at.astype(int).clip(0, len(pitch_hz) - 2)
    part = (at - frame)[:, None]
    envelope = np.exp((1 - part) * np.log(envelope[frame]) + part * np.log(envelope[frame + 1]))
    aperiodicity = (1 - part) * aperiodicity[frame] + part * aperiodicity[frame + 1]
    from_hz = pitch_hz[frame]

    source = np.arange(envelope.shape[1]) / rng.uniform(0.84, 1.2)  # formants higher or lower: another vocal tract
    lower = source.astype(int).clip(0, envelope.shape[1] - 2)
    part = (source - lower).clip(0, 1)
    envelope = np.exp((1 - part) * np.log(envelope[:, lower]) + part * np.log(envelope[:, lower + 1]))
    aperiodicity = (1 - part) * aperiodicity[:, lower] + part * aperiodicity[:, lower + 1]

    if kind == "speech":
        median_hz = np.median(pitch_hz[voiced])  # some of the speaker's own intonation stays
        to_hz = melody(rng, len(at), median_hz) * (np.maximum(from_hz, 1) / median_hz)**rng.uniform(0, 0.35)
    else:
        to_hz = from_hz * 2**(rng.uniform(-5, 5) / 12)
    to_hz = np.where(from_hz > 0, np.clip(to_hz, 60, 1000), 0)
    z = pyworld.synthesize(to_hz, np.ascontiguousarray(envelope), np.ascontiguousarray(aperiodicity.clip(0, 1)), RATE, 1000 * FRAME_S)
    return z / (np.abs(z).max() + 1e-9)


def songs_of(clips, split):
    """{"vocals": [2, samples], ..} of each song, by name."""
    songs = {}
    for clip in clips:
        if clip.kind.startswith("song-") and clip.split == split:
            songs.setdefault(clip.name, {})[clip.kind.removeprefix("song-")] = clip.samples
    return [{part: (song[f"{part}0"], song[f"{part}1"]) for part in PARTS} for _, song in sorted(songs.items())]


def sung_clips(clips, minutes):
    """Variants of random pieces of at most 8 s, drawn so that every second of the sources is as likely."""
    rng = np.random.default_rng(5)
    for kind, share in SUNG_SHARES.items():
        if kind == "song":
            sources = [np.mean(song["vocals"], 0).astype(np.int16) for song in songs_of(clips, "train")]
        else:
            sources = [clip.samples for clip in clips if clip.kind == kind and clip.split == "train"]
        weights = np.array([len(x) for x in sources], float)
        left = share * minutes * 60 * RATE if sources else 0
        while left > 0:
            x = sources[rng.choice(len(weights), p=weights / weights.sum())]
            length = min(8 * RATE, len(x))
            start = rng.integers(0, len(x) - length + 1)
            y = x[start:start + length].astype(np.float64) / 32768
            variant = sung(rng, y, kind) if y.std() >= 1e-3 else None
            if variant is not None and np.isfinite(variant).all():
                left -= len(variant)
                yield Clip(f"sung-{kind}", "train", kind, (variant * 30000).astype(np.int16))
