"""Stage 3: random mixes to learn from, and those to validate with."""
import multiprocessing
import os
import queue
import signal

import numpy as np
import torch

from audio import PARTS, RATE, VALIDATION_SINGERS, VALIDATION_SONG, read_clips, songs_of

PIECE_SAMPLES = 4 * RATE
MIX_SAMPLES, BUFFERED_MIXES, MIX_INT16 = 6 * RATE, 1500, 2000  # the worker's pieces; int16 steps of an RMS of one
VALIDATION_SAMPLES, VALIDATION_SINGER_MIXES, VALIDATION_VOICE_GAIN = 8 * RATE, 16, 3.2
VALIDATION_SONG_FROM_S = (30, 60, 90, 120, 160, 200)
SONG_VOICE_SHARE, SONG_BACK_SHARE = 0.22, 0.2
VOICE_SHARES = {"solfege": 0.34, "speech": 0.07, "syllables": 0.07, "sung-speech": 0.13, "sung-solfege": 0.12, "sung-song": 0.15}  # of the rest
PAIR_SHARE, MONO_SHARE = 0.15, 0.25  # of the pieces


def unit(y):
    return (y / (np.sqrt((y * y).mean()) + 1e-6)).astype(np.float32)


def smooth_curve(rng, bins, points, low, high):
    """Random values in low..high across frequency, denser at its lower end."""
    return np.interp(np.linspace(0, 1, bins)**0.4, np.linspace(0, 1, points), rng.uniform(low, high, points))


