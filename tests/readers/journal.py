"""Read a journal's two copies and add its records up, as SPEC.md's section "Journal" has it."""

import struct

import derive
import signed
from strict_cbor import Refused

HEADER = 28
OPENING = 40
RECORD_MAX = 2048
KINDS = {0: 0, 1: 1, 2: 1}


def frames(bank, parity):
    """{generation: {(index, offset): frame}} of a bank; what is no frame is passed over."""
    found, at = {}, 0
    while at + 512 <= len(bank):
        held = frame(bank, at, parity)
        if held is None:
            at += 512
            continue
        generation, index = held[:2]
        found.setdefault(generation, {})[index, at] = held[2:]
        at += stored_bytes(held[2])
    return found


def stored_bytes(record):
    """How much a record takes with its frame."""
    return -(-(HEADER + len(record)) // 512) * 512


def frame(bank, at, parity):
    """(generation, index, record, frame before, checksum) if a whole frame begins here."""
    if bank[at:at + 4] != b"SCRJ":
        return None
    crc, generation, index, length, before = struct.unpack_from(">IQIII", bank, at + 4)
    end = at + HEADER + length
    stored = at - (at - end) // 512 * 512
    if length > RECORD_MAX or stored > len(bank) or generation % 2 != parity:
        return None
    if derive.crc32c(bank[at + 8:end]) != crc or any(bank[end:stored]):
        return None
    return generation, index, bank[at + HEADER:end], before, crc


def read(copies):
    """What the two copies' bytes hold together, as a dict."""
    half, held = len(copies[0]) // 2, [{}, {}]
    for parity in (0, 1):
        for copy, found in zip(copies, held):
            found.update(frames(copy[parity * half:(parity + 1) * half], parity))
    for generation in sorted({*held[0], *held[1]}, reverse=True):
        found = read_generation(generation, [copy.get(generation, {}) for copy in held])
        if found is not None:
            return found
    raise Refused("journal", "neither copy holds a first record")


def read_generation(generation, held):
    """What a generation holds; None if it was never begun."""
    row, rival = longest(held)
    later = max(index for copy in held for index, _ in copy)
    opening, count, outside = 0, 0, 0
    if generation > 0:
        opening = 1
        first = row[0][1] if row else b""
        if len(first) != OPENING:
            return None
        count, outside = struct.unpack_from(">II", first)
        if not carries(row[1:], first, count, outside):
            if later > count and len(row) <= later:
                raise Refused("journal", f"frame {len(row)} is damaged in both copies")
            return None
    if not row or later >= len(row):
        raise Refused("journal", f"frame {len(row)} is damaged in both copies")
    records = [record for _, record, _ in row[opening:]]
    chain = count - outside
    return {
        "generation": generation,
        "records": records[:chain] + records[count:],
        "outside": records[chain:count],
        "rival": rival,
        "lacking": [(index, "AB"[copy]) for index, (copy, _, _) in enumerate(row)
                    if copy is not None],
    }


def carries(row, opening, count, outside):
    """Does all that was to be carried stand behind the opening?"""
    carried = [record for _, record, _ in row[:count]]
    parts = b"".join(struct.pack(">I", len(record)) + record for record in carried)
    whole = len(carried) == count and signed.sha256(parts) == opening[8:]
    return whole and outside <= count


def longest(held):
    """The longest row of frames, and what the shorter holds where the copies part."""
    row, place = follow(held, (0, 0, 0), None)
    if place is None:
        return row, []
    ours, theirs = (follow(held, place, copy)[0] for copy in (0, 1))
    if len(ours) == len(theirs):
        raise Refused("journal", f"copies hold different records {place[0]}")
    if len(ours) < len(theirs):
        ours, theirs = theirs, ours
    return row + ours, [record for _, record, _ in theirs]


def follow(held, place, preferred):
    """([(copy that lacks it, record, checksum)], where the copies part) from a place on."""
    row = []
    while True:
        index, end, before = place
        found = [copy.get((index, end)) for copy in held]
        found = [frame if frame and frame[1] == before else None for frame in found]
        if found == [None, None]:
            return row, None
        if None in found:
            lacking = found.index(None)
        elif found[0] == found[1]:
            lacking = None
        elif preferred is None:
            return row, place
        else:
            lacking = 1 - preferred
        record, _, checksum = found[0 if lacking is None else 1 - lacking]
        row.append((lacking, record, checksum))
        place = index + 1, end + stored_bytes(record), checksum


def fold(records, certificate, certificate_hash, sheets, stores):
    """The entries and the balance of a chain of signed records; raises Refused."""
    state = {"head": certificate_hash, "floor": 0, "balance": 0, "credited": set()}
    key, entries = signed.key_of(certificate), []
    for place, data in enumerate(records):
        record = signed.verified(data, "record", key)
        check_chain(record, place, certificate, state)
        credit = credited(record, certificate, sheets, stores)
        account(record, credit, state)
        state["head"], state["floor"] = signed.sha256(data), record["floor"]
        entries.append(entry(record))
    return entries, state["balance"]


def check_chain(record, place, certificate, state):
    """Is it the record that is due?"""
    checks = {
        "medium": record["medium"] == certificate["medium"],
        "sequence": record["seq"] == place,
        "prev": record["prev"] == state["head"],
        "floor": record["floor"] >= state["floor"],
        "kind": record["history"]["kind"] == KINDS[record["body"]["form"]],
        "genesis": (record["body"]["form"] == 0) == (place == 0),
        "link": record["history"].get("link") == record.get("accounting", {}).get("event"),
    }
    for what, holds in checks.items():
        if not holds:
            raise Refused("journal", f"record {place}: {what}")


def credited(record, certificate, sheets, stores):
    """(amount, event) that a record's body gives; None for the first record."""
    body, medium = record["body"], certificate["medium"]
    if body["form"] == 0:
        if body["certificate"] != record["prev"]:
            raise Refused("journal", "the first record names another certificate")
        return None
    if body["form"] == 1:
        sheet = sheets[body["sheet"]]
        salt = derive.commitment_salt(medium, body["sheet"], body["slot"])
        made = derive.commitment(body["secret"], salt, sheet["rounds"])
        at = 16 * body["slot"]
        if made != sheet["commitments"][at:at + 16] or sheet["medium"] != medium:
            raise Refused("journal", f"the code of slot {body['slot']} opens nothing")
        amounts = [run["amount"] for run in sheet["runs"] for _ in range(run["count"])]
        return amounts[body["slot"]], derive.code_event(medium, body["sheet"], body["slot"])
    key = stores[signed.envelope(body["voucher"], "voucher")[0]]
    voucher = signed.verified(body["voucher"], "voucher", key)
    if voucher["medium"] != medium:
        raise Refused("journal", "a voucher of another medium")
    return voucher["amount"], derive.voucher_event(medium, voucher["id"])


def account(record, credit, state):
    """Add a credit to the balance, once, if the record claims the same."""
    if credit is None:
        if "accounting" in record:
            raise Refused("journal", "the first record moves money")
        return
    amount, event = credit
    entry_of = record["accounting"]
    state["balance"] += amount
    claims = entry_of["amount"], entry_of["event"], entry_of["balance_after"]
    if claims != (amount, event, state["balance"]) or event in state["credited"]:
        raise Refused("journal", f"record {record['seq']}: its accounting entry")
    state["credited"].add(event)


def entry(record):
    """What a person sees of a record."""
    accounting = record.get("accounting")
    return {
        "seq": record["seq"],
        "kind": record["history"]["kind"],
        "partner": record["history"]["partner"],
        "amount": accounting["amount"] if accounting else None,
        "balance_after": accounting["balance_after"] if accounting else None,
    }
