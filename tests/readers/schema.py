"""The fields of every object, as SPEC.md lists them: map keys, types, what may be left out."""

import unicodedata

import curve
from strict_cbor import Refused

AMOUNT_MAX = 10**12
TIME_MAX = 253_370_764_799
TEXT_BYTES_MAX = 1024
CHAIN_MAX = 3


def wrong(reason):
    """The refusal of a field."""
    return Refused("field", reason)


def uint(most, least=0):
    """An integer within bounds."""
    def check(value):
        if type(value) is not int or not least <= value <= most:
            raise wrong(f"{value!r} is no integer from {least} to {most}")
        return value
    return check


def octets(length=None):
    """A byte string, of one length if given."""
    def check(value):
        if type(value) is not bytes or length not in (None, len(value)):
            raise wrong(f"no byte string of {length} bytes")
        return value
    return check


def text(value):
    """Text without control characters."""
    if type(value) is not str or len(value.encode()) > TEXT_BYTES_MAX:
        raise wrong("no text of at most 1024 bytes")
    if any(unicodedata.category(letter) == "Cc" for letter in value):
        raise wrong("control characters")
    return value


def array(of, most=None):
    """A list of one type."""
    def check(value):
        if type(value) is not list or (most is not None and len(value) > most):
            raise wrong("no array, or too long")
        return [of(item) for item in value]
    return check


def row(*types, optional=0):
    """An array of given types; the last `optional` of them may be missing."""
    def check(value):
        if type(value) is not list or not len(types) - optional <= len(value) <= len(types):
            raise wrong("no array of that length")
        return [of(item) for of, item in zip(types, value)]
    return check


def record(fields):
    """A map: key -> (name, type), a name that ends in "?" may be left out."""
    def check(value):
        if type(value) is not dict:
            raise wrong("no map")
        result = {}
        for key, (name, of) in fields.items():
            plain = name.rstrip("?")
            if key in value:
                try:
                    result[plain] = of(value[key])
                except Refused as refusal:
                    raise Refused(refusal.kind, f"{plain}: {refusal}") from None
            elif plain == name:
                raise wrong(f"{name} is missing")
        if len(value) != sum(key in value for key in fields):
            raise wrong("unknown keys")
        return result
    return check


def medium_number(value):
    """Twelve digits that leave 1 when divided by 97, as ISO 7064 mod 97-10 has it."""
    number = uint(10**12 - 1)(value)
    if number % 100 != 98 - number // 100 % 97 * 100 % 97:
        raise wrong("check digits")
    return number


def currency(value):
    """Three capital letters."""
    if len(text(value)) != 3 or not all("A" <= letter <= "Z" for letter in value):
        raise wrong("no currency code")
    return value


def public_key(value):
    """An Ed25519 key that is a canonical point of the prime-order group."""
    if not curve.is_sound_key(octets(32)(value)):
        raise wrong("no sound public key")
    return value


def digits(value):
    """Sixteen ASCII digits."""
    if not all(0x30 <= byte <= 0x39 for byte in octets(16)(value)):
        raise wrong("not digits")
    return value


def body(value):
    """What a record carries: one of the forms below."""
    form = value.get(0) if type(value) is dict else None
    if type(form) is not int or form not in BODIES:
        raise wrong("no known form of body")
    return BODIES[form](value)


u8, u32, u64 = uint(255), uint(2**32 - 1), uint(2**64 - 1)
i64 = uint(2**63 - 1, -(2**63))
amount, time, store = uint(AMOUNT_MAX), uint(TIME_MAX), uint(999_999, 1)
digest, ident = octets(32), octets(16)
chain = array(octets(), CHAIN_MAX)

_cose_key = record({1: ("kty", uint(1, 1)), -1: ("crv", uint(6, 6)), -2: ("x", public_key)})
confirmation = record({1: ("cose_key", _cose_key)})



def partner(value):
    """A medium [0, number] or a store [1, number]."""
    kind, _ = row(uint(1), uint(10**12))(value)
    return [kind, (medium_number, store)[kind](value[1])]


