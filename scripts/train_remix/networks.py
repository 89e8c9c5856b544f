"""The networks of the shipped models, as they learn: what they see, what they are told, and the model file that they become."""
import copy
from typing import NamedTuple

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from audio import RATE

LOG_FLOOR = 1e-3
BIAS_FROM_HZ, BIAS_MOST_OCTAVES = 200, 4
PAIR = "unet-pair"


class Analysis(NamedTuple):
    n_fft: int
    window: int
    hop: int
    level_radius_frames: int

    @property
    def bins(self):
        return self.n_fft // 2 + 1

    def stft(self, x):
        """[batch, channels, samples] -> [batch, channels, frames, bins]"""
        spectra = torch.stft(x.flatten(0, 1), self.n_fft, self.hop, self.window, torch.hann_window(self.window), return_complex=True)
        return spectra.transpose(1, 2).unflatten(0, x.shape[:2])

    def istft(self, spectra, samples):
        x = torch.istft(spectra.flatten(0, 1).transpose(1, 2), self.n_fft, self.hop, self.window, torch.hann_window(self.window), length=samples)
        return x.unflatten(0, spectra.shape[:2])


class MaskNetwork(nn.Module):
    """What all have: subclasses define ANALYSIS, PLANES, METADATA, LAST_LAYER, how they learn (MIXES to LARGEST_KEEP), masks(), loss(), read_tensors() and tensors()."""

    def __init__(self):
        super().__init__()
        for name in ("mean", "scale"):
            self.register_buffer(name, torch.ones(self.ANALYSIS.bins))

    def planes(self, spectra):
        """[batch, PLANES, frames, bins]: the root of the channels' mean power, and of its part that their mean lacks (the side)."""
        power = (spectra.real.square() + spectra.imag.square()).mean(1)
        if self.PLANES == 1:
            return power.sqrt().unsqueeze(1)
        middle = spectra.mean(1)
        side = (power - middle.real.square() - middle.imag.square()).clamp(min=0)
        return torch.stack([power, side], 1).sqrt()

    def frame_gains(self, magnitudes):
        """[batch, 1, frames, 1]: one by the level of the first plane, as svsep's input transform log-level has it."""
        power = magnitudes[:, 0].double().square().mean(2)
        radius, frames = self.ANALYSIS.level_radius_frames, torch.arange(power.shape[1])
        first, after = (frames - radius).clamp(min=0), (frames + radius + 1).clamp(max=len(frames))

        def around(values):
            sums = functional.pad(values.cumsum(1), (1, 0))
            return sums[:, after] - sums[:, first]

        level = (around(power) / around((power > 0).double()).clamp(min=1)).clamp(min=0).sqrt()
        return 1 / level.clamp(min=1e-7).float()[:, None, :, None]

    def log_compressed(self, spectra, gains=1.0):
        magnitudes = self.planes(spectra)
        return torch.log(magnitudes * (gains * self.frame_gains(magnitudes)) + LOG_FLOOR)

    def inputs(self, spectra, gains=1.0):
        return (self.log_compressed(spectra, gains) - self.mean) / self.scale

    @torch.no_grad()
    def measure_inputs(self, mixture):
        values = self.log_compressed(self.ANALYSIS.stft(mixture))[:, 0].flatten(0, 1)
        self.mean.copy_(values.mean(0))
        self.scale.copy_(values.std(0) + 1e-3)

    @torch.no_grad()
    def read_file(self, path, mixture):
        """The weights of a model file; `mixture` is something to try them on. Of another network's file only the
        statistics of the inputs, so that both can become a pair."""
        with safe_open(path, "pt") as file:
            architecture = file.metadata()["architecture"]
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}
        tensors.pop("output.bias", None)  # is for songs, not for learning
        self.mean.copy_(tensors.pop("input.mean"))
        self.scale.copy_(tensors.pop("input.scale"))
        if architecture == PAIR:
            tensors = {name.removeprefix(self.PAIR_PREFIX): value for name, value in tensors.items() if name.startswith(self.PAIR_PREFIX)}
        if architecture in (PAIR, self.METADATA["architecture"]):
            self.read_tensors(tensors, mixture)

    @torch.no_grad()
    def write_file(self, path, training, certainty, bias_per_octave):
        """The model file as docs/model-file.md has it, float16, with logits multiplied by `certainty` and an output bias."""
        tensors = {"input.mean": self.mean, "input.scale": self.scale, **self.tensors()}
        for name in (f"{self.LAST_LAYER}.weight", f"{self.LAST_LAYER}.bias"):
            tensors[name] = tensors[name] * certainty
        if bias_per_octave:
            octaves = (torch.arange(self.ANALYSIS.bins) * RATE / self.ANALYSIS.n_fft / BIAS_FROM_HZ).log2()
            tensors["output.bias"] = bias_per_octave * octaves.clamp(0, BIAS_MOST_OCTAVES)
        metadata = {
            "format_version": "1",
            "sample_rate_hz": str(RATE),
            "fft_samples": str(self.ANALYSIS.n_fft),
            "window_samples": str(self.ANALYSIS.window),
            "hop_samples": str(self.ANALYSIS.hop),
            "input_transform": "log_level",
            "level_radius_frames": str(self.ANALYSIS.level_radius_frames),
            "log_floor": str(LOG_FLOOR),
            "vocals_threshold": "0",
            "accompaniment_threshold": "0",
            "data": "musdb-free (CC0-1.0), free voices, sung variants of them and free accompaniments; see the model's card",
            "licence": "MIT; see the model's card for the data",
            "training": training,
            **self.METADATA,
        }
        save_file({name: value.half().contiguous() for name, value in tensors.items()}, path, metadata=metadata)


