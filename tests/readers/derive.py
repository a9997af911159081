"""What follows from what: numbers, codes, events, names, hash trees, layout, frames."""

import hashlib
import hmac
import struct
import zlib

from signed import sha256

BLOCK = 4096
MIB = 1 << 20
SEAL_SLOT = 16 << 10
ACCESS_BYTES = 8 * 4096
RING_BYTES = 4096 * 128
BASIC_DATA = "ebd0a0a2b9e5443387c068b6b72699c7"
SEAL_TYPE = "b14c82c4c2844dfeb1077de961d00fe9"


def medium_number(serial):
    """Ten digits and the two that check them."""
    return serial * 100 + 98 - serial % 97 * 100 % 97


def wide(number):
    """Eight bytes, big-endian."""
    return number.to_bytes(8, "big")


def commitment_salt(medium, sheet, slot):
    """The salt of a slot's commitment."""
    return b"scrip/seal/v1" + wide(medium) + sheet + bytes([slot])


def commitment(secret, salt, rounds):
    """What a sheet holds of a slot's secret."""
    return hashlib.pbkdf2_hmac("sha256", secret, salt, rounds)[:16]


def code_secret(key, medium, sheet, slot):
    """The secret of a slot under the issuer's seal key."""
    context = b"scrip/v1/code-secret" + wide(medium) + sheet + bytes([slot])
    digits, block = b"", 0
    while len(digits) < 16:
        stream = hmac.digest(key, context + block.to_bytes(4, "big"), "sha256")
        digits += bytes(0x30 + byte % 10 for byte in stream if byte < 250)
        block += 1
    return digits[:16]


def code(slot, secret):
    """A code as it is printed."""
    serial = int(f"{slot:02}{secret.decode()}")
    digits = f"{serial:018}{98 - serial % 97 * 100 % 97:02}"
    return "-".join(digits[at:at + 4] for at in range(0, 20, 4))


def code_event(medium, sheet, slot):
    """The accounting event of a code."""
    return sha256(b"scrip/v1/topup-code" + wide(medium) + sheet + bytes([slot]))[:16]


def voucher_id(store, serial):
    """A voucher's id."""
    return sha256(wide(store) + wide(serial))[:16]


def voucher_event(medium, voucher):
    """The accounting event of a voucher."""
    return sha256(b"scrip/v1/topup-voucher" + wide(medium) + voucher)[:16]


def placed_event(medium, prev, kind, price, content):
    """The accounting event of a purchase."""
    place = wide(medium) + prev + bytes([kind]) + wide(price)
    return sha256(b"scrip/v1/event" + place + content.encode())[:16]


def segment_event(medium, prev, reserved, start, content):
    """The accounting event of the segment that a download-start with this body begins."""
    kind, number = start["partner"]
    place = wide(medium) + prev + wide(reserved)
    whose = start["terms"]["transfer"] + bytes([kind]) + wide(number)
    return sha256(b"scrip/v1/segment" + place + whose + content.encode())[:16]


def earn_event(receipt, earner):
    """The accounting event of a segment's fee."""
    payer = wide(receipt["medium"]) + receipt["transfer"] + wide(receipt["start"])
    return sha256(b"scrip/v1/earn" + payer + wide(earner))[:16]


def uuid(digest):
    """A version 8 UUID (RFC 9562) from a digest."""
    raw = bytearray(digest[:16])
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    return bytes(raw)


def names(medium):
    """GUIDs and volume serials of a medium."""
    derive = {
        what: sha256(b"scrip/v1/name/" + what.encode() + wide(medium))
        for what in ("disk", "rom", "seal", "ram", "rom-serial", "ram-serial")
    }
    result = {what: uuid(derive[what]) for what in ("disk", "rom", "seal", "ram")}
    for what in ("rom-serial", "ram-serial"):
        result[what] = max(1, int.from_bytes(derive[what][:4], "little"))
    return result


def leaves(data):
    """SHA-256 of each 4,096-byte block, the last one filled up with zeros."""
    view = memoryview(data)
    blocks = (view[at:at + BLOCK] for at in range(0, len(view), BLOCK))
    return [sha256(block if len(block) == BLOCK else bytes(block).ljust(BLOCK, b"\0"))
            for block in blocks]


def parents(level):
    """The digests of the blocks that a level's digests fill."""
    return leaves(b"".join(level))


def file_root(own):
    """The root over a file's leaves."""
    if not own:
        return bytes(32)
    while len(own) > 1:
        own = parents(own)
    return own[0]


