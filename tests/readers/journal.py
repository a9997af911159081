"""Read a journal's two copies and add its records up, as SPEC.md's section "Journal" has it."""

import struct

import derive
import signed
from strict_cbor import Refused

HEADER = 24
RECORD_MAX = 2048
KINDS = {0: 0, 1: 1, 2: 1}


def frames(bank, parity):
    """{generation: {(index, offset): record}} of a bank; what is no frame is passed over."""
    found, at = {}, 0
    while at + 512 <= len(bank):
        record = frame(bank, at, parity)
        if record is None:
            at += 512
            continue
        generation, index, data = record
        found.setdefault(generation, {})[index, at] = data
        at += stored_bytes(data)
    return found


def stored_bytes(record):
    """How much a record takes with its frame."""
    return -(-(HEADER + len(record)) // 512) * 512


def frame(bank, at, parity):
    """(generation, index, record) if a whole frame begins here."""
    if bank[at:at + 4] != b"SCRJ":
        return None
    crc, generation, index, length = struct.unpack_from(">IQII", bank, at + 4)
    end = at + HEADER + length
    stored = at - (at - end) // 512 * 512
    if length > RECORD_MAX or stored > len(bank) or generation % 2 != parity:
        return None
    if derive.crc32c(bank[at + 8:end]) != crc or any(bank[end:stored]):
        return None
    return generation, index, bank[at + HEADER:end]


def read(copies):
    """(generation, records, [(index, copy that lacks it)]) of the two copies' bytes."""
    half, banks = len(copies[0]) // 2, []
    for parity in (0, 1):
        found = [frames(copy[parity * half:(parity + 1) * half], parity) for copy in copies]
        newest = max((generation for held in found for generation in held), default=None)
        if newest is not None:
            banks.append((newest, [held.get(newest, {}) for held in found]))
    for generation, (a, b) in sorted(banks, key=lambda bank: -bank[0]):
        if any((0, 0) in held for held in (a, b)):
            return generation, *join(a, b)
    raise Refused("journal", "neither copy holds a first record")


def join(a, b):
    """The records of one generation, and what each copy lacks."""
    records, lacking, end = [], [], 0
    for index in range(max([*a, *b])[0] + 1):
        ours, theirs = a.get((index, end)), b.get((index, end))
        if ours is None and theirs is None:
            raise Refused("journal", f"record {index} is damaged in both copies")
        if None not in (ours, theirs) and ours != theirs:
            raise Refused("journal", f"copies differ in record {index}")
        lacking += [(index, copy) for copy, held in (("A", ours), ("B", theirs)) if held is None]
        records.append(theirs if ours is None else ours)
        end += stored_bytes(records[-1])
    return records, lacking


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