# ---- The U-Nets of docs/models.md


def normalised_convolution(inputs, outputs, kernel, **options):
    return [nn.Conv2d(inputs, outputs, kernel, bias=False, **options), nn.BatchNorm2d(outputs)]


class Shift(nn.Module):
    """In a normalisation's place where the convolution before it does the rest."""

    def __init__(self, bias):
        super().__init__()
        self.bias = bias

    def forward(self, x):
        return x + self.bias[:, None, None]


class Unet(MaskNetwork):
    """What the U-Nets have: subclasses define layers(), learned() and forward()."""

    ANALYSIS, PLANES = Analysis(2048, 2048, 512, 129), 2
    MIXES, LEARNING_RATE, WEIGHT_DECAY, CLIP_NORM, LARGEST_KEEP = 8, 1e-3, 1e-2, 5.0, 0.9985
    LAST_LAYER = "mask"
    PAIR_PREFIX = ""  # of its tensors in the file of a pair

    def layers(self):
        """{name in the file: (its convolution's name in here, that of the normalisation after it)}"""
        raise NotImplementedError

    def learned(self):
        """{name in the file: parameter} of all others"""
        raise NotImplementedError

    def masks(self, spectra, gains=1.0):
        """[batch, 1, frames, bins]: one for all channels."""
        inputs = self.inputs(spectra, gains)
        with torch.autocast("cpu", torch.bfloat16):
            logits = self(inputs)
        return torch.sigmoid(logits.float())

    def loss(self, vocals, mixture, gains):
        """Half absolute, for the mean, half the root of each piece's power, for its loudest places: SDR counts those."""
        samples = (vocals.shape[2] - 1) * self.ANALYSIS.hop
        error = self.ANALYSIS.istft(self.masks(mixture, gains) * mixture - vocals, samples)
        return 0.5 * error.abs().mean() + 0.5 * (error.square().mean((1, 2)) + 1e-6).sqrt().mean()

    def read_tensors(self, tensors, mixture):
        """The file's convolutions hold their batch normalisation: each gets one again that does nothing on `mixture`."""
        for name, parameter in self.learned().items():
            parameter.copy_(tensors[name])

        def measure(norm, inputs, bias):
            values = inputs[0].transpose(0, 1).flatten(1)
            norm.running_mean.copy_(values.mean(1))
            norm.running_var.copy_(values.var(1))
            norm.weight.copy_((norm.running_var + norm.eps).sqrt())
            norm.bias.copy_(bias + norm.running_mean)

        for name, (convolution, norm) in self.layers().items():
            self.get_submodule(convolution).weight.copy_(tensors[f"{name}.weight"])
            self.get_submodule(norm).register_forward_pre_hook(
                lambda norm, inputs, bias=tensors[f"{name}.bias"]: measure(norm, inputs, bias))
        inputs = self.inputs(self.ANALYSIS.stft(mixture))
        self.eval()(inputs)
        for _, norm in self.layers().values():
            self.get_submodule(norm)._forward_pre_hooks.clear()
        self.check_folding(tensors, inputs, 1e-2)

    def tensors(self):
        """Convolutions that do what the network's do with the batch normalisation after them."""
        tensors = dict(self.learned())
        for name, (convolution, norm) in self.layers().items():
            convolution, norm = self.get_submodule(convolution), self.get_submodule(norm)
            gain = norm.weight / (norm.running_var + norm.eps).sqrt()
            tensors[f"{name}.weight"] = convolution.weight * gain[:, None, None, None]
            tensors[f"{name}.bias"] = norm.bias - norm.running_mean * gain
        self.check_folding(tensors, torch.randn(2, self.PLANES, 100, self.ANALYSIS.bins), 1e-3)
        return tensors

    def check_folding(self, tensors, inputs, most):
        folded = copy.deepcopy(self).eval()
        for name, (convolution, norm) in self.layers().items():
            folded.get_submodule(convolution).weight.copy_(tensors[f"{name}.weight"])
            parent, _, child = norm.rpartition(".")
            setattr(folded.get_submodule(parent), child, Shift(tensors[f"{name}.bias"]))
        difference = float((self.eval()(inputs) - folded(inputs)).abs().max())
        assert difference < most, f"folding the batch normalisation changes the logits by {difference:.2g}; expected below {most}"


