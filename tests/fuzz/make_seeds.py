#!/usr/bin/env python3
"""Makes the inputs that the fuzz targets start from: make_seeds.py

Writes tests/fuzz/corpus/<target>/<name>, all synthetic: milliseconds of a tone in the formats that songs come in (made by
ffmpeg), model files, cache files, edits of a checkpoint, and texts. Inputs that fuzzing found lie beside
them and are kept.
"""

import json
import math
import struct
import subprocess
import tempfile
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"


def write(target, name, data):
    (CORPUS / target).mkdir(parents=True, exist_ok=True)
    (CORPUS / target / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def ffmpeg(extension, *arguments):
    """The bytes that ffmpeg writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"seed.{extension}"
        command = ["ffmpeg", "-v", "error", "-nostdin", *arguments, "-bitexact", "-metadata_header_padding", "0", str(path)]
        subprocess.run(command, check=True, timeout=60)
        return path.read_bytes()


def tone(rate_hz, samples, layout="stereo"):
    source = f"sine=440:sample_rate={rate_hz},aformat=channel_layouts={layout},atrim=end_sample={samples}"
    return ["-f", "lavfi", "-i", source]


def media():
    short = tone(8000, 400)
    long = tone(500, 1400, "mono")  # so slow that seconds take few bytes: for ranges
    tags = ["-metadata", "title=Lied", "-metadata", "artist=\u00c5", "-metadata", "comment=a\nb"]
    picture = ["-f", "lavfi", "-i", "color=red:size=8x8:duration=0.04"]
    cover = ["-map", "0", "-map", "1", "-c:v", "png", "-disposition:v", "attached_pic"]
    stems = [*long, *[a for n in range(5) for a in ("-map", "0")], "-c:a", "alac"]
    files = {
        "wav_s16": ("wav", *long, *tags),
        "wav_f32": ("wav", *short, "-c:a", "pcm_f32le"),
        "wav_adpcm": ("wav", *short, "-c:a", "adpcm_ms"),
        "wav_surround": ("wav", *tone(8000, 64, "5.1"), "-c:a", "pcm_s24le"),
        "w64": ("w64", *short, "-c:a", "pcm_u8"),
        "aiff": ("aiff", *short, *tags),
        "au": ("au", *short, "-c:a", "pcm_mulaw"),
        "caf": ("caf", *short, "-c:a", "alac"),
        "flac": ("flac", *long, "-sample_fmt", "s16", *tags),
        "flac_cover": ("flac", *short, *picture, *cover),
        "mp3": ("mp3", *tone(8000, 1200, "mono"), "-b:a", "8k", *tags),
        "mp3_cover": ("mp3", *tone(8000, 600, "mono"), *picture, "-b:a", "8k", *cover),
        "vorbis": ("ogg", *tone(8000, 400, "mono"), "-c:a", "vorbis", "-strict", "-2", "-ac", "2", *tags),
        "opus": ("opus", *tone(48000, 2000, "mono"), "-b:a", "8k", *tags),
        "aac": ("aac", *tone(8000, 3000, "mono"), "-b:a", "8k"),
        "ac3": ("ac3", *tone(32000, 1000, "mono"), "-b:a", "32k"),
        "m4a": ("m4a", *tone(8000, 3000, "mono"), "-b:a", "8k", *tags),
        "m4a_alac": ("m4a", *long, "-c:a", "alac"),
        "m4a_fragments": ("mp4", *tone(8000, 3000, "mono"), "-b:a", "8k", "-movflags", "+empty_moov+default_base_moof",
                          "-frag_duration", "200000"),
        "stem_mp4": ("mp4", *stems, "-movflags", "+faststart"),
        "matroska": ("mka", *short, "-c:a", "flac", *tags),
        "webm": ("webm", *tone(48000, 2000, "mono"), "-c:a", "libopus", "-b:a", "8k"),
        "wma": ("wma", *tone(8000, 1200, "mono"), "-b:a", "24k", *tags),
        "wavpack": ("wv", *short),
        "tta": ("tta", *short),
        "mpegts": ("ts", *tone(16000, 1200, "mono"), "-c:a", "mp2", "-b:a", "32k"),
        "avi": ("avi", *short, "-c:a", "pcm_s16le"),
        "flv": ("flv", *tone(11025, 600, "mono"), "-c:a", "adpcm_swf"),
    }
    for name, arguments in files.items():
        data = ffmpeg(*arguments)
        write("media", name, data)
        if name in ("wav_f32", "wav_surround", "flac_cover", "mp3", "m4a", "opus", "stem_mp4"):
            write("separate", name, data)


def safetensors(metadata, tensors):
    """tensors: (name, type, shape, values)."""
    common = {
        "format_version": "1", "sample_rate_hz": "22050", "fft_samples": "64", "window_samples": "64",
        "hop_samples": "16", "window_frames": "1", "input_transform": "log_level", "level_radius_frames": "20",
        "log_floor": "0.001", "label": "accompaniment", "vocals_threshold": "0.15", "accompaniment_threshold": "0",
        "training": "none", "data": "none", "licence": "MIT"}
    header = {"__metadata__": {**common, **metadata}}
    data = b""
    for name, kind, shape, values in tensors:
        begin = len(data)
        data += struct.pack(f"<{len(values)}{'e' if kind == 'F16' else 'f'}", *values)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def model_file():
    write("model_file", "two_tensors", safetensors(
        {"architecture": "thesis-cnn", "size.dense_units": "2,3"},
        [("conv1.weight", "F16", [2, 3], [0, 1, -1, 6e-8, 65504, -0.5]), ("input.mean", "F32", [2], [1e-40, -3e38])]))


def network():
    """Whole models of 33 bins, as small as they can be."""
    def layers(shapes):
        tensors = [("input.mean", "F16", [33], [-4] * 33), ("input.scale", "F16", [33], [2] * 33)]
        for name, shape in shapes.items():
            tensors.append((name + ".weight", "F16", shape, [0.1 * (i % 5 - 2) for i in range(math.prod(shape))]))
            tensors.append((name + ".bias", "F16", shape[:1], [0.1] * shape[0]))
        return tensors

    write("network", "cnn", safetensors(
        {"architecture": "thesis-cnn", "size.convolution_channels": "1,1,1,1", "size.dense_units": "1,1",
         "window_frames": "3"},
        layers({**{f"conv{n}": [1, 1, 3, 12] for n in (1, 2, 3, 4)}, "dense1": [1, 3], "dense2": [1, 1],
                "dense3": [99, 1]})))
    harmonic_sizes = {"size.positions": "16", "size.positions_per_octave": "4", "size.harmonic_channels": "1,1,1,1,1",
                      "size.dense_units": "1,1,1,1", "size.harmonic_dilations": "1,1"}
    levels, step = {f"{kind}{level}": [1, 1, 3, 3] for kind in ("encode", "down", "decode") for level in range(4)}, [1, 1, 1, 1]
    dense = {f"{side}_dense{level}.{layer}": [1, 16 >> level][::1 if layer == "squeeze" else -1]
             for side in ("encode", "decode") for level in range(4) for layer in ("squeeze", "expand")}
    harmonic = {**levels, **dense, "encode0": [1, 8, 3, 3], "block0": [1, 1, 3, 3], "block1": [1, 1, 3, 3], "positions1": [1, 1],
                **{f"up{level}": step for level in range(4)}, "mask": step}
    write("network", "harmonic", safetensors(
        {"architecture": "harmonic-unet", "size.input_planes": "2", **harmonic_sizes},
        [*layers(harmonic), ("place", "F16", [1, 1, 1], [0.1])]))


def cache():
    samples = struct.pack("<6h", 0, 1, -1, 32767, -32767, 7)
    # magic, version, rate, content, samples, scale, channels of the four parts, checksum (which the target sets)
    header = struct.pack("<8siIQQf4BQ", b"SVSEPPCM", 1, 22050, 42, 2, 1 / 32767, 2, 0, 1, 0, 0)
    write("cache", "two_parts", header[:48] + samples)
    write("cache", "silence", struct.pack("<8siIQQf4BQ", b"SVSEPPCM", 1, 22050, 42, 0, 1.0, 0, 0, 0, 0, 0))
    write("cache", "index", "0123456789abcdef 1024 1700000000000000000 /songs/a song.wav\n")


def checkpoint():
    """Edits of a checkpoint that the target makes: three bytes of place, one of bits to change."""
    write("checkpoint", "no_edit", "")
    write("checkpoint", "one_bit", bytes([0, 1, 0, 1]))
    write("checkpoint", "there_and_back", bytes([0, 0, 9, 1, 0, 0, 9, 1]))


def text():
    write("text", "list", "l# songs\n\na song.wav\r\n/no/such/b.mp3\n")
    write("text", "template", "t{dir}/{name}/{stem}.{ext}\0folder/below\0A Song\0vocals\0wav")
    write("text", "shard", "s3/16")
    write("text", "data_folder", "d/songs=0.25")
    scores = {"targets": [{"name": "vocals", "uSDR": 1.5, "SI-SDR": float("nan"), "frames": [
        {"time": 0.0, "duration": 1.0, "metrics": {"SDR": 3.25, "SIR": float("nan"), "SAR": -1e3, "ISR": 2.0}}]}],
        "museval_version": "0.4.1"}
    write("text", "museval_json", "j" + json.dumps(scores))
    write("text", "stem_name", "nGesang \u00fc")
    write("text", "separate", "\n".join(
        ["cseparate", "song.mp3", "-", "--name", "x", "--shard", "1/2", "--start", "1.5", "--stems",
         "vocals,accompaniment", "--format", "mp3", "--bitrate", "320", "--clip", "rescale", "--vocal-thresh", "0.15",
         "--device", "cuda:1", "-j", "2"]))
    write("text", "karaoke", "\n".join(["cseparate", "-o-", "--karaoke", "--vocal-gain=-inf", "--", "-song.wav"]))
    write("text", "train", "\n".join(
        ["ctrain", "--vocals", "a=2", "b", "--accompaniment", "c", "--recipe", "remix", "--arch", "harmonic-unet", "--lr",
         "1e-3", "--schedule", "cosine", "--amp", "--max-minutes", "1.5", "--threads", "4"]))
    write("text", "evaluate", "\n".join(["cevaluate", "--musdb", "x", "--subset", "train", "--oracle"]))


def weights():
    """Weight files of torch and safetensors: those of scripts/make_golden_import.py."""
    for name in ("zip.pth", "legacy.pth", "package.th", "plain.safetensors"):
        write("weights", name.replace(".", "_"), (CORPUS.parent.parent / "golden" / "import" / name).read_bytes())


def yaml():
    write("yaml", "config", "\n".join(
        ["audio:", "  chunk_size: 352800 # samples", "model:", "  stereo: true", "  freqs_per_bands: !!python/tuple",
         "    - 2", "    - 129", "training:", "  instruments: ['vocals', other]", "  target_instrument: null", "  lr: 1.0e-05", ""]))


for make in (media, model_file, network, cache, checkpoint, weights, yaml, text):
    make()