_terms = record({
    1: ("transfer", ident), 2: ("entry", digest), 3: ("price", amount), 4: ("length", u64),
    5: ("share_ppm", u32),
})
_got = {0: ("form", u64), 1: ("transfer", ident), 2: ("got", u64)}
_bare = {0: ("form", u64)}
_voucher = {**_bare, 1: ("voucher", octets()), 2: ("certificate?", octets())}
_settled = {**_bare, 1: ("checkpoint", octets()), 2: ("certificate", octets())}

BODIES = {
    0: record({**_bare, 1: ("certificate", digest)}),
    1: record({**_bare, 1: ("sheet", ident), 2: ("slot", u8), 3: ("secret", digits)}),
    2: record(_voucher),
    3: record({**_bare, 1: ("store", store), 2: ("receipt", u64), 3: ("price?", amount)}),
    4: record(_bare),
    5: record(_bare),
    6: record({**_bare, 1: ("pin?", digest)}),
    7: record({**_bare, 1: ("terms", _terms), 2: ("partner", partner), 3: ("before", u64)}),
    8: record(_got),
    9: record(_got),
    10: record({
        **_bare, 1: ("terms", _terms), 2: ("partner", partner), 3: ("before", u64),
        4: ("start", digest), 5: ("key", public_key),
    }),
    11: record(_got),
    12: record(_got),
    13: record({**_bare, 1: ("receipt", octets())}),
    14: record(_settled),
    15: record({**_bare, 1: ("number", u64), 2: ("hash", digest)}),
    16: record({**_bare, 1: ("cause", uint(3)), 2: ("subject?", digest)}),
    17: record({**_settled, 3: ("settled_since", array(ident))}),
    18: record({**_bare, 1: ("key", public_key), 2: ("proof", octets(64))}),
    19: record({**_voucher, 3: ("refunded", ident)}),
}

_open = record({
    1: ("transfer", ident), 2: ("start", digest), 3: ("reserved", amount), 4: ("covered", u64),
})
_used_slots = record({1: ("sheet", ident), 2: ("slots", octets(13))})
_settled = record({
    1: ("checkpoint", octets()), 2: ("certificate", octets()), 3: ("starts", array(octets(), 16)),
})
_since = record({1: ("number", u64), 2: ("events", digest)})
_used_voucher = record({1: ("id", ident), 2: ("seq", u64), 3: ("at", time)})
_grant = record({
    1: ("store", store), 2: ("seal_key", octets(32)), 3: ("currency", currency),
    4: ("quota", amount), 5: ("single_max", amount), 6: ("serial_first", u64),
    7: ("serial_last", u64), 8: ("refreshes?", array(store)),
})
_shape = record({
    1: ("rom", u64), 2: ("ram", u64), 3: ("rom_label", text), 4: ("ram_label", text),
    5: ("ram_kind", uint(1)), 6: ("journal", u64), 7: ("papers?", uint(1, 1)),
})
_unsold = record({1: ("sheet", ident), 2: ("slots", octets(13))})
_unsold_kit = record({
    1: ("kit", ident), 2: ("sheets", uint(2**32 - 1)), 3: ("slots", octets(13)), 4: ("sold?", octets()),
})
_revoked_store = record({
    1: ("store", store), 2: ("serial_cut", u64), 3: ("head?", digest),
    4: ("unsold", array(_unsold)), 5: ("kits", array(_unsold_kit)),
})
_destination = record({1: ("name", text), 2: ("url", text), 3: ("pin?", digest)})
_item = record({
    1: ("id", text), 2: ("title", text), 3: ("title_ja?", text), 4: ("kind", uint(4)),
    5: ("path", text), 6: ("size", u64), 7: ("price", amount), 8: ("rights_holder", text),
    9: ("content?", digest),
})
_run = record({1: ("count", u32), 2: ("amount", amount)})
_code = record({1: ("slot", u8), 2: ("secret", digits)})
_blank = record({1: ("medium", medium_number), 2: ("sheet", octets()), 3: ("codes", array(_code))})
_history = record({
    1: ("event", ident), 2: ("at", time), 3: ("kind", uint(18)), 4: ("partner", text),
    5: ("content?", text), 6: ("link?", ident),
})
_accounting = record({
    1: ("event", ident), 2: ("at", time), 3: ("amount", i64), 4: ("balance_after", amount),
    5: ("partner", text), 6: ("reason", text),
})
_burn = record({
    1: ("edition", digest), 2: ("certificate", digest), 3: ("root", digest), 4: ("target", text),
    5: ("hardware?", text), 6: ("label?", u64),
})
_value = record({
    1: ("amount", amount), 2: ("currency", currency), 3: ("sheet?", ident), 4: ("slot?", u8),
    5: ("serial?", u64),
})
_cost = record({1: ("memory_kib", u32), 2: ("passes", u32), 3: ("lanes", u32)})