def fold(x):
    """[batch, channels, frames, positions] -> [batch, 4 channels, frames, positions / 4]"""
    batch, channels, frames, positions = x.shape
    return x.permute(0, 2, 3, 1).reshape(batch, frames, positions // 4, 4 * channels).permute(0, 3, 1, 2)


def unfold(x):
    batch, channels, frames, positions = x.shape
    return x.permute(0, 2, 3, 1).reshape(batch, frames, 4 * positions, channels // 4).permute(0, 3, 1, 2)


def flatten(x):
    """[batch, channels, frames, positions] -> [batch, positions x channels, frames, 1]"""
    return x.permute(0, 2, 3, 1).flatten(2).unsqueeze(2).permute(0, 3, 1, 2)


def unflatten(x, channels):
    x = x.permute(0, 2, 3, 1)
    return x.reshape(x.shape[0], x.shape[1], -1, channels).permute(0, 3, 1, 2)


class Block(nn.Module):
    """Dilated in time, one filter a unit, then all units with all; added to its input."""

    def __init__(self, units, dilation):
        super().__init__()
        self.dw, self.n1 = normalised_convolution(units, units, (3, 1), padding=(dilation, 0), dilation=(dilation, 1), groups=units)
        self.p1, self.n2 = normalised_convolution(units, units, 1)

    def forward(self, x):
        added = self.n2(self.p1(torch.relu(self.n1(self.shifted_sum(x)))))
        return x + functional.dropout(added, 0.1, self.training)

    def shifted_sum(self, x):
        """self.dw(x), whose gradient takes a CPU as long as all other layers'."""
        dilation, frames, weight = self.dw.dilation[0], x.shape[2], self.dw.weight
        padded = functional.pad(x, (0, 0, dilation, dilation))
        return sum(weight[:, 0, k, :, None] * padded[:, :, k * dilation:k * dilation + frames] for k in range(3))


class UnetTcn(Unet):
    """A U-Net over frequency, whose levels fold four neighbouring positions into channels and see three frames; in its
    middle, dilated blocks see whole frames and seconds around them."""

    CHANNELS, HIDDEN_UNITS, DILATIONS = (24, 32), 384, (1, 2, 4, 8, 16) * 2
    PAIR_PREFIX = "linear."
    LAYERS = {  # name in the file: the convolution and its batch normalisation
        "encode1": ("e1.0", "e1.1"), "encode2": ("e2.0", "e2.1"), "encode3": ("e3.0", "e3.1"), "enter": ("into.0", "into.1"),
        **{f"block{k}_depthwise": (f"temporal.{k}.dw", f"temporal.{k}.n1") for k in range(len(DILATIONS))},
        **{f"block{k}_pointwise": (f"temporal.{k}.p1", f"temporal.{k}.n2") for k in range(len(DILATIONS))},
        "leave": ("out.1", "out.2"), "decode2": ("d2.0", "d2.1"), "decode1": ("d1.0", "d1.1"),
    }
    METADATA = {
        "architecture": "unet-tcn",
        "size.input_planes": str(Unet.PLANES),
        "size.channels": ",".join(map(str, CHANNELS)),
        "size.hidden_units": str(HIDDEN_UNITS),
        "size.dilations": ",".join(map(str, DILATIONS)),
        "window_frames": "1",
        "label": "waveform",
    }

    def __init__(self):
        super().__init__()
        c1, c2 = self.CHANNELS
        level = lambda inputs, outputs: nn.Sequential(*normalised_convolution(inputs, outputs, 3, padding=1), nn.ReLU())
        flat = c2 * (self.ANALYSIS.bins - 1) // 16
        self.e1, self.e2, self.e3 = level(4 * self.PLANES, c1), level(4 * c1, c2), level(c2, c2)
        self.into = nn.Sequential(*normalised_convolution(flat, self.HIDDEN_UNITS, 1))
        self.temporal = nn.ModuleList(Block(self.HIDDEN_UNITS, dilation) for dilation in self.DILATIONS)
        self.out = nn.Sequential(nn.ReLU(), *normalised_convolution(self.HIDDEN_UNITS, flat, 1))
        self.d2, self.d1, self.last = level(2 * c2, c2), level(c2 // 4 + c1, c1), nn.Conv2d(c1, 4, 1)

    def forward(self, x):
        """[batch, planes, frames, bins] -> logits [batch, 1, frames, bins]; the last bin's are those of the one below it."""
        level1 = self.e1(fold(x[..., :-1]))
        level2 = self.e3(self.e2(fold(level1)))
        x = self.into(flatten(level2))
        for block in self.temporal:
            x = block(x)
        x = self.d2(torch.cat([unflatten(self.out(x), self.CHANNELS[1]), level2], 1))
        x = self.d1(torch.cat([unfold(x), level1], 1))
        logits = unfold(self.last(x))
        return torch.cat([logits, logits[..., -1:]], 3)

    def layers(self):
        return self.LAYERS

    def learned(self):
        return {"mask.weight": self.last.weight, "mask.bias": self.last.bias}


class HarmonicUnet(Unet):
    """A U-Net over logarithmic frequency, where a higher voice is the same picture further up; each position sees its
    harmonics. Two levels halve frames and positions, two positions alone; dilated convolutions see seconds around a frame."""

    POSITIONS, PER_OCTAVE, HARMONICS, BEYOND = 384, 53, (0.5, 1, 2, 3, 4, 5), -3.0
    CHANNELS, STEPS, DILATIONS = (16, 32, 64, 112, 160), ((2, 2), (2, 2), (1, 2), (1, 2)), (1, 2, 4, 8)
    PAIR_PREFIX = "harmonic."
    METADATA = {
        "architecture": "harmonic-unet",
        "size.input_planes": str(Unet.PLANES),
        "size.positions": str(POSITIONS),
        "size.positions_per_octave": str(PER_OCTAVE),
        "size.harmonic_channels": ",".join(map(str, CHANNELS)),
        "size.harmonic_dilations": ",".join(map(str, DILATIONS)),
        "window_frames": "1",
        "label": "waveform",
    }

    def __init__(self):
        super().__init__()
        bins, positions = np.arange(self.ANALYSIS.bins), np.arange(self.POSITIONS)
        top, lowest = self.ANALYSIS.bins - 1, self.POSITIONS // 16
        centers = top * 2**((positions - self.POSITIONS) / self.PER_OCTAVE)
        widths = np.maximum(centers * (2**(1 / self.PER_OCTAVE) - 1), 1)
        to_positions = np.clip(1 - abs(bins[:, None] - centers) / widths, 0, None)
        at = np.clip(np.log2(np.maximum(bins, 1e-3) / top) * self.PER_OCTAVE + self.POSITIONS, 0, self.POSITIONS - 1)
        buffers = {"to_positions": to_positions / to_positions.sum(0), "to_bins": np.clip(1 - abs(at - positions[:, None]), 0, None),
                   "height": np.linspace(-1, 1, self.POSITIONS)}
        for name, values in buffers.items():
            self.register_buffer(name, torch.from_numpy(values).float(), persistent=False)
        level = lambda inputs, outputs, **options: nn.Sequential(*normalised_convolution(inputs, outputs, 3, **options), nn.ReLU())
        here, below = self.CHANNELS[:-1], self.CHANNELS[1:]
        self.encode = nn.ModuleList(level(inputs, c, padding=1) for inputs, c in zip((len(self.HARMONICS) + self.PLANES, *here[1:]), here))
        self.down = nn.ModuleList(level(c, d, padding=1, stride=step) for c, d, step in zip(here, below, self.STEPS))
        self.place = nn.Parameter(torch.zeros(below[-1], 1, lowest))
        self.blocks = nn.ModuleList(level(below[-1], below[-1], padding=(d, 1), dilation=(d, 1)) for d in self.DILATIONS)
        self.across = nn.ModuleDict({str(k): nn.Linear(lowest, lowest) for k in range(1, len(self.DILATIONS), 2)})
        self.up = nn.ModuleList(nn.Conv2d(d, c, 1) for c, d in zip(here, below))
        self.decode = nn.ModuleList(level(c, c, padding=1) for c in here)
        self.last = nn.Conv2d(here[0], 1, 1)

    def with_harmonics(self, x):
        """[batch, planes, frames, positions] -> a plane for each harmonic, the side, the height."""
        up = lambda harmonic: round(float(np.log2(harmonic)) * self.PER_OCTAVE)
        planes = [functional.pad(x[:, :1], (-up(harmonic), up(harmonic)), value=self.BEYOND) for harmonic in self.HARMONICS]
        height = self.height.to(x.dtype).expand_as(x[:, :1])
        return torch.cat([*planes, x[:, 1:], height], 1).contiguous(memory_format=torch.channels_last)

    def forward(self, x):
        """[batch, planes, frames, bins] -> logits [batch, 1, frames, bins]"""
        frames, levels = x.shape[2], []
        x = self.with_harmonics(functional.pad(x, (0, 0, 0, -frames % 4)) @ self.to_positions)
        for encode, down in zip(self.encode, self.down):
            levels.append(encode(x))
            x = down(levels[-1])
        x = x + self.place
        for k, block in enumerate(self.blocks):
            added = block(x)
            if self.training:  # drop channels of a frame: their positions are too alike to miss one another
                added = added * functional.dropout(torch.ones_like(added[..., :1]), 0.1)
            x = x + added
            if k % 2:
                x = x + torch.relu(self.across[str(k)](x))
        for level, up, decode, step in reversed(list(zip(levels, self.up, self.decode, self.STEPS))):
            x = decode(torch.relu(functional.interpolate(up(x), scale_factor=step, mode="nearest") + level))
        return self.last(x)[:, :, :frames] @ self.to_bins.to(x.dtype)

    def layers(self):
        names = [f"{kind}{k}" for kind in ("encode", "down", "blocks", "decode") for k in range(4)]
        return {name.replace("blocks", "block"): (f"{name[:-1]}.{name[-1]}.0", f"{name[:-1]}.{name[-1]}.1") for name in names}

    def learned(self):
        plain = {"mask": self.last, **{f"up{k}": layer for k, layer in enumerate(self.up)},
                 **{f"positions{k}": layer for k, layer in self.across.items()}}
        return {"place": self.place, **{f"{name}.{kind}": getattr(layer, kind) for name, layer in plain.items() for kind in ("weight", "bias")}}


# ---- The CNN of the thesis, docs/method.md


class ThesisCnn(MaskNetwork):
    ANALYSIS, PLANES = Analysis(4096, 1024, 256, 258), 1
    WINDOW_FRAMES, WINDOWS_A_MIX = 9, 8
    MIXES, LEARNING_RATE, WEIGHT_DECAY, CLIP_NORM, LARGEST_KEEP = 4, 5e-4, 0.0, 20.0, 0.999
    LAST_LAYER = "dense3"
    METADATA = {
        "architecture": "thesis-cnn",
        "size.convolution_channels": "32,16,64,32",
        "size.dense_units": "2048,512",
        "window_frames": str(WINDOW_FRAMES),
        "label": "phase_sensitive",
    }

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, (3, 12)), nn.Conv2d(32, 16, (3, 12))
        self.conv3, self.conv4 = nn.Conv2d(16, 64, (3, 12)), nn.Conv2d(64, 32, (3, 12))
        self.dense1, self.dense2 = nn.Linear(4320, 2048), nn.Linear(2048, 512)
        self.dense3 = nn.Linear(512, self.WINDOW_FRAMES * self.ANALYSIS.bins)
        for layer in self.children():
            nn.init.xavier_uniform_(layer.weight)
            nn.init.constant_(layer.bias, 0.1)

    def forward(self, x):
        """[batch, 9, bins] -> logits of the same shape."""
        shape = x.shape
        convolved = lambda layer, y: torch.relu(layer(functional.pad(y, (5, 6, 1, 1))))

        def pooled(y):
            padding = -y.shape[-1] % 12
            return functional.max_pool2d(functional.pad(y, (padding // 2, padding - padding // 2)), (1, 12))

        x = pooled(convolved(self.conv2, convolved(self.conv1, x[:, None])))
        x = pooled(convolved(self.conv4, convolved(self.conv3, x)))
        x = functional.dropout(x, 0.1, self.training).permute(0, 2, 3, 1).flatten(1)
        x = functional.dropout(torch.relu(self.dense1(x)), 0.1, self.training)
        return self.dense3(torch.relu(self.dense2(x))).view(shape)

    def window_masks(self, windows):
        with torch.autocast("cpu", torch.bfloat16):
            logits = self(windows)
        return torch.sigmoid(logits.float())

    def masks(self, spectra, gains=1.0):
        """[batch, 1, frames, bins]: one for all channels, of windows side by side."""
        batch, _, frames, bins = spectra.shape
        x = self.inputs(spectra, gains)[:, 0]
        silence = ((np.log(LOG_FLOOR) - self.mean) / self.scale).expand(batch, -frames % self.WINDOW_FRAMES, bins)
        windows = torch.cat([x, silence], 1).reshape(-1, self.WINDOW_FRAMES, bins)
        masks = torch.cat([self.window_masks(some) for some in windows.split(32)])
        return masks.reshape(batch, 1, -1, bins)[:, :, :frames]

    def loss(self, vocals, mixture, gains):
        """The distance of complex frames (Erdogan et al. 2015, doi:10.1109/ICASSP.2015.7178061, is the idea of using the
        phase), its root taken per frame, in random windows of every piece at the level of its input."""
        pieces, _, frames, bins = mixture.shape
        starts = torch.rand(pieces, frames - self.WINDOW_FRAMES + 1).topk(self.WINDOWS_A_MIX).indices
        at = (starts[..., None] + torch.arange(self.WINDOW_FRAMES)).flatten(1)

        def frames_at(x):
            """[pieces, channels, frames, bins] -> [pieces, channels, windows x WINDOW_FRAMES, bins]"""
            return torch.stack([one[:, places] for one, places in zip(x, at)])

        windows = frames_at(self.inputs(mixture, gains)).view(-1, self.WINDOW_FRAMES, bins)
        mask = self.window_masks(windows).view(pieces, 1, -1, bins)
        gains = gains * self.frame_gains(self.planes(mixture))
        error = mask * frames_at(gains * mixture) - frames_at(gains * vocals)
        power = (error.real.square() + error.imag.square()).mean(1).sum(-1)
        return (power + 1e-3).sqrt().mean()

    def read_tensors(self, tensors, mixture):
        self.load_state_dict({**tensors, "mean": self.mean, "scale": self.scale})

    def tensors(self):
        return dict(self.named_parameters())


NETWORKS = {"unet": UnetTcn, "harmonic": HarmonicUnet, "cnn": ThesisCnn}