def stored_tree(own, edition):
    """(root, stored bytes): dm-verity's superblock and levels, the smallest first."""
    levels = [own]
    while len(levels[-1]) > 1:
        levels.append(parents(levels[-1]))
    superblock = struct.pack(
        "<8sII16s32sIIQ", b"verity", 1, 1, uuid(edition), b"sha256", BLOCK, BLOCK, len(own),
    )
    stored = [superblock] + [b"".join(level) for level in reversed(levels[:-1])]
    return levels[-1][0], b"".join(part + bytes(-len(part) % BLOCK) for part in stored)


def layout(rom, ram, journal):
    """Where everything lies, in bytes: what SPEC.md's section "Layout" computes."""
    blocks, stored = rom // BLOCK, 1
    while blocks > 1:
        blocks = -(-blocks // 128)
        stored += blocks
    seal = -(-(stored * BLOCK + 2 * SEAL_SLOT) // MIB) * MIB
    start = {"rom": MIB, "seal": MIB + rom, "ram": MIB + rom + seal}
    end = {"rom": MIB + rom, "seal": MIB + rom + seal, "ram": MIB + rom + seal + ram}
    first = -(-data_offset(ram) // MIB) * MIB + 4 * MIB
    second = first + ACCESS_BYTES + journal + 16 * MIB
    return {
        **{part: (start[part], end[part]) for part in start},
        "edition-seal": (end["seal"] - 2 * SEAL_SLOT, end["seal"] - SEAL_SLOT),
        "medium-seal": (end["seal"] - SEAL_SLOT, end["seal"]),
        "access": (first, second),
        "journal": (first + ACCESS_BYTES, second + ACCESS_BYTES),
        "ring": (first + ACCESS_BYTES + journal, second + ACCESS_BYTES + journal),
        "papers": (first + ACCESS_BYTES + journal + RING_BYTES,
                   second + ACCESS_BYTES + journal + RING_BYTES),
        "length": end["ram"] + MIB,
    }


def data_offset(volume):
    """Where the data area of a volume of this size begins."""
    cluster = BLOCK if volume >= 260 * MIB else 512

    def needed(sectors):
        clusters = max(0, volume - (32 + 2 * sectors) * 512) // cluster
        return -(-(-(-(clusters + 2) * 4 // 512)) // 8) * 8

    sectors = needed(needed(0))
    while needed(sectors) > sectors:
        sectors += 8
    return (32 + 2 * sectors) * 512


def mixed(guid):
    """A GUID as partition tables store it."""
    return guid[3::-1] + guid[5:3:-1] + guid[7:5:-1] + guid[8:]


def tables(place, own, length):
    """(primary, backup): the exact bytes of a medium's partition tables."""
    last = length // 512 - 1
    parts = [("rom", BASIC_DATA, 1 << 60, "Scrip ROM"), ("seal", SEAL_TYPE, 1 << 63, "Scrip SEAL"),
             ("ram", BASIC_DATA, 0, "Scrip RAM")]
    entries = b"".join(
        mixed(bytes.fromhex(kind)) + mixed(own[part])
        + struct.pack("<QQQ", place[part][0] // 512, place[part][1] // 512 - 1, attributes)
        + name.encode("utf-16-le").ljust(72, b"\0")
        for part, kind, attributes, name in parts
    ).ljust(128 * 128, b"\0")

    def header(at, other, entries_at):
        fields = struct.pack("<QQQQ16sQIII", at, other, 34, last - 33, mixed(own["disk"]),
                             entries_at, 128, 128, zlib.crc32(entries))
        raw = b"EFI PART" + struct.pack("<III", 0x10000, 92, 0) + bytes(4) + fields
        return (raw[:16] + struct.pack("<I", zlib.crc32(raw)) + raw[20:]).ljust(512, b"\0")

    mbr = bytes(446) + bytes.fromhex("00000200eeffffff01000000") + struct.pack(
        "<I", min(last, 2**32 - 1)) + bytes(48) + b"\x55\xaa"
    return mbr + header(1, last, 2) + entries, entries + header(last, 1, last - 32)


def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC = _crc_table()


def crc32c(data):
    """CRC-32C (Castagnoli), as RFC 3720 appendix B.4 has it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def frame(generation, index, before, record):
    """A record as it stands in a journal; `before` is the checksum of the frame before it."""
    checked = struct.pack(">QII", generation, index, len(record)) + before + record
    stored = b"SCRJ" + struct.pack(">I", crc32c(checked)) + checked
    return stored + bytes(-len(stored) % 512)
