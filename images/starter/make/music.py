#!/usr/bin/env python3
"""Plays the two pieces of music into rom/CONTENT/audio, note by note.

Strings and bells are sums of decaying partials; a hall of four echoes lies behind them. Sines come
from a polynomial here, not from the machine's library, so that every machine gives the same bytes.
"""

import flac
import made

RATE = 22050
NAMES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
# Partials of each voice: (multiple of the pitch, loudness, seconds until it has decayed by 60 dB).
HARP = [(1, 1.0, 3.2), (2, 0.42, 2.2), (3, 0.2, 1.4), (4, 0.1, 0.9), (5, 0.05, 0.6)]
KOTO = [(1, 0.8, 2.6), (2, 0.6, 2.1), (3, 0.42, 1.5), (4, 0.16, 1.0), (5, 0.2, 0.8), (7, 0.08, 0.4)]
BOX = [(1, 1.0, 2.4), (2.005, 0.24, 1.1), (5.42, 0.13, 0.28)]
BASS = [(1, 1.0, 1.5), (2, 0.34, 0.9), (3, 0.12, 0.5)]
CHIME = [(1, 1.0, 5.0), (2.76, 0.34, 2.6), (5.4, 0.12, 1.2)]


def sine(turns):
    """The sine of a number of turns, by its series after folding into an eighth of them."""
    turns -= int(turns)
    if turns < 0:
        turns += 1
    if turns > 0.5:
        return -sine(turns - 0.5)
    x = (turns if turns <= 0.25 else 0.5 - turns) * 6.283185307179586
    square = x * x
    value, term = 0.0, x
    for n in range(1, 19, 2):
        value += term
        term *= -square / ((n + 1) * (n + 2))
    return value


def pitch(name):
    """Hertz of a note such as "A4", "F#5" or "Bb2"."""
    sharp = name.count("#") - name.count("b")
    steps = NAMES[name[0]] + sharp + 12 * (int(name[-1]) - 4) - 9
    hertz = 440.0
    for _ in range(abs(steps)):
        hertz = hertz * 1.0594630943592953 if steps > 0 else hertz / 1.0594630943592953
    return hertz


def decay(seconds):
    """The factor by which a sample shrinks so that `seconds` later it has lost 60 dB."""
    low, high = 0.99, 1.0
    for _ in range(40):
        half, power, times = (low + high) / 2, 1.0, int(seconds * RATE)
        base = half
        while times:
            power = power * base if times & 1 else power
            base, times = base * base, times >> 1
        low, high = (half, high) if power < 0.001 else (low, half)
    return low


