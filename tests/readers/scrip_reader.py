"""A second reader of Scrip's formats, written from SPEC.md and sharing no code with the first.

    python scrip_reader.py vectors DIR [--cddl scrip.cddl]
    python scrip_reader.py medium IMAGE [--trust trust.cbr] [--allow-test-root]
    python scrip_reader.py mounted FOLDER [--trust trust.cbr] [--allow-test-root]
    python scrip_reader.py journal EXPORTED --trust trust.cbr
    python scrip_reader.py frames DIR
    python scrip_reader.py items IMAGE --secret FILE

`mounted` reads the folders ROM and RAM in one; `frames` reads files that hold a medium's journal,
one copy behind the other. `vectors` prints a line for each vector; the others print what they found
as JSON. All end with 0 if everything agrees, with 3 if something does not.
"""

import argparse
import json
import sys
from functools import partial
from pathlib import Path

import journal
import medium
import signed
import store_journal
import vectors
from medium import Wrong
from strict_cbor import Refused


def read_vectors(arguments):
    """Read all vectors of a folder; how many disagree."""
    cddl = arguments.cddl and Path(arguments.cddl).read_text(encoding="utf-8")
    reader = vectors.Reader(cddl)
    bad = 0
    paths = sorted(Path(arguments.path).glob("*/*.txt"))
    for path in paths:
        name = f"{path.parent.name}/{path.stem}"
        try:
            print(f"{name}: {reader.read(path)}")
        except vectors.Disagreement as fault:
            bad += 1
            print(f"{name}: DISAGREES: {fault}")
    print(f"{len(paths)} vectors, {bad} disagree")
    return 3 if bad or not paths else 0


def told(arguments, read):
    """Print what a reader finds in a file."""
    try:
        found = read()
    except (Refused, Wrong, ValueError, LookupError) as fault:
        print(f"scrip_reader: {arguments.path}: {fault}", file=sys.stderr)
        return 3
    print(json.dumps(found, ensure_ascii=False, indent=2))
    return 0


def read_medium(arguments):
    """Read a whole medium."""
    found = partial(medium.read, arguments.path, arguments.trust, arguments.allow_test_root)
    return told(arguments, found)


def read_mounted(arguments):
    """Read a medium that is mounted at two folders."""
    found = partial(medium.read_mounted, arguments.path, arguments.trust, arguments.allow_test_root)
    return told(arguments, found)


def read_items(arguments):
    """Open the sealed items of a medium with their edition's secret."""
    return told(arguments, partial(medium.open_items, arguments.path, arguments.secret))


def read_journal(arguments):
    """Read a store's exported journal."""
    return told(arguments, partial(store_journal.read, arguments.path, arguments.trust))


def read_frames(arguments):
    """Walk the journals that lie in a folder, two copies a file; records by their hashes."""
    def walk(path):
        data = path.read_bytes()
        try:
            found = journal.read([data[:len(data) // 2], data[len(data) // 2:]])
        except Refused:
            return "refused"
        hashes = {what: [signed.sha256(record).hex() for record in found[what]]
                  for what in ("records", "outside", "rival")}
        return {**found, **hashes}
    paths = sorted(Path(arguments.path).iterdir())
    return told(arguments, lambda: {path.name: walk(path) for path in paths})


VERBS = {"vectors": read_vectors, "medium": read_medium, "mounted": read_mounted,
         "journal": read_journal, "frames": read_frames, "items": read_items}


def main():
    """Read the arguments and do what they say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=VERBS)
    parser.add_argument("path")
    parser.add_argument("--cddl")
    parser.add_argument("--trust")
    parser.add_argument("--secret")
    parser.add_argument("--allow-test-root", action="store_true")
    arguments = parser.parse_args()
    sys.exit(VERBS[arguments.what](arguments))


if __name__ == "__main__":
    main()