def padded_size(samples):
    """At least `samples`, and quick to transform: a multiple of 4 x 9 x 25 x 7."""
    return -(-samples // 6300) * 6300


def moving_mean(x, samples):
    """Over so many samples around each, of values that are not negative and are 0 beyond the ends."""
    sums = np.cumsum(np.pad(x, (samples // 2 + 1, samples // 2)), dtype=np.float64)
    return (sums[samples:samples + len(x)] - sums[:len(x)]).clip(0) / samples


class Mixer:
    """Augmented voices, accompaniments and pieces of songs: [2, MIX_SAMPLES] each. What is made of one channel stays
    [1, MIX_SAMPLES] until it is placed between the loudspeakers."""

    def __init__(self, clips, seed):
        self.rng, self.songs = np.random.default_rng(seed), songs_of(clips, "train")
        of_kind = lambda kind: [c.samples for c in clips if c.kind == kind and c.split == "train"]
        self.backs = of_kind("accompaniment")
        self.back_weights = np.array([len(x)**0.7 for x in self.backs])  # long files are often much of the same
        self.back_weights /= self.back_weights.sum()
        voices = [(x, share / sum(map(len, of_kind(kind)))) for kind, share in VOICE_SHARES.items() for x in of_kind(kind)]
        self.voices = [x for x, _ in voices]
        self.voice_weights = np.array([len(x) * share_of_a_sample for x, share_of_a_sample in voices])
        self.voice_weights /= self.voice_weights.sum()

    def chosen(self, things):
        return things[self.rng.integers(len(things))]

    def cut(self, samples):
        if len(samples) < MIX_SAMPLES:
            samples = np.tile(samples, MIX_SAMPLES // len(samples) + 1)
        start = self.rng.integers(0, len(samples) - MIX_SAMPLES + 1)
        return samples[None, start:start + MIX_SAMPLES].astype(np.float32) / 32768

    def start_in(self, song):
        return self.rng.integers(0, len(song["vocals"][0]) - MIX_SAMPLES + 1)

    @staticmethod
    def stems(song, gains, start):
        """[2, MIX_SAMPLES]"""
        return sum(np.float32(gain / 32768) * np.stack([x[start:start + MIX_SAMPLES] for x in song[part]]).astype(np.float32)
                   for part, gain in gains.items())

    def gain(self, low_db, high_db):
        return 10**(self.rng.uniform(low_db, high_db) / 20)

    def ratio(self, semitones):
        return 2**(self.rng.uniform(-semitones, semitones) / 12)

    @staticmethod
    def shifted(y, ratio):
        """Pitch and tempo together."""
        at = np.arange(y.shape[1]) * ratio
        at -= (y.shape[1] - 1) * (at >= y.shape[1] - 1)  # again from the start, once: ratios are below 2
        before = at.astype(np.int64)
        part = (at - before).astype(np.float32)
        return y[:, before] * (1 - part) + y[:, before + 1] * part

    def equalised(self, y, largest_db=5.0):
        size = padded_size(y.shape[1])
        spectrum = np.fft.rfft(y, size)
        gain_db = smooth_curve(self.rng, spectrum.shape[1], 7, -largest_db, largest_db)
        return np.fft.irfft(spectrum * (10**(gain_db / 20)).astype(np.float32), size)[:, :y.shape[1]].astype(np.float32)

    def in_a_room(self, y):
        """[2, samples]: each loudspeaker has reflections of its own."""
        length = int(self.rng.uniform(0.15, 1.6) * RATE)
        room = self.rng.standard_normal((2, length)).astype(np.float32) * np.exp(-6.9 * np.arange(length) / length).astype(np.float32)
        room[1] += self.rng.uniform(0, 1) * (room[0] - room[1])
        room[:, :int(self.rng.uniform(0.003, 0.03) * RATE)] = 0
        size = padded_size(y.shape[1] + length)
        response = np.fft.rfft(room / np.linalg.norm(room), size)
        if self.rng.random() < 0.7:  # walls swallow the treble
            response = response / (1 + np.arange(response.shape[1]) * RATE / size / self.rng.uniform(1500, 6000)).astype(np.float32)
        tail = np.fft.irfft(np.fft.rfft(y, size) * response, size)[:, :y.shape[1]].astype(np.float32)
        return y + self.rng.uniform(0.05, 0.6 if self.rng.random() < 0.75 else 1.5) * tail * (y.std() / (tail.std() + 1e-9))

    def compressed(self, y):
        envelope = np.sqrt(moving_mean((y * y).mean(0), 441) + 1e-4)
        return y / (envelope**self.rng.uniform(0.3, 0.7)).astype(np.float32)

    def overdriven(self, y):
        drive = self.rng.uniform(0.5, 4)
        return np.tanh(drive * y) / drive

    def panned(self, y, widest):
        """[2, samples] of any: by gains of equal power."""
        angle = (1 + self.rng.uniform(-widest, widest)) * np.pi / 4
        return y * np.float32(np.sqrt(2)) * np.array([[np.cos(angle)], [np.sin(angle)]], np.float32)

    def doubled(self, y):
        result = y + np.zeros((2, 1), np.float32)
        for _ in range(self.rng.integers(1, 3)):
            delay = int(self.rng.uniform(0.008, 0.04) * RATE)
            copy = np.roll(self.shifted(y, self.ratio(0.2)), delay, 1)
            result += self.rng.uniform(0.3, 1) * self.panned(copy, 1.0)
        return result

    def echoed(self, y):
        delay, gain, result = int(self.rng.uniform(0.12, 0.5) * RATE), self.rng.uniform(0.15, 0.5), y.copy()
        for repeat in (1, 2, 3):
            result[:, repeat * delay:] += gain**repeat * y[:, :-repeat * delay]
        return result

    def repitched(self, y, ratio):
        """Another pitch in the same time, as a simple harmoniser has it: grains of 60 ms, read faster or slower."""
        length, hop = 1322, 661
        starts = np.arange(0, y.shape[1] - 2 * length, hop)
        at = starts[:, None] + np.arange(length) * ratio
        before = at.astype(np.int64)
        part = (at - before).astype(np.float32)
        grains = (y[:, before] * (1 - part) + y[:, before + 1] * part) * np.hanning(length + 1)[:length].astype(np.float32)
        result = np.zeros_like(y)
        for odd in (0, 1):
            some = grains[:, odd::2].reshape(len(y), -1)
            result[:, odd * hop:odd * hop + some.shape[1]] += some
        return result

    def harmonised(self, y):
        result = y + np.zeros((2, 1), np.float32)
        for _ in range(self.rng.integers(1, 4)):
            semitones = self.rng.choice([-12, -9, -8, -7, -5, -4, -3, 3, 4, 5, 7, 8, 9, 12]) + self.rng.uniform(-0.15, 0.15)
            delay = int(self.rng.uniform(0, 0.04) * RATE)
            result += self.rng.uniform(0.2, 0.9) * self.panned(np.roll(self.repitched(y, 2**(semitones / 12)), delay, 1), 1.0)
        return result

    def chorused(self, y):
        """A copy that comes later by a time that swings, in each loudspeaker by its own."""
        samples, rate = np.arange(y.shape[1]), self.rng.uniform(0.15, 2)
        base, depth, gain = self.rng.uniform(0.004, 0.025) * RATE, self.rng.uniform(0.0005, 0.004) * RATE, self.rng.uniform(0.4, 1)
        result = y + np.zeros((2, 1), np.float32)
        for side in (0, 1):
            at = np.maximum(samples - base - depth * np.sin(2 * np.pi * (rate * samples / RATE + self.rng.random())), 0)
            before = at.astype(np.int64)
            part = (at - before).astype(np.float32)
            source = y[min(side, len(y) - 1)]
            result[side] += gain * (source[before] * (1 - part) + source[np.minimum(before + 1, len(source) - 1)] * part)
        return result

    def with_phases(self, y, size, hop, phases):
        """y's magnitudes with other phases."""
        window = np.hanning(size + 1)[:size].astype(np.float32)
        starts = np.arange(0, y.shape[1] - size, hop)
        result = np.zeros_like(y)
        for row, out in zip(y, result):
            frames = np.abs(np.fft.rfft(row[starts[:, None] + np.arange(size)] * window)) * phases(len(starts), size // 2 + 1)
            frames = np.roll(np.fft.irfft(frames, size), size // 2, 1).astype(np.float32) * window
            for start, frame in zip(starts, frames):
                out[start:start + size] += frame
        return result * (y.std() / (result.std() + 1e-9))

    def breathy(self, y):
        noise = self.with_phases(y, 256, 128, lambda frames, bins: np.exp(2j * np.pi * self.rng.random((frames, bins))))
        if self.rng.random() < 0.25:
            return noise
        return y + self.rng.uniform(0.1, 0.8) * noise

    def robotic(self, y):
        hop = int(RATE / self.rng.uniform(80, 300))
        return self.with_phases(y, 512, hop, lambda frames, bins: np.ones((frames, bins)))

    def cut_low(self, y):
        """What engineers do to most voices, and a telephone to some."""
        size = padded_size(y.shape[1])
        spectrum = np.fft.rfft(y, size)
        hz = np.arange(spectrum.shape[1]) * RATE / size
        low = self.rng.uniform(60, 220) if self.rng.random() < 0.8 else self.rng.uniform(220, 600)
        gain = 1 / np.sqrt(1 + (low / np.maximum(hz, 1))**(2 * self.rng.integers(1, 5)))
        if self.rng.random() < 0.1:
            gain /= np.sqrt(1 + (hz / self.rng.uniform(2000, 5000))**(2 * self.rng.integers(1, 5)))
        return np.fft.irfft(spectrum * gain.astype(np.float32), size)[:, :y.shape[1]].astype(np.float32)

    def with_a_rest(self, y):
        from_sample, to_sample = (np.sort(self.rng.uniform(0, MIX_SAMPLES / RATE, 2)) * RATE).astype(int)
        gain = np.ones(MIX_SAMPLES, np.float32)
        gain[from_sample:to_sample] = 0
        return y * moving_mean(moving_mean(gain, 501), 501).astype(np.float32)

    def spread(self, y):
        """[2, samples] of [1, samples]: as several instruments would, frequencies come from several directions."""
        if self.rng.random() < 0.2:
            return y + np.zeros((2, 1), np.float32)
        if self.rng.random() < 0.3:
            return self.panned(y, 1.0)
        size = padded_size(y.shape[1])
        spectrum, width = np.fft.rfft(y, size)[0], self.rng.uniform(0.2, 1)
        rise = np.clip(np.arange(len(spectrum)) * RATE / size / self.rng.uniform(80, 300), 0, 1)  # the bass is in the middle
        angle = (1 + rise * smooth_curve(self.rng, len(spectrum), self.rng.integers(6, 40), -width, width)) * np.pi / 4
        phase = np.zeros(1)
        if self.rng.random() < 0.6:  # chorus, wide synthesizers
            apart = self.rng.uniform(0.2, 2)
            phase = rise * smooth_curve(self.rng, len(spectrum), self.rng.integers(10, 200), -apart, apart)
        sides = np.stack([np.cos(angle) * np.exp(0.5j * phase), np.sin(angle) * np.exp(-0.5j * phase)]) * np.sqrt(2)
        return np.fft.irfft(spectrum * sides.astype(np.complex64), size)[:, :y.shape[1]].astype(np.float32)

    def dry_voice(self):
        """RMS one where it sounds: a piece that is mostly rests must not become loud."""
        while True:
            if self.rng.random() < SONG_VOICE_SHARE:
                song = self.chosen(self.songs)
                y = self.stems(song, {"vocals": 1.0}, self.start_in(song))
            else:
                y = self.cut(self.voices[self.rng.choice(len(self.voices), p=self.voice_weights)])
            envelope = np.sqrt(moving_mean((y * y).mean(0), 2205)[::441] + 1e-12)
            if envelope.max() > 1e-3:
                return y / (np.sqrt((envelope[envelope > 0.1 * envelope.max()]**2).mean()) + 1e-6)

    def voice(self):
        rng, y = self.rng, self.dry_voice()
        if rng.random() < 0.6:
            y = self.shifted(y, self.ratio(4))
        if rng.random() < 0.2:
            y = y + rng.uniform(0.3, 1) * self.panned(self.dry_voice(), 1.0)
        y = self.equalised(y, 7)
        for share, effect in ((0.4, self.cut_low), (0.08, self.breathy), (0.03, self.robotic), (0.4, self.compressed), (0.2, self.overdriven),
                              (0.2, lambda y: self.panned(y, 0.6)), (0.12, self.harmonised), (0.2, self.doubled), (0.12, self.chorused),
                              (0.2, self.echoed), (0.65, self.in_a_room), (0.3, self.with_a_rest)):
            if rng.random() < share:
                y = effect(y)
        return unit(y + np.zeros((2, 1), np.float32))

    def dry_back(self):
        while True:
            if self.rng.random() < SONG_BACK_SHARE:
                gains = {part: self.gain(-8, 6) for part in PARTS[:3] if self.rng.random() < 0.8}
                if not gains:
                    continue
                song = self.chosen(self.songs)
                y = self.stems(song, gains, self.start_in(song))
                if self.rng.random() < 0.5:  # and a part of another song
                    other = self.chosen(self.songs)
                    y = y + self.stems(other, {self.chosen(PARTS[:3]): self.gain(-8, 6)}, self.start_in(other))
            else:
                y = self.cut(self.backs[self.rng.choice(len(self.backs), p=self.back_weights)])
            if y.std() > 1e-3:
                return unit(y if len(y) == 2 else self.spread(y))

    def back(self):
        y = self.dry_back()
        if self.rng.random() < 0.4:
            y = self.shifted(y, self.ratio(4))
        while self.rng.random() < 0.3:
            y = y + self.rng.uniform(0.2, 1) * self.dry_back()
        if self.rng.random() < 0.6:
            y = self.equalised(y)
        if self.rng.random() < 0.15:
            y = self.in_a_room(y)
        return unit(y)

    def pair(self):
        """[2, 2, samples]: vocals and accompaniment of one place in a song, whose mix has the level one."""
        rng = self.rng
        while True:
            song = self.chosen(self.songs)
            start = self.start_in(song)
            vocals = self.stems(song, {"vocals": 1.0}, start)
            back = self.stems(song, {part: self.gain(-4, 4) for part in PARTS[:3]}, start)
            if (vocals + back).std() > 1e-3:
                break
        if rng.random() < 0.6:
            ratio = self.ratio(4)
            vocals, back = self.shifted(vocals, ratio), self.shifted(back, ratio)
        if rng.random() < 0.6:
            vocals = self.equalised(vocals, 4)
        if rng.random() < 0.6:
            back = self.equalised(back, 4)
        for share, effect in ((0.2, self.cut_low), (0.15, self.compressed), (0.1, self.doubled), (0.1, self.chorused), (0.08, self.harmonised), (0.25, self.in_a_room)):
            if rng.random() < share and vocals.std() > 1e-5:
                before = vocals.std()
                vocals = effect(vocals)
                vocals = vocals * (before / (vocals.std() + 1e-9))
        vocals = vocals * self.gain(-3, 9)
        return np.stack([vocals, back]).astype(np.float32) / ((vocals + back).std() + 1e-6)


def produce(mixes, caches, seed):
    """The worker: puts (kind, int16 samples) until its parent ends, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends this process
    mixes.cancel_join_thread()
    os.nice(8)
    mixer, parent = Mixer([clip for path in caches for clip in read_clips(path)], seed), multiprocessing.parent_process()
    while True:
        for kind in ("voice",) * 4 + ("back",) * 4 + ("pair",):
            mix = (getattr(mixer, kind)() * MIX_INT16).clip(-32767, 32767).astype(np.int16)
            while True:
                if not parent.is_alive():
                    return
                try:
                    mixes.put((kind, mix), timeout=5)
                    break
                except queue.Full:
                    pass


class Batches:
    """Batches of the worker's last mixes; each new one replaces the oldest, so none has to be waited for."""

    def __init__(self, mixes, seed):
        self.mixes, self.rng = mixes, np.random.default_rng(seed)
        self.buffers = {kind: np.zeros((BUFFERED_MIXES, 2, MIX_SAMPLES), np.int16) for kind in ("voice", "back")}
        self.buffers["pair"] = np.zeros((BUFFERED_MIXES // 3, 2, 2, MIX_SAMPLES), np.int16)
        self.received = dict.fromkeys(self.buffers, 0)

    def receive(self):
        kind, mix = self.mixes.get(timeout=600)  # a worker that failed must not keep us waiting
        self.buffers[kind][self.received[kind] % len(self.buffers[kind])] = mix
        self.received[kind] += 1

    def piece(self, kind):
        buffer = self.buffers[kind]
        mix = buffer[self.rng.integers(min(self.received[kind], len(buffer)))]
        start = self.rng.integers(0, MIX_SAMPLES - PIECE_SAMPLES + 1)
        return mix[..., start:start + PIECE_SAMPLES].astype(np.float32) / MIX_INT16

    def draw(self, count):
        """(vocals, mixture), [count, 2, samples] each; some pieces have no voice, a few nothing else."""
        rng, vocals, mixtures = self.rng, [], []
        for _ in range(count):
            if rng.random() < PAIR_SHARE:
                voice, back = self.piece("pair")
            else:
                back = self.piece("back")
                voice = np.zeros_like(back) if rng.random() < 0.08 else self.piece("voice") * 10**(rng.uniform(-10, 7) / 20)
                if rng.random() < 0.02:
                    back = back * 0
            if rng.random() < 0.25:
                voice, back = self.at_an_end(voice, back)
            if rng.random() < MONO_SHARE:  # both channels' mean, or one of them twice
                left = float(rng.choice([0, 0.5, 1]))
                voice, back = (np.stack([left * y[0] + (1 - left) * y[1]] * 2) for y in (voice, back))
            elif rng.random() < 0.5:
                voice, back = voice[::-1], back[::-1]
            level = 0.1 / ((voice + back).std() + 1e-6)
            vocals.append(voice * level)
            mixtures.append(vocals[-1] + back * level)
        return torch.from_numpy(np.stack(vocals)), torch.from_numpy(np.stack(mixtures))

    def at_an_end(self, *stems):
        """A song's beginning or end: separation sees silent frames beyond it, not the zeros that pad a piece's layers."""
        inside, beyond, place = np.ones(PIECE_SAMPLES, np.float32), int(self.rng.uniform(0.1, 1.6) * RATE), self.rng.random()
        if place < 0.6:
            inside[:beyond] = 0
        if place > 0.4:
            inside[-beyond:] = 0
        return [stem * inside for stem in stems]

    def band_limits(self, count, bins):
        """[count, 1, 1, bins] gains: many songs' top bins are gone, by a resampler's slope or a codec, some songs' lowest too."""
        rng, bins_hz = self.rng, np.linspace(0, RATE / 2, bins)
        gains = np.ones((count, 1, 1, bins), np.float32)
        for gain in gains[:, 0, 0]:
            if rng.random() < 0.3:
                if rng.random() < 0.6:
                    from_hz, width_hz = rng.uniform(9200, 10700), rng.uniform(300, 1000)
                else:
                    from_hz, width_hz = rng.uniform(3500, 9200), rng.uniform(300, 2000)
                gain[:] = 10**(-rng.uniform(35, 80) / 20 * np.clip((bins_hz - from_hz) / width_hz, 0, 1)**1.5)
            if rng.random() < 0.1:
                gain *= np.clip(bins_hz / rng.uniform(60, 250), 0, 1)**rng.uniform(1, 3)
        return torch.from_numpy(gains)


def validation_mixes(clips):
    """{kind: (vocals, mixture)}, [mixes, 2, samples] each: held-out singers in a room over held-out music, the same in both
    channels; places of a held-out song, downmixed and again in stereo."""
    rng = np.random.default_rng(7)
    held_out = lambda kind: [c.samples.astype(np.float32) / 32768 for c in clips if c.kind == kind and c.split == "validation"]
    singers, backs, songs = held_out("solfege"), held_out("accompaniment"), songs_of(clips, "validation")
    if not (singers and backs and songs):
        raise SystemExit(f"DATA lacks what validation needs: the singers {VALIDATION_SINGERS}, eight accompaniments, the song {VALIDATION_SONG}")

    def piece(pool):
        while True:
            x = pool[rng.integers(len(pool))]
            if len(x) >= VALIDATION_SAMPLES:
                start = rng.integers(0, len(x) - VALIDATION_SAMPLES + 1)
                y = x[start:start + VALIDATION_SAMPLES]
                if y.std() > 3e-3:
                    return y / y.std() * 0.1

    pairs = {"singers": [], "song": [], "in stereo": []}
    for _ in range(VALIDATION_SINGER_MIXES):
        voice, length = piece(singers), int(0.6 * RATE)
        room = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
        room[:200] = 0
        size = padded_size(VALIDATION_SAMPLES + length)
        tail = np.fft.irfft(np.fft.rfft(voice, size) * np.fft.rfft(room / np.linalg.norm(room), size), size)[:VALIDATION_SAMPLES]
        voice = voice + 0.25 * tail
        voice = voice / voice.std() * 0.1 * 10**(rng.uniform(-5, 3) / 20)
        pairs["singers"].append([np.stack([x, x]).astype(np.float32) for x in (voice, piece(backs))])
    stereo = {part: np.stack(songs[0][part]).astype(np.float32) / 32768 for part in PARTS}
    vocals, back = VALIDATION_VOICE_GAIN * stereo["vocals"], stereo["drums"] + stereo["bass"] + stereo["other"]
    for kind, as_heard in (("song", lambda x: np.stack([x.mean(0)] * 2)), ("in stereo", lambda x: x)):
        for start in (seconds * RATE for seconds in VALIDATION_SONG_FROM_S):
            pairs[kind].append([as_heard(x[:, start:start + VALIDATION_SAMPLES]) for x in (vocals, back)])

    def tensors(some):
        vocals, backs = (torch.from_numpy(np.stack(x)) for x in zip(*some))
        return vocals, vocals + backs

    return {kind: tensors(some) for kind, some in pairs.items()}
