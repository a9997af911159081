"""The papers that a medium keeps beside its journal, as SPEC.md's section "Papers" has it."""

import struct

import schema
import signed
from signed import sha256
from strict_cbor import Refused, decode, unpad

SLOT_BYTES = 64 << 10
SLOTS = 2
FILE_BYTES = SLOT_BYTES * SLOTS
NONE = {"generation": 0, "policies": [], "sheets": [], "revocation": None}


def checked(fields):
    """What a whole slot states of itself."""
    parts = [*fields["policies"], *fields["sheets"]]
    parts += [fields["revocation"]] if "revocation" in fields else []
    framed = [struct.pack(">I", len(part)) + part for part in parts]
    return sha256(struct.pack(">Q", fields["generation"]) + b"".join(framed))


def slot(data, at, certificate, issuer):
    """The verified papers of a slot; none where it is empty, torn or another's."""
    try:
        raw = unpad(data)
        if not raw:
            return None
        fields = schema.OBJECTS["papers"](decode(raw, *schema.limits("papers")))
        if checked(fields) != fields["check"] or fields["generation"] % SLOTS != at:
            return None
        policies = [(signed.verified(each, "policy", issuer), sha256(each))
                    for each in fields["policies"]]
        sheets = [signed.verified(each, "sheet", issuer) for each in fields["sheets"]]
        listed = fields.get("revocation")
        revoked = signed.verified(listed, "revocation", issuer) if listed else None
    except Refused:
        return None
    own = all(sheet[what] == certificate[what]
              for sheet in sheets for what in ("medium", "currency"))
    if not own or fields["generation"] == 0:
        return None
    return {"generation": fields["generation"], "policies": policies, "sheets": sheets,
            "revocation": revoked}


def read(files, certificate, issuer):
    """The newest papers that are whole in either file."""
    newest = NONE
    for data in reversed(files):
        for at in range(SLOTS):
            held = slot(data[at * SLOT_BYTES:(at + 1) * SLOT_BYTES], at, certificate, issuer)
            if held and held["generation"] >= newest["generation"]:
                newest = held
    return newest


def told(kept):
    """The same for a person."""
    revoked = kept["revocation"]
    return {"generation": kept["generation"],
            "policies": [policy["number"] for policy, _ in kept["policies"]],
            "sheets": [sheet["id"].hex() for sheet in kept["sheets"]],
            "revocation": revoked["number"] if revoked else None}