_class_sum = record({1: ("class", uint(23)), 2: ("count", u64), 3: ("amount", i64)})
_row = record({1: ("number", u64), 2: ("hash", digest), 3: ("seq?", u64), 4: ("head", digest)})
_side = record({1: ("what", text), 2: ("hash", digest), 3: ("bytes?", octets())})
_finding = record({
    1: ("id", ident), 2: ("class", uint(23)), 3: ("medium?", medium_number), 4: ("store?", store),
    5: ("seq?", u64), 6: ("amount", i64), 7: ("sides", array(_side)), 8: ("rule", text),
    9: ("owner", text), 10: ("stake?", amount),
    11: ("decided?", record({
        1: ("verdict", uint(2)), 2: ("at", time), 3: ("text", text), 4: ("by", array(text)),
    })),
})
_account = record({1: ("kind", uint(9, 1)), 2: ("number?", u64), 3: ("name?", text)})
_move = record({1: ("debit", _account), 2: ("credit", _account), 3: ("amount", amount)})
_event = record({1: ("event", ident), 2: ("amount", i64), 3: ("effect", uint(4))})
_held = record({1: ("seq", u64), 2: ("hash", digest)})
_fork = record({1: ("seq", u64), 2: ("one", digest), 3: ("other", digest), 4: ("by", uint(2))})

