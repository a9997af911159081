"""Builds the volumes of src/fat/SPEC.md's vectors from that text alone and prints their digests."""

import hashlib
import math
import re
import struct

MIB = 1 << 20
FILES = {
    "/START.HTM": 5000,
    "/start script.sh": 600,
    "/CONTENT/a long name.htm": 70000,
    "/CONTENT/empty": 0,
}
RESERVE = "/SCRIP/RESERVE.BIN"
LABEL, SERIAL, PARTITION = b"SCRIP      ", 7, 2048
SHORT = r"[A-Z0-9!#$%&'()\-@^_`{}~]"
DATE = 0x0021


def areas(size):
    cluster = 4096 if size >= 260 * MIB else 512
    fat = 4096
    while True:
        clusters = (size - 16384 - 2 * fat) // cluster
        if 4 * (clusters + 2) <= fat:
            return cluster, fat, clusters
        fat += 4096


def short_names(names):
    plain = re.compile(rf"{SHORT}{{1,8}}(\.{SHORT}{{1,3}})?")
    shorts = {n: n.upper() for n in names if plain.fullmatch(n.upper())}
    taken, counts = set(shorts.values()), {}
    for name in names:
        if name in shorts:
            continue
        stem, dot, ext = name.lstrip(". ").rpartition(".")
        if not dot:
            stem, ext = name, ""
        clean = lambda s: "".join(
            c if re.fullmatch(SHORT, c) else "_" for c in s.replace(".", "").replace(" ", "").upper()
        )
        stem, ext = clean(stem)[:6], clean(ext)[:3]
        while True:
            n = counts[stem, ext] = counts.get((stem, ext), 0) + 1
            short = stem[: 8 - len(f"~{n}")] + f"~{n}" + ("." + ext if ext else "")
            if short not in taken:
                break
        taken.add(short)
        shorts[name] = short
    return shorts


def record(name11, attribute, cluster, size):
    return struct.pack(
        "<11sBBBHHHHHHHI", name11, attribute, 0, 0, 0, DATE, DATE, cluster >> 16, 0, DATE,
        cluster & 0xFFFF, size,
    )


def padded(short):
    stem, _, ext = short.partition(".")
    return f"{stem:8}{ext:3}".encode()


def records(name, short, attribute, cluster, size):
    out = b""
    if name != short:
        checksum = 0
        for byte in padded(short):
            checksum = (((checksum & 1) << 7) + (checksum >> 1) + byte) & 0xFF
        units = name.encode("utf-16-le")
        count = math.ceil(len(units) / 26)
        if len(units) < count * 26:
            units += b"\0\0"
        units = units.ljust(count * 26, b"\xff")
        for number in range(count, 0, -1):
            part = units[(number - 1) * 26 : number * 26]
            order = number | (0x40 if number == count else 0)
            fields = (order, part[:10], 15, 0, checksum, part[10:22], 0, part[22:])
            out += struct.pack("<B10sBBB12sH4s", *fields)
    return out + record(padded(short), attribute, cluster, size)


def volume(size, sealed):
    cluster, fat_bytes, clusters = areas(size)
    data = 16384 + 2 * fat_bytes
    step = 4096 // cluster
    paths = sorted(FILES, key=str.encode)
    everything = paths + ([RESERVE] if sealed else [])
    directories = sorted({p.rpartition("/")[0] for p in everything} | {""}, key=str.encode)
    children = {
        d: sorted(
            (p for p in everything + directories if p and p.rpartition("/")[0] == d),
            key=lambda p: p.rpartition("/")[2].encode(),
        )
        for d in directories
    }
    shorts = {d: short_names([c.rpartition("/")[2] for c in children[d]]) for d in directories}

    def length(d):
        names = [(c.rpartition("/")[2]) for c in children[d]]
        parts = [1 + (0 if shorts[d][n] == n else math.ceil(len(n.encode("utf-16-le")) / 26)) for n in names]
        return 32 * (sum(parts) + 2)

    fat, first, left, at = {0: 0x0FFFFFF8, 1: 0x0FFFFFFF}, {}, [], 2

    def chain(members):
        for a, b in zip(members, members[1:] + [0x0FFFFFFF]):
            fat[a] = b

    for path, size_bytes in [(d, length(d)) for d in directories] + [(p, FILES[p]) for p in paths]:
        count = math.ceil(size_bytes / cluster)
        if count == 0:
            continue
        aligned = 2 + math.ceil((at - 2) / step) * step
        left += range(at, aligned)
        chain(list(range(aligned, aligned + count)))
        # A directory and a file never share a path.
        first[path], at = aligned, aligned + count
    left += range(at, clusters + 2)
    sizes = dict(FILES)
    if sealed:
        chain(left)
        sizes[RESERVE], first[RESERVE], left = len(left) * cluster, left[0], []

    out = bytearray(size)
    boot = bytearray(512)
    for offset, value in [
        (0, b"\xeb\x58\x90MSWIN4.1"), (11, struct.pack("<HBHB", 512, cluster // 512, 32, 2)),
        (21, b"\xf8"), (24, struct.pack("<HHII", 63, 255, PARTITION, size // 512)),
        (36, struct.pack("<I", fat_bytes // 512)), (44, struct.pack("<IHH", 2, 1, 6)),
        (64, b"\x80\0\x29"), (67, struct.pack("<I", SERIAL)), (71, LABEL + b"FAT32   "),
        (90, b"\xcd\x18\xeb\xfe"), (510, b"\x55\xaa"),
    ]:
        boot[offset : offset + len(value)] = value
    info = b"RRaA" + bytes(480) + b"rrAa"
    info += struct.pack("<II", len(left), left[0] if left else 2) + bytes(12) + b"\0\0\x55\xaa"
    for sector, content in [(0, boot), (6, boot), (1, info), (7, info)]:
        out[sector * 512 : sector * 512 + 512] = content
    for entry, value in fat.items():
        for copy in (16384, 16384 + fat_bytes):
            struct.pack_into("<I", out, copy + entry * 4, value)
    place = lambda c: data + (c - 2) * cluster
    for d in directories:
        if d:
            up = d.rpartition("/")[0]
            content = record(b".          ", 0x10, first[d], 0)
            content += record(b"..         ", 0x10, first[up] if up else 0, 0)
        else:
            content = record(LABEL, 8, 0, 0)
        for c in children[d]:
            name = c.rpartition("/")[2]
            facts = (0x10, first[c], 0) if c in directories else (1 if sealed else 0x20, first.get(c, 0), sizes[c])
            content += records(name, shorts[d][name], *facts)
        out[place(first[d]) : place(first[d]) + len(content)] = content
    for p in paths:
        if FILES[p]:
            out[place(first[p]) : place(first[p]) + FILES[p]] = b"x" * FILES[p]
    return out


for mib in (34, 260):
    for kind in ("reserve", "writable"):
        print(f"| {mib} | {kind} | `{hashlib.sha256(volume(mib * MIB, kind == 'reserve')).hexdigest()}` |")
