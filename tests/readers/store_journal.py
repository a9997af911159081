"""What a store writes: its exported journal, chains and chained entries; the stamps it keeps."""

import struct
import zlib
from pathlib import Path

import derive
import signed
from signed import Trust, key_of, sha256
from strict_cbor import Refused

CHAIN_MAX, ENTRY_MAX = 8192, 2048
STAMP_HEAD, HASH, BLOCK, BLOCKS_MAX = 20, 32, 4096, 256
EVENTS = ["burnt", "sold", "code sold", "voucher sold", "spent on a burn", "voided", "refreshed",
          "burn begun", "burn abandoned"]


def frames(data):
    """The payloads of all frames; nothing may be left over."""
    at = 0
    while at < len(data):
        head = data[at:at + 8]
        if len(head) < 8:
            raise Refused("journal", f"at byte {at}: no frame")
        length, check = struct.unpack(">II", head)
        payload = data[at + 8:at + 8 + length]
        sound = 0 < length <= CHAIN_MAX and len(payload) == length
        if not sound or zlib.crc32(head[:4] + payload) != check:
            raise Refused("journal", f"at byte {at}: no whole frame")
        yield payload
        at += 8 + length


def read(path, trust_path):
    """The store, its entries, and what they are chained to."""
    trust = Trust([signed.read_root(Path(trust_path).read_bytes())])
    stores, anchors, entries, head = [], set(), [], None
    for payload in frames(Path(path).read_bytes()):
        if payload[0] >> 5 == 4 and not entries:
            chain = signed.plain(payload, "chain")
            role, store, *_, pinned = trust.signer(chain)
            if role != "store" or not pinned:
                raise Refused("chain", "no store under the pinned root")
            stores.append((store["grant"]["store"], key_of(store)))
            anchors.add(sha256(chain[0]))
            continue
        if len(set(stores)) != 1 or len(payload) > ENTRY_MAX:
            raise Refused("journal", "no one store's journal")
        entry = signed.verified(payload, "store-entry", stores[0][1])
        chained = entry["prev"] in anchors if head is None else entry["prev"] == head
        if entry["seq"] != len(entries) or entry["store"] != stores[0][0] or not chained:
            raise Refused("journal", f"entry {len(entries)} doesn't follow")
        head = sha256(payload)
        entries.append(entry)
    return {
        "store": stores[0][0] if stores else None,
        "head": head.hex() if head else None,
        "entries": [
            {"seq": entry["seq"], "event": EVENTS[entry["event"]],
             "medium": f"{entry['medium']:012}"}
            for entry in entries
        ],
    }


def kept_stamp(data):
    """What a kept stamp gives: its medium, sequence, and each block by its offset and first byte."""
    def need(holds, what):
        if not holds:
            raise Refused("kept-stamp", what)
    body = data[:-HASH]
    need(len(data) >= STAMP_HEAD + HASH, "too short")
    need(sha256(body) == data[-HASH:], "hash")
    medium, since, count = struct.unpack_from(">QQI", body)
    need(medium < 10 ** 12 and derive.medium_number(medium // 100) == medium, "medium's number")
    need(count <= BLOCKS_MAX and len(body) == STAMP_HEAD + count * (8 + BLOCK), "blocks")
    places = range(STAMP_HEAD, len(body), 8 + BLOCK)
    offsets = [int.from_bytes(body[at:at + 8]) for at in places]
    need(all(one < other for one, other in zip(offsets, offsets[1:])), "order of blocks")
    told = [f", {offset}: {body[at + 8]}" for offset, at in zip(offsets, places)]
    return f"medium {medium:012} since {since}{''.join(told)}"
