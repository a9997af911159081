"""Check proofs of forks: proof.py ROOT PROOF...; no record and no other part of Scrip is asked."""

import sys
from hashlib import sha256
import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

def strict(data):
    value = cbor2.loads(data)
    assert cbor2.dumps(value, canonical=True) == data, "not the one encoding"
    return value

def opened(data, kind, key):
    item = strict(data)
    protected, unprotected, payload, signature = item.value
    header = {1: -8, 4: sha256(key).digest()[:8], 16: f"x.scrip.{kind}"}
    assert item.tag == 18 and unprotected == {} and strict(protected) == header, "envelope"
    message = ["Signature1", protected, f"scrip/v1/{kind}".encode(), payload]
    Ed25519PublicKey.from_public_bytes(key).verify(signature, cbor2.dumps(message))
    return strict(payload)

def certified(data, above, role):
    fields = opened(data, "certificate", above)
    assert fields[-70001] == role, "another role"
    return fields, fields[8][1][-2]

def check(data, root):
    proof, root = strict(data), strict(strict(root).value[2])[8][1][-2]
    assert set(proof) <= {1, 2, 3, 4, 5, 6} and not {3, 4} <= set(proof), "fields"
    store, issuer, *rest = proof[1]
    assert len(rest) < 2 and all(certified(last, root, 0) for last in rest), "chain"
    _, issuer = certified(issuer, root, 1)
    (store, key), kind, rekey, same = certified(store, issuer, 2), "store-entry", {2: -1}, (3, 1)
    whose = store[-70003][1]
    if 2 in proof:
        medium, kind, same = opened(proof[2], "medium-certificate", key), "record", (1, 2)
        assert medium[-70012] == whose, "another store's medium"
        whose, key = medium[-70010], medium[8][1][-2]
    if 3 in proof:
        rekey = opened(proof[3], "record", key)
        numbers = rekey[1].to_bytes(8, "big") + rekey[2].to_bytes(8, "big")
        new = rekey[8][1]
        message = b"scrip/v1/rekey" + numbers + rekey[3] + key + new
        Ed25519PublicKey.from_public_bytes(new).verify(rekey[8][2], message)
        assert rekey[1] == whose and rekey[8][0] == 18, "another medium's rekey"
        key = new
    if 4 in proof:
        settler = certified(proof[4][2], issuer, 3)[1]
        settled = opened(proof[4][1], "checkpoint", settler)
        assert set(proof[4]) == {1, 2} and settled[1] == whose, "another medium's checkpoint"
        key = settled[6]
    one, other = (opened(proof[place], kind, key) for place in (5, 6))
    assert one[same[0]] == other[same[0]] == whose and one != other, "not two of one"
    assert one[same[1]] == other[same[1]] > rekey[2], "not at one place"

def verdict(path, root):
    try:
        check(open(path, "rb").read(), root)
    except Exception as error:
        return f"bad {type(error).__name__} {error}"
    return "good"

root = open(sys.argv[1], "rb").read()
for path in sys.argv[2:]:
    print(verdict(path, root))
