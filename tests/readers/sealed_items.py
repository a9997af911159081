"""Sealed items: keys from an edition's secret, files in chunks, keys in an owner's ring."""

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

import derive
import schema
from signed import domain, sha256
from strict_cbor import Refused, decode, unpad

CHUNK, TAG = 65_520, 16
SLOT = 128


def secret_id(secret):
    """The name of an edition's secret."""
    return hmac.digest(secret, b"scrip/v1/edition-secret-id", hashlib.sha256)[:16]


def item_key(secret, item, content):
    """The key of the item whose file opens to bytes of that SHA-256."""
    return hmac.digest(secret, b"scrip/v1/item-key" + item.encode() + content, hashlib.sha256)


def _nonce(index, last):
    return bytes(3) + index.to_bytes(8, "big") + bytes([last])


def seal(key, plain):
    """A sealed file."""
    chunks = [plain[at:at + CHUNK] for at in range(0, len(plain), CHUNK)] or [b""]
    aead = ChaCha20Poly1305(key)
    parts = enumerate(chunks, 1)
    return b"".join(aead.encrypt(_nonce(n - 1, n == len(chunks)), part, None) for n, part in parts)


def unseal(key, sealed):
    """What a sealed file opens to; raises InvalidTag."""
    step = CHUNK + TAG
    chunks = [sealed[at:at + step] for at in range(0, len(sealed), step)]
    if not chunks or len(chunks[-1]) < TAG + (len(chunks) > 1):
        raise Refused("field", f"no sealed file has {len(sealed)} bytes")
    aead = ChaCha20Poly1305(key)
    parts = enumerate(chunks, 1)
    return b"".join(aead.decrypt(_nonce(n - 1, n == len(chunks)), part, None) for n, part in parts)


def ring_slot(data):
    """The fields of a ring's slot if it is whole, else None."""
    try:
        found = unpad(data)
        slot = found and schema.OBJECTS["item-key"](decode(found, *schema.limits("item-key")))
    except Refused:
        return None
    whole = slot and derive.crc32c(slot["root"] + slot["nonce"] + slot["sealed"]) == slot["check"]
    return slot if whole else None


def open_slot(ring_key, medium, slot):
    """The item's key in a slot."""
    aad = domain("item-key") + medium.to_bytes(8, "big") + slot["root"]
    return ChaCha20Poly1305(ring_key).decrypt(slot["nonce"], slot["sealed"], aad)


def derivation(headers):
    """What a vector of a sealed file states."""
    secret, item = bytes.fromhex(headers["secret"]), headers["item"]
    plain = bytes(at % 251 for at in range(int(headers["bytes"])))
    content = sha256(plain)
    key = item_key(secret, item, content)
    sealed = seal(key, plain)
    if unseal(key, sealed) != plain:
        raise ValueError("a sealed file doesn't come back")
    return {"secret-id": secret_id(secret), "content": content, "key": key,
            "sealed-bytes": len(sealed), "sealed": sha256(sealed),
            "root": derive.file_root(derive.leaves(sealed))}
