#!/usr/bin/env python3
"""Makes the tree and the recipe that the authoring benchmark builds, the same on every run.

    python3 tree.py FOLDER      writes FOLDER/recipe.toml and FOLDER/rom: 2,009 files in 191 directories, about 330 MB
"""

import pathlib
import random
import sys

SEED = 20_261_120
DIRECTORIES = 191
WORDS = "tide lamp ferry river paper stone winter orchard letter bridge copper harbour window garden".split()
RECIPE = """\
schema = 1
name = "authoring"
release = 1
title = "The authoring benchmark"
language = "en"
currency = "JPY"
rom_label = "BENCH-ROM"
ram_label = "BENCH-RAM"
rom_mib = 350
ram_mib = 300
ram = "rewritable"
journal_mib = 4
files = "rom"
"""


def directories(rng):
    """191 directories, some in one another."""
    made = []
    while len(made) < DIRECTORIES:
        above = rng.choice(made) if made and rng.random() < 0.5 else pathlib.PurePath()
        if len(above.parts) < 5:
            made.append(above / f"{rng.choice(WORDS)} and {rng.choice(WORDS)} {len(made):03}")
    return made


def words(rng, size):
    """So many bytes of text."""
    line = " ".join(rng.choice(WORDS) for _ in range(200)).encode() + b"\n"
    return (line * (size // len(line) + 1))[:size]


def files(rng):
    """Name and bytes of each file: 1,200 texts, 770 of middle size, 39 that nothing compresses."""
    for number in range(1_200):
        yield f"A text about {rng.choice(WORDS)}, {rng.choice(WORDS)} and other things, number {number:04}.txt", words(
            rng, rng.randint(200, 12_000)
        )
    for number in range(770):
        yield f"page-{number:03}.dat", words(rng, rng.randint(30_000, 300_000))
    for number in range(39):
        yield f"Recording {number:02} of a long evening.bin", rng.randbytes(rng.randint(2_200_000, 8_000_000))


def main():
    """Writes recipe and tree."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    top, rng = pathlib.Path(sys.argv[1]), random.Random(SEED)
    places, total, count = directories(rng), 0, 0
    for name, content in files(rng):
        # The first files go round, so that no directory stays empty.
        place = places[count] if count < len(places) else rng.choice(places)
        path = top / "rom" / place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        total, count = total + len(content), count + 1
    (top / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    print(f"{count} files in {len(places)} directories, {total} bytes")


if __name__ == "__main__":
    main()
