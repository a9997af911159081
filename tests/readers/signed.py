"""Signed objects and chains of certificates; the signature itself is checked by pycose."""

import hashlib

from pycose.algorithms import EdDSA
from pycose.keys import OKPKey
from pycose.keys.curves import Ed25519
from pycose.keys.keyops import VerifyOp
from pycose.keys.keyparam import KpAlg, KpKeyOps
from pycose.messages import CoseMessage

import curve
import schema
from strict_cbor import Refused, Tagged, byte_string, decode, head, text

ROLES = ["root", "issuer", "store", "settler", "rom-signer", "decider"]
ISSUED = {"store", "settler", "rom-signer", "decider"}


def sha256(data):
    """SHA-256."""
    return hashlib.sha256(data).digest()


def key_id(key):
    """The short name of a public key."""
    return sha256(key)[:8]


def fingerprint(key):
    """What a person compares."""
    digits = sha256(key)[:10].hex().upper()
    return "-".join(digits[at:at + 4] for at in range(0, 20, 4))


def domain(kind):
    """The external_aad of signatures, and part of what seals bind."""
    return b"scrip/v1/" + kind.encode()


def plain(data, kind):
    """An unsigned object of this kind, by field names."""
    return schema.OBJECTS[kind](decode(data, *schema.limits(kind)))


def envelope(data, kind):
    """Key id and payload of a signed object whose form is exact; nothing is verified."""
    item = decode(data, *schema.limits(kind))
    parts = item.value if isinstance(item, Tagged) else None
    if type(parts) is not list or [type(part) for part in parts] != [bytes, dict, bytes, bytes]:
        raise Refused("envelope", "no tagged COSE_Sign1")
    protected, unprotected, payload, signature = parts
    if unprotected or len(signature) != 64:
        raise Refused("envelope", "unprotected header or length of the signature")
    kid = protected[5:13]
    exact = b"\xa3\x01\x27\x04\x48" + kid + b"\x10" + text(f"x.scrip.{kind}")
    if protected != exact:
        raise Refused("envelope", f"protected header {protected.hex()}")
    return kid, payload


def sig_structure(data, kind):
    """The bytes that the signature is over (RFC 9052 section 4.4)."""
    parts = decode(data, *schema.limits(kind)).value
    return (head(4, 4) + text("Signature1") + byte_string(parts[0]) + byte_string(domain(kind))
            + byte_string(parts[2]))


def is_kind(data, kind):
    """Whether bytes are a signed object of this kind, whoever signed it."""
    try:
        envelope(data, kind)
    except Refused:
        return False
    return True


def verified(data, kind, key):
    """A signed object's fields, once its signature by this key is verified."""
    kid, payload = envelope(data, kind)
    if kid != key_id(key):
        raise Refused("signer", f"{kind}: key {kid.hex()}, expected {key_id(key).hex()}")
    message = CoseMessage.decode(data)
    message.key = OKPKey(crv=Ed25519, x=key, optional_params={KpAlg: EdDSA, KpKeyOps: [VerifyOp]})
    message.external_aad = domain(kind)
    if curve.is_of_small_order(message.signature[:32]) or not message.verify_signature():
        raise Refused("signature", f"{kind}: the signature is not by key {kid.hex()}")
    return schema.OBJECTS[kind](decode(payload, *schema.limits(kind)))


def is_signed(key, signature, message):
    """Whether a bare signature is this key's over this message."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    if curve.is_of_small_order(signature[:32]):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def unverified(data, kind):
    """What a signed object claims; only to find out whose signature to ask for."""
    return schema.OBJECTS[kind](decode(envelope(data, kind)[1], *schema.limits(kind)))


def key_of(certificate):
    """The key that a certificate certifies."""
    return certificate["key"]["cose_key"]["x"]


def read_root(data):
    """A self-signed root certificate."""
    root = verified(data, "certificate", key_of(unverified(data, "certificate")))
    if ROLES[root["role"]] != "root" or "grant" in root:
        raise Refused("chain", "no root's certificate")
    return root


class Trust:
    """Pinned roots, the time floor, and whether roots for tests count."""

    def __init__(self, roots, floor=None, allow_test=False):
        self.roots = {key_id(key_of(root)): root for root in roots}
        self.floor, self.allow_test = floor, allow_test

    def signer(self, chain):
        """(role, certificate, issuer's certificate, root, pinned) that a chain leads to."""
        root, below, pinned = self._anchor(chain)
        if root["purpose"] == 1 and not self.allow_test:
            raise Refused("test-root", fingerprint(key_of(root)))
        self._check_period(root)
        if len(below) not in (1, 2):
            raise Refused("chain", "expected an issuer, or an issuer and one role under it")
        path = [root]
        for data in reversed(below):
            path.append(self._step(path[-1], data))
        return ROLES[path[-1]["role"]], path[-1], path[1], root, pinned

    def _anchor(self, chain):
        if not chain:
            raise Refused("chain", "empty")
        pinned = self.roots.get(envelope(chain[-1], "certificate")[0])
        try:
            own = read_root(chain[-1])
        except Refused:
            own = None
        if own is None and pinned is None:
            raise Refused("chain", "no pinned root signed it and it ends in no self-signed root")
        below = chain[:-1] if own is not None else chain
        return pinned or own, below, pinned is not None

    def _step(self, above, data):
        below = verified(data, "certificate", key_of(above))
        upper, lower = ROLES[above["role"]], ROLES[below["role"]]
        allowed = lower == "issuer" if upper == "root" else upper == "issuer" and lower in ISSUED
        if not allowed:
            raise Refused("chain", f"a {upper} can't certify a {lower}")
        if ("grant" in below) != (lower == "store"):
            raise Refused("chain", "a grant goes with stores alone")
        if below["purpose"] != above["purpose"]:
            raise Refused("purpose", below["subject"])
        self._check_period(below)
        return below

    def _check_period(self, certificate):
        if self.floor is not None and certificate["expires"] <= self.floor:
            raise Refused("expired", certificate["subject"])
