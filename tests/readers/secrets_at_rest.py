"""What lies sealed: under a password (Argon2id), or to a store's key (HPKE, RFC 9180)."""

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from signed import domain


def open_with_password(password, cost, salt, nonce, sealed, aad):
    """The plaintext; cost and salt are bound in front of `aad`."""
    numbers = [cost["memory_kib"], cost["passes"], cost["lanes"]]
    derive = Argon2id(
        salt=salt, length=32, memory_cost=numbers[0], iterations=numbers[1], lanes=numbers[2],
    )
    bound = b"".join(number.to_bytes(4, "big") for number in numbers) + salt + aad
    return ChaCha20Poly1305(derive.derive(password)).decrypt(nonce, sealed, bound)


def access_slot_aad(medium, slot):
    """What an access slot binds beside its cost and salt."""
    return (domain("access-slot") + slot["generation"].to_bytes(8, "big") + slot["key"]
            + medium.to_bytes(8, "big"))


def _extract(salt, ikm):
    return hmac.digest(salt, ikm, hashlib.sha256)


def _expand(key, info, length):
    block, out, count = b"", b"", 0
    while len(out) < length:
        count += 1
        block = hmac.digest(key, block + info + bytes([count]), hashlib.sha256)
        out += block
    return out[:length]


def _labeled_extract(suite, salt, label, ikm):
    return _extract(salt, b"HPKE-v1" + suite + label + ikm)


def _labeled_expand(suite, key, label, info, length):
    return _expand(key, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)


def hpke_open(private, info, aad, sealed):
    """Open base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305."""
    encapsulated, ciphertext = sealed[:32], sealed[32:]
    key = X25519PrivateKey.from_private_bytes(private)
    shared = key.exchange(X25519PublicKey.from_public_bytes(encapsulated))
    kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x03"
    context = encapsulated + key.public_key().public_bytes_raw()
    eae = _labeled_extract(kem, b"", b"eae_prk", shared)
    secret = _labeled_expand(kem, eae, b"shared_secret", context, 32)
    schedule = (b"\0" + _labeled_extract(suite, b"", b"psk_id_hash", b"")
                + _labeled_extract(suite, b"", b"info_hash", info))
    base = _labeled_extract(suite, secret, b"secret", b"")
    aead_key = _labeled_expand(suite, base, b"key", schedule, 32)
    nonce = _labeled_expand(suite, base, b"base_nonce", schedule, 12)
    return ChaCha20Poly1305(aead_key).decrypt(nonce, ciphertext, aad)