OBJECTS = {
    "certificate": record({
        1: ("issuer", text), 2: ("subject", text), 4: ("expires", time), 6: ("issued", time),
        7: ("id", ident), 8: ("key", confirmation), -70001: ("role", uint(5)),
        -70002: ("purpose", uint(1)), -70003: ("grant?", _grant),
    }),
    "enrol-request": record({
        1: ("name", text), 2: ("key", public_key), 3: ("seal_key", octets(32)), 4: ("made", time),
    }),
    "policy": record({
        1: ("number", u64), 2: ("issued", time), 3: ("currencies", array(row(currency, uint(4)))),
        4: ("balance_max", amount), 5: ("topup_max", amount), 6: ("offline_cap", amount),
        7: ("offline_count", u32), 8: ("starter_cap", amount), 9: ("starter_count", u32),
        10: ("debt_cap", amount), 11: ("rounds_min", u32), 12: ("chunk", u64),
        13: ("share_ppm", u32), 14: ("decide_alone?", amount),
    }),
    "revocation": record({
        1: ("number", u64), 2: ("issued", time), 3: ("media", array(medium_number)),
        4: ("sheets", array(ident)), 5: ("stores", array(_revoked_store)),
    }),
    "manifest": record({
        1: ("name", text), 2: ("layout", u64), 3: ("shape", _shape),
        4: ("files", array(row(text, u64, digest, optional=1))), 5: ("currency", currency),
    }),
    "edition-seal": record({1: ("edition", digest), 2: ("root", digest), 3: ("rom", u64)}),
    "medium-seal": record({
        1: ("medium", medium_number), 2: ("edition", digest), 3: ("certificate", digest),
        4: ("root", digest), 5: ("rom", u64), 6: ("seal", u64), 7: ("ram", u64),
        8: ("store", store), 9: ("at", time), 10: ("chain?", chain),
    }),
    "medium-certificate": record({
        1: ("issuer", text), 6: ("issued", time), 8: ("key", confirmation),
        -70010: ("medium", medium_number), -70011: ("edition", digest), -70012: ("store", store),
        -70013: ("serial", u64), -70014: ("sheets", array(ident)), -70015: ("currency", currency),
        -70016: ("hardware?", text),
    }),
    "user-information": record({
        1: ("medium", medium_number), 2: ("user", octets(8)), 3: ("store", store),
        4: ("store_name", text), 5: ("sold?", time), 6: ("owner?", text),
    }),
    "sheet": record({
        1: ("id", ident), 2: ("medium", medium_number), 3: ("currency", currency),
        4: ("rounds", u32), 5: ("runs", array(_run)), 6: ("commitments", octets()),
        7: ("issued", time),
    }),
    "kit": record({
        1: ("id", ident), 2: ("store", store), 3: ("currency", currency), 4: ("issued", time),
        5: ("blanks", array(_blank)), 6: ("policy", octets()), 7: ("revocation?", octets()),
    }),
    "voucher": record({
        1: ("id", ident), 2: ("medium", medium_number), 3: ("amount", amount),
        4: ("currency", currency), 5: ("store", store), 6: ("serial", u64), 7: ("issued", time),
        8: ("expires", time),
    }),
    "store-entry": record({
        1: ("seq", u64), 2: ("prev", digest), 3: ("store", store), 4: ("at", time),
        5: ("event", uint(8)), 6: ("medium", medium_number), 7: ("burn?", _burn),
        8: ("value?", _value), 9: ("price?", amount), 10: ("voids?", u64),
    }),
    "record": record({
        1: ("medium", medium_number), 2: ("seq", u64), 3: ("prev", digest), 4: ("floor", time),
        5: ("instance", octets(8)), 6: ("history", _history), 7: ("accounting?", _accounting),
        8: ("body", body),
    }),
    "checkpoint": record({
        1: ("medium", medium_number), 2: ("number", u64), 3: ("prev", digest), 4: ("seq", u64),
        5: ("head", digest), 6: ("holder", public_key), 7: ("settled", amount),
        8: ("provisional", amount), 9: ("debt", amount), 10: ("open", array(_open, 16)),
        11: ("slots", array(_used_slots, 2)), 12: ("vouchers", array(_used_voucher, 48)),
        13: ("counted", array(ident, 48)), 14: ("cleared", array(digest, 16)),
        15: ("exceptions", array(digest, 16)), 16: ("policy", u64), 17: ("revocation", u64),
        18: ("as_of", time), 19: ("settled_since?", _since), 20: ("attachments", array(digest, 8)),
    }),
    "receipt": record({
        1: ("medium", medium_number), 2: ("transfer", ident), 3: ("start", u64),
        4: ("partner", partner), 5: ("before", u64), 6: ("got", u64),
    }),
    "funding": record({
        1: ("certificate", octets()), 2: ("chain", chain), 3: ("policies", array(octets(), 4)),
        4: ("sheets", array(octets(), 2)), 5: ("revocation?", octets()), 6: ("settled?", _settled),
        7: ("records", array(octets())),
    }),
    "offer": record({
        1: ("store", store), 2: ("name", text), 3: ("issued", time), 4: ("currency", currency),
        5: ("entries", array(digest, 512)),
    }),
    "settings": record({
        1: ("language", text), 2: ("currency", currency), 3: ("exponent", u8),
        4: ("destinations", array(_destination)), 5: ("display", array(text)),
    }),
    "catalogue": record({
        1: ("currency", currency), 2: ("items", array(_item)), 3: ("secret?", ident),
    }),
    "item": record({
        1: ("id", text), 2: ("title", text), 3: ("title_ja?", text), 4: ("kind", uint(4)),
        5: ("name", text), 6: ("size", u64), 7: ("price", amount), 8: ("rights_holder", text),
        9: ("content?", digest), 10: ("currency", currency), 11: ("root", digest),
    }),
    "package": record({1: ("item", octets()), 2: ("chain", chain)}),
    "access-slot": record({
        1: ("generation", u64), 2: ("key", public_key), 3: ("cost", _cost), 4: ("salt", octets(16)),
        5: ("nonce", octets(12)), 6: ("sealed", octets()),
    }),
    "sealed-secret": record({1: ("store", store), 2: ("sealed", octets())}),
    "item-key": record({
        1: ("root", digest), 2: ("nonce", octets(12)), 3: ("sealed", octets()), 4: ("check", u32),
    }),
    "sealed-kit": record({1: ("store", store), 2: ("chain", chain), 3: ("sealed", octets())}),
    "key-file": record({
        1: ("role", text), 2: ("cost?", _cost), 3: ("salt?", octets(16)), 4: ("nonce?", octets(12)),
        5: ("key", octets()),
    }),
    "edition-header": record({
        1: ("format", text), 2: ("version", u64), 3: ("edition", digest),
        4: ("manifest_offset", u64), 5: ("manifest_bytes", u64), 6: ("shape", _shape),
    }),
    "chain": chain,
    "certificate-slot": record({1: ("certificate", octets()), 2: ("chain", chain)}),
    "sheet-slot": record({1: ("sheets", array(octets()))}),
    "signed-manifest": record({
        1: ("manifest", octets()), 2: ("chain", chain), 3: ("items?", array(octets())),
    }),
    "voucher-file": record({1: ("voucher", octets()), 2: ("chain", chain)}),
    "plan-head": record({
        1: ("version", u64), 2: ("as_of", time), 3: ("currency", currency), 4: ("base", digest),
    }),
    "plan-tail": record({
        1: ("entries", u64), 2: ("postings", u64), 3: ("classes", array(_class_sum)),
        4: ("moved", u64), 5: ("digest", digest),
    }),
    "papers": record({
        1: ("generation", u64), 2: ("policies", array(octets(), 3)), 3: ("sheets", array(octets(), 4)),
        4: ("revocation?", octets()), 5: ("check", digest),
    }),
    "decision": record({
        1: ("finding", ident), 2: ("class", uint(23)), 3: ("medium?", medium_number),
        4: ("number", u64), 5: ("hash", digest), 6: ("stake", amount), 7: ("verdict", uint(2)),
        8: ("text", text), 9: ("at", time),
    }),
    "decision-file": record({
        1: ("signed", array(record({1: ("decision", octets()), 2: ("chain", chain)}), 2)),
    }),
    "fork-proof": record({
        1: ("chain", chain), 2: ("certificate?", octets()), 3: ("rekey?", octets()),
        4: ("holder?", record({1: ("checkpoint", octets()), 2: ("certificate", octets())})),
        5: ("one", octets()), 6: ("other", octets()),
    }),
    "checkpoint-file": record({
        1: ("checkpoint", octets()), 2: ("chain", chain), 3: ("settled_since?", array(ident, 1024)),
        4: ("attachments", array(octets(), 8)),
    }),
}

