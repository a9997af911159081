"""What the makers share: write the files they make, or check that the kept ones are the same."""

import pathlib
import struct
import sys
import zlib

HERE = pathlib.Path(__file__).resolve().parent
CONTENT = HERE.parent / "rom" / "CONTENT"


def main(files):
    """Write `files` ({path under CONTENT: bytes}); with --check only compare, and exit 1 if any differs."""
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(f"usage: {sys.argv[0]} [--check]")
    if not sys.argv[1:]:
        for path, data in files.items():
            target = CONTENT / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            print(f"{path}: {len(data)} bytes")
        return
    differing = [path for path, data in files.items() if not same(CONTENT / path, data)]
    for path in differing:
        print(f"{path}: the kept file isn't what {sys.argv[0]} makes", file=sys.stderr)
    sys.exit(1 if differing else 0)


def same(kept, made):
    """Whether the kept file holds the made bytes; of a PNG the pixels count, as zlibs pack differently."""
    if not kept.is_file():
        return False
    data = kept.read_bytes()
    return data == made or (kept.suffix == ".png" and unpacked(data) == unpacked(made))


def unpacked(png):
    """A PNG's chunks as (type, data), those of pixels joined and inflated; None if it isn't sound."""
    if png[:8] != b"\x89PNG\r\n\x1a\n":
        return None
    at, chunks, pixels = 8, [], b""
    while at + 12 <= len(png):
        (size,) = struct.unpack_from(">I", png, at)
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        if png[at + 8 + size : at + 12 + size] != struct.pack(">I", zlib.crc32(kind + data)):
            return None
        if kind == b"IDAT":
            pixels += data
        else:
            chunks.append((kind, data))
        at += 12 + size
    return (chunks, zlib.decompress(pixels)) if at == len(png) else None
