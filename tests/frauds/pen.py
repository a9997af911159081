"""Write signed records, vouchers and certificates by hand: pycose signs, cbor2 encodes.

Nothing here comes from the library that the tools are built of; what follows from what stands in the
second reader, which is written from SPEC.md.
"""

import sys
from pathlib import Path

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pycose.algorithms import EdDSA
from pycose.headers import KID, Algorithm
from pycose.keys import OKPKey
from pycose.keys.curves import Ed25519
from pycose.keys.keyops import SignOp
from pycose.keys.keyparam import KpAlg, KpKeyOps
from pycose.messages import Sign1Message

sys.path.insert(0, str(Path(__file__).parent.parent / "readers"))

import derive  # noqa: E402
import journal  # noqa: E402
import medium  # noqa: E402
import secrets_at_rest  # noqa: E402
import signed  # noqa: E402
from strict_cbor import unpad  # noqa: E402

SLOT_LENGTHS = list(medium.SLOTS.values())
CODE, VOUCHER, PURCHASE, PLAY = 1, 2, 4, 5
START, INTERRUPTED, UPLOAD, UPLOADED, EARN = 7, 8, 10, 12, 13
TYP = 16


class Key:
    """A key pair that signs objects."""

    def __init__(self, seed):
        self.pair = Ed25519PrivateKey.from_private_bytes(seed)
        self.seed, self.public = seed, self.pair.public_key().public_bytes_raw()

    def sign(self, kind, fields):
        """A signed object of this kind; fields by their numbers."""
        payload = cbor2.dumps(fields, canonical=True)
        header = {Algorithm: EdDSA, KID: signed.key_id(self.public), TYP: f"x.scrip.{kind}"}
        message = Sign1Message(phdr=header, payload=payload, external_aad=signed.domain(kind))
        form = {KpAlg: EdDSA, KpKeyOps: [SignOp]}
        message.key = OKPKey(crv=Ed25519, d=self.seed, x=self.public, optional_params=form)
        return message.encode(tag=True)


class Export:
    """What a wallet exported: stamped slots, and the records behind them."""

    def __init__(self, data):
        self.slots, rest = data[:sum(SLOT_LENGTHS)], data[sum(SLOT_LENGTHS):]
        self.records = []
        while rest:
            record = journal.frame(rest, 0, 0)[2]
            self.records.append(record)
            rest = rest[journal.stored_bytes(record):]
        slot = signed.plain(unpad(self.slots[:SLOT_LENGTHS[0]]), "certificate-slot")
        self.chain, self.certificate = slot["chain"], slot["certificate"]
        self.medium = signed.unverified(self.certificate, "medium-certificate")["medium"]

    def sheet(self):
        """The first of its sheets."""
        at = sum(SLOT_LENGTHS[:3])
        slot = signed.plain(unpad(self.slots[at:at + SLOT_LENGTHS[3]]), "sheet-slot")
        return signed.unverified(slot["sheets"][0], "sheet")

    def last(self):
        """The newest record."""
        return signed.unverified(self.records[-1], "record")

    def balance(self):
        """What it has by the newest record that says so."""
        for data in reversed(self.records):
            record = signed.unverified(data, "record")
            if "accounting" in record:
                return record["accounting"]["balance_after"]
        return 0

    def frames(self):
        """The records alone, as a computer keeps them."""
        return framed(self.records)

    def whole(self):
        """The file again."""
        return self.slots + self.frames()

    def put(self, key, form, body=None, money=None, partner="somebody", content=None, link=None,
            at=None):
        """Sign what comes next: `money` is (event, amount, balance after)."""
        before = self.last()
        at = before["history"]["at"] + 60 if at is None else at
        history = {1: bytes(16), 2: at, 3: journal.KINDS[form], 4: partner}
        if content is not None:
            history[5] = content
        if money or link:
            history[6] = link or money[0]
        record = {1: self.medium, 2: before["seq"] + 1, 3: signed.sha256(self.records[-1]),
                  4: before["floor"], 5: bytes(8), 6: history, 8: {0: form, **(body or {})}}
        if money:
            event, amount, balance = money
            record[7] = {1: event, 2: at, 3: amount, 4: balance, 5: partner, 6: "by hand"}
        self.records.append(key.sign("record", record))

    def buy(self, key, item, price, balance=None):
        """A purchase that may claim any balance."""
        event = derive.placed_event(self.medium, signed.sha256(self.records[-1]),
                                    journal.KINDS[PURCHASE], price, item)
        balance = self.balance() - price if balance is None else balance
        self.put(key, PURCHASE, money=(event, -price, balance), content=item)

    def redeem(self, key, voucher, amount, certificate=None):
        """A top-up by a voucher, whoever signed that."""
        ident = signed.unverified(voucher, "voucher")["id"]
        event = derive.voucher_event(self.medium, ident)
        body = {1: voucher} | ({2: certificate} if certificate else {})
        self.put(key, VOUCHER, body, money=(event, amount, self.balance() + amount))

    def enter(self, key, sheet, slot, secret, amount):
        """A top-up by a code, good or not."""
        event = derive.code_event(self.medium, sheet, slot)
        body = {1: sheet, 2: slot, 3: secret}
        self.put(key, CODE, body, money=(event, amount, self.balance() + amount))


def framed(records):
    """Records in frames, one behind the other."""
    stored, before = b"", bytes(4)
    for index, record in enumerate(records):
        frame = derive.frame(0, index, before, record)
        stored, before = stored + frame, frame[4:8]
    return stored


def placed(shape, what):
    """Where the first copy of something lies in an image."""
    place = derive.layout(*shape)
    return place["ram"][0] + place[what][0]


def holder_key(image, shape, number, password):
    """The key that an image's access file holds under a password."""
    with open(image, "rb") as file:
        file.seek(placed(shape, "access"))
        held = file.read(derive.ACCESS_BYTES)
    slots = [unpad(held[at:at + 4096]) for at in range(0, len(held), 4096)]
    slots = [signed.plain(slot, "access-slot") for slot in slots if slot]
    slot = max(slots, key=lambda slot: slot["generation"])
    opened = secrets_at_rest.open_with_password(
        password, slot["cost"], slot["salt"], slot["nonce"], slot["sealed"],
        secrets_at_rest.access_slot_aad(number, slot))
    return Key(opened[:32])


def stolen_key(folder):
    """The key that lies bare in a store's folder."""
    for path in sorted(Path(folder).iterdir()):
        try:
            held = signed.plain(path.read_bytes(), "key-file")
        except (signed.Refused, OSError):
            continue
        if held["role"] == "store":
            return Key(held["key"])
    raise FileNotFoundError(f"{folder}: no store's key")
