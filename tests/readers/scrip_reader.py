"""A second reader of Scrip's formats, written from SPEC.md and sharing no code with the first.

    python scrip_reader.py vectors DIR [--cddl scrip.cddl]
    python scrip_reader.py medium IMAGE [--trust trust.cbr] [--allow-test-root]

`vectors` prints a line for each vector; `medium` prints what it found as JSON. Both end with 0 if
all agrees, with 3 if something does not.
"""

import argparse
import json
import sys
from pathlib import Path

import vectors
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


def read_medium(arguments):
    """Read a whole medium."""
    import medium
    try:
        found = medium.read(arguments.path, arguments.trust, arguments.allow_test_root)
    except (Refused, medium.Wrong, ValueError, LookupError) as fault:
        print(f"scrip_reader: {arguments.path}: {fault}", file=sys.stderr)
        return 3
    print(json.dumps(found, ensure_ascii=False, indent=2))
    return 0


def main():
    """Read the arguments and do what they say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["vectors", "medium"])
    parser.add_argument("path")
    parser.add_argument("--cddl")
    parser.add_argument("--trust")
    parser.add_argument("--allow-test-root", action="store_true")
    arguments = parser.parse_args()
    sys.exit({"vectors": read_vectors, "medium": read_medium}[arguments.what](arguments))


if __name__ == "__main__":
    main()
