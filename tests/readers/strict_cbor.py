"""Strict deterministic CBOR (SPEC.md, section 2): one encoding for each value."""

from dataclasses import dataclass

DEPTH_MAX = 12
TAG_SIGN1 = 18


class Refused(Exception):
    """Bytes that are not what they should be: SPEC.md's class, and words for a person."""

    def __init__(self, kind, words):
        super().__init__(f"{kind}: {words}")
        self.kind = kind


@dataclass
class Tagged:
    """A tagged item; only the tag of COSE_Sign1 is ever allowed."""

    value: object


class _Scan:
    def __init__(self, data, items_max):
        self.data, self.at, self.left = data, 0, items_max

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Refused("truncated", f"at byte {self.at}: {count} bytes needed")
        self.at += count
        return self.data[self.at - count:self.at]

    def head(self):
        start, first = self.at, self.take(1)[0]
        major, info = first >> 5, first & 31
        if info < 24:
            return major, info
        if info == 31:
            raise Refused("indefinite", f"at byte {start}")
        if info > 27:
            raise Refused("malformed", f"at byte {start}")
        width = 1 << (info - 24)
        argument = int.from_bytes(self.take(width), "big")
        if major == 7:
            raise Refused("simple", f"at byte {start}")
        if argument < (24 if width == 1 else 1 << (4 * width)):
            raise Refused("not-shortest", f"at byte {start}")
        return major, argument

    def item(self, depth):
        start = self.at
        if depth > DEPTH_MAX:
            raise Refused("too-deep", f"at byte {start}")
        self.left -= 1
        if self.left < 0:
            raise Refused("too-many", f"at byte {start}")
        major, argument = self.head()
        if major in (0, 1):
            return argument if major == 0 else -1 - argument
        if major == 2:
            return bytes(self.take(argument))
        if major == 3:
            try:
                return str(self.take(argument), "utf-8")
            except UnicodeDecodeError:
                raise Refused("utf8", f"at byte {start}") from None
        if major == 4:
            return [self.item(depth + 1) for _ in range(argument)]
        if major == 5:
            return self.map(argument, depth)
        if major == 6:
            if argument != TAG_SIGN1 or start != 0:
                raise Refused("tag", f"at byte {start}: tag {argument}")
            return Tagged(self.item(depth + 1))
        if argument in (20, 21):
            return argument == 21
        raise Refused("simple", f"at byte {start}")

    def map(self, pairs, depth):
        result, before = {}, None
        for _ in range(pairs):
            start = self.at
            key = self.head()
            if key[0] > 1:
                raise Refused("key-type", f"at byte {start}")
            if before is not None and key <= before:
                kind = "duplicate-key" if key == before else "key-order"
                raise Refused(kind, f"at byte {start}")
            before = key
            result[key[1] if key[0] == 0 else -1 - key[1]] = self.item(depth + 1)
        return result


def decode(data, bytes_max, items_max):
    """The one item that `data` is."""
    if len(data) > bytes_max:
        raise Refused("too-large", f"{len(data)} bytes, limit {bytes_max}")
    scan = _Scan(data, items_max)
    value = scan.item(0)
    if scan.at != len(data):
        raise Refused("trailing", f"ends at byte {scan.at} of {len(data)}")
    return value


def unpad(slot):
    """The item that a slot begins with, undecoded; b"" for an empty slot."""
    used = 0
    if slot[:1] not in (b"", b"\0"):
        scan = _Scan(slot, len(slot))
        scan.item(0)
        used = scan.at
    if slot[used:].strip(b"\0"):
        raise Refused("padding", f"behind byte {used}")
    return slot[:used]


def head(major, argument):
    """The shortest head of an item."""
    if argument < 24:
        return bytes([major << 5 | argument])
    for info, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * width):
            return bytes([major << 5 | info]) + argument.to_bytes(width, "big")
    raise ValueError(argument)


def text(value):
    """Text as an item."""
    raw = value.encode()
    return head(3, len(raw)) + raw


def byte_string(value):
    """A byte string as an item."""
    return head(2, len(value)) + value