def struck(hertz, voice, seconds):
    """One plucked or struck note: each partial rings as a two-step recurrence."""
    count = int(seconds * RATE)
    out = [0.0] * count
    for multiple, loudness, fades in voice:
        turn = hertz * multiple / RATE
        if turn > 0.4:
            continue
        shrink = decay(fades * (440.0 / hertz if hertz > 440 else 1.0))
        twice, square = 2 * shrink * sine(turn + 0.25), shrink * shrink
        now, before = 0.0, -loudness * sine(turn) / shrink
        for n in range(count):
            out[n] += now
            now, before = twice * now - square * before, now
    soften(out, min(count, RATE // 400), min(count, RATE // 12))
    return out


def breath(hertz, seconds):
    """A held tone that swells and sinks, two strings slightly apart."""
    count = int(seconds * RATE)
    out = [0.0] * count
    for detune, loudness in ((0.9985, 0.5), (1.0015, 0.5), (2.001, 0.12)):
        turn = hertz * detune / RATE
        twice, now, before = 2 * sine(turn + 0.25), 0.0, -loudness * sine(turn)
        for n in range(count):
            out[n] += now
            now, before = twice * now - before, now
    soften(out, int(count * 0.4), int(count * 0.5))
    return out


def soften(out, rise, fall):
    """A smooth way in over `rise` samples and out over `fall`."""
    for n in range(rise):
        x = n / rise
        out[n] *= x * x * (3 - 2 * x)
    for n in range(1, fall + 1):
        x = n / fall
        out[-n] *= x * x * (3 - 2 * x)


def tick(seconds, seed):
    """A clock's escapement: a very short, duller and duller noise."""
    out, value, low = [], seed, 0.0
    for n in range(int(seconds * RATE)):
        value = (value * 1103515245 + 12345) & 0x7FFFFFFF
        low += ((value / 0x3FFFFFFF - 1) - low) * 0.35
        out.append(low * (1 - n / (seconds * RATE)) ** 4)
    return out


class Tape:
    """What has been played so far; a note that comes again is not made again."""

    def __init__(self, seconds):
        self.samples = [0.0] * int(seconds * RATE)
        self.notes = {}

    def play(self, at, loudness, make, *what):
        """Mixes the sound `make(*what)` in at `at` seconds."""
        key = (make.__name__, repr(what))
        if key not in self.notes:
            self.notes[key] = make(*what)
        start = int(at * RATE)
        note = self.notes[key][: len(self.samples) - start]
        self.samples[start : start + len(note)] = [
            old + loudness * new for old, new in zip(self.samples[start:], note)
        ]

    def line(self, at, beat, notes, loudness, voice, rings=2.6):
        """A melody such as "A4:2 C5:1 -:1", lengths in beats; gives the time of its end."""
        for note in notes.split():
            name, length = note.split(":")
            if name != "-":
                self.play(at, loudness, struck, pitch(name), voice, rings)
            at += float(length) * beat
        return at

    def mastered(self, hall, kept):
        """The hall added, the loudest sample set to three quarters, in steps of `kept` bits of 16."""
        wet = echo(self.samples)
        mixed = [dry + hall * back for dry, back in zip(self.samples, wet)]
        soften(mixed, 64, RATE)
        step = 1 << (16 - kept)
        scale = 24576 / max(max(mixed), -min(mixed)) / step
        return [(int(one * scale + 32768.5) - 32768) * step for one in mixed]


def echo(dry):
    """A hall: four damped echoes side by side, then two that smear them."""
    wet = [0.0] * len(dry)
    for delay, back in ((743, 0.80), (811, 0.79), (919, 0.77), (1033, 0.75)):
        line, low, at = [0.0] * delay, 0.0, 0
        for n, one in enumerate(dry):
            heard = line[at]
            low += (heard - low) * 0.55
            line[at] = one + back * low
            wet[n] += 0.25 * heard
            at = at + 1 if at + 1 < delay else 0
    for delay in (241, 83):
        line, at = [0.0] * delay, 0
        for n, one in enumerate(wet):
            heard = line[at]
            line[at] = one + 0.5 * heard
            wet[n] = heard - 0.5 * line[at]
            at = at + 1 if at + 1 < delay else 0
    return wet


def low_tide():
    """A slow air in D: harp figures, held strings, a koto's melody, one chime at the end."""
    beat = 0.72
    bar = 3 * beat
    dm, bb, f = "D2 A2 D3 F3 A3 E4", "Bb1 F2 Bb2 D3 A3 F3", "F2 C3 F3 A3 C4 G3"
    c, gm, am = "C2 G2 C3 E3 G3 D4", "G2 D3 G3 Bb3 D4 A3", "A2 E3 G3 C4 E4 G3"
    harp = [dm, bb, f, c, dm, bb, f, c, gm, am, bb, c, dm, bb, f, dm]
    tape = Tape(16 * bar + 4.5)
    for n, chord in enumerate(harp):
        names = chord.split()
        for k, name in enumerate(names):
            late = 0.02 * k if n == 15 else 0.0
            rings = 6.5 if n == 15 else 3.2
            tape.play(n * bar + k * beat / 2 + late, 0.34 - 0.03 * (k % 3), struck, pitch(name), HARP, rings)
        if n % 2 == 0 and n:
            for name in (names[2], names[3]):
                tape.play(n * bar - 0.6, 0.075, breath, pitch(name), 2 * bar + 1.2)
    melody = (
        "A4:2 C5:1 D5:1.5 C5:.5 A4:1 G4:1 A4:2 G4:1.5 F4:.5 E4:1 "
        "D4:1 F4:1 G4:1 A4:1 C5:1 E5:1 F5:2 D5:1 E5:1 C5:1 G4:1 "
        "A4:1.5 D5:.5 C5:1 A4:1 G4:1 F4:1 G4:.5 A4:.5 C5:1 A4:1 D4:3"
    )
    end = tape.line(4 * bar + 0.012, beat, melody, 0.4, KOTO, 2.8)
    tape.line(12 * bar + 0.02, beat, "-:.25 D5:2.75 -:3 -:2 C4:1 D5:3", 0.13, KOTO, 2.8)
    for late, name, loudness in ((0.0, "A5", 0.12), (0.36, "E5", 0.1), (1.1, "D6", 0.09)):
        tape.play(end - bar + 1.2 * beat + late, loudness, struck, pitch(name), CHIME, 4.5)
    return tape.mastered(0.5, 15)


def waltz_beats(bars):
    """When each beat of the waltz begins: steady, a breath before the reprise, running down at the end."""
    at, times = 0.6, []
    for n in range(3 * bars + 1):
        times.append(at)
        slow = 1.0 + (0.05 * (n - 69) if 69 <= n < 72 else 0.0) + max(0, n - 82) ** 2 * 0.011
        at += 0.37 * slow
    return times


def clockmakers_waltz():
    """A music box in C, wound up once: it plays its tune and runs down."""
    first = "E5:1 F5:1 G5:1 B5:2 G5:1 A5:1 C6:1 A5:1 G5:3 E5:1 A5:1 C6:1 A5:2 F5:1 "
    tune = first + "D5:1 E5:1 F5:1 E5:2 D5:1 " + first + "B5:1 A5:.5 G5:.5 D5:1 C5:3 "
    tune += "C6:1.5 B5:.5 A5:1 G#5:2 E5:1 A5:1 B5:1 C6:1 D6:3 C6:1.5 A5:.5 F5:1 G5:2 E5:1 "
    tune += "F#5:1 A5:1 D6:1 B5:2 G5:1 " + first + "B5:1 G5:1 D5:1 C5:3"
    chords = "C Em F C Am Dm G C C Em F C Am Dm G C Am E Am Dm F C D G C Em F C Am Dm G C".split()
    shapes = {
        "C": "C3 E4 G4", "Em": "E3 E4 G4", "F": "F3 F4 A4", "Am": "A2 E4 A4", "Dm": "D3 F4 A4",
        "G": "G2 F4 B4", "E": "E3 D4 G#4", "D": "D3 F#4 C5",
    }
    times = waltz_beats(len(chords))
    tape = Tape(times[-1] + 4.0)
    for n, chord in enumerate(chords):
        low, mid, high = shapes[chord].split()
        tape.play(times[3 * n], 0.36, struck, pitch(low), BASS, 1.6)
        if n + 1 < len(chords):
            for k in (1, 2):
                tape.play(times[3 * n + k], 0.13, struck, pitch(mid), BOX, 1.2)
                tape.play(times[3 * n + k], 0.12, struck, pitch(high), BOX, 1.2)
    beat = 0.0
    for note in tune.split():
        name, length = note.split(":")
        whole, part = int(beat), beat - int(beat)
        at = times[whole] + part * (times[whole + 1] - times[whole])
        tape.play(at, 0.42, struck, pitch(name), BOX, 2.2)
        if beat >= 72 and float(length) >= 1:
            tape.play(at + 0.015, 0.1, struck, 2 * pitch(name), BOX, 1.0)
        beat += float(length)
    for n, at in enumerate([0.0, 0.3] + times[:-1]):
        tape.play(at, 0.1 if n % 3 else 0.14, tick, 0.03, 7 + n % 2)
    tape.play(times[-1] - 0.3, 0.16, struck, pitch("C6"), BOX, 2.2)
    tape.play(times[-1] + 0.5, 0.1, struck, pitch("E6"), BOX, 2.2)
    return tape.mastered(0.22, 12)


def made_music():
    """Both pieces, packed."""
    pieces = {"low-tide": low_tide, "the-clockmakers-waltz": clockmakers_waltz}
    return {f"audio/{name}.flac": flac.encode(piece(), RATE) for name, piece in pieces.items()}


if __name__ == "__main__":
    made.main(made_music())