OBJECTS["plan-entry"] = record({
    1: ("medium?", medium_number), 2: ("before?", _row), 3: ("findings", array(_finding)),
    4: ("posting?", record({
        1: ("checkpoint", OBJECTS["checkpoint"]), 2: ("store_loss", amount),
        3: ("events", array(_event)), 4: ("rekey?", u64), 5: ("key?", public_key),
        6: ("first?", u64), 7: ("held", array(_held)), 8: ("forks", array(_fork)),
        9: ("moves", array(_move)), 10: ("settled_since", array(ident)),
    })),
})

_KIB = 1 << 10
_LIMITS = {
    "manifest": (16 << 20, 512 * _KIB), "signed-manifest": (16 << 20, 512 * _KIB),
    "kit": (64 << 20, 8 << 20), "sealed-kit": (64 << 20, _KIB),
    "catalogue": (1 << 20, 128 * _KIB), "revocation": (16 * _KIB, 4 * _KIB),
    "sheet": (4 * _KIB, _KIB), "policy": (4 * _KIB, _KIB), "user-information": (4 * _KIB, _KIB),
    "access-slot": (4 * _KIB, _KIB), "settings": (8 * _KIB, _KIB), "chain": (8 * _KIB, _KIB),
    "certificate-slot": (8 * _KIB, _KIB), "sheet-slot": (8 * _KIB, _KIB),
    "medium-seal": (8 * _KIB, _KIB), "record": (4 * _KIB, _KIB),
    "checkpoint": (3 * _KIB, _KIB), "edition-header": (64 * _KIB, _KIB),
    "funding": (1 << 20, 4 * _KIB), "offer": (20 * _KIB, _KIB),
    "checkpoint-file": (64 * _KIB, 4 * _KIB), "papers": (64 * _KIB, _KIB),
    "voucher-file": (12 * _KIB, _KIB), "package": (12 * _KIB, _KIB),
    "decision-file": (12 * _KIB, _KIB), "item": (4 * _KIB, _KIB),
    "item-key": (256, _KIB), "fork-proof": (4 * _KIB, _KIB), "plan-entry": (16 << 20, 512 * _KIB),
}


def limits(kind):
    """The most bytes and the most values of a kind."""
    return _LIMITS.get(kind, (2 * _KIB, _KIB))
