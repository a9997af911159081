"""Read every vector of a folder and say where this reader disagrees with what it states."""

import base64
import json
from pathlib import Path

from cryptography.exceptions import InvalidTag

import derive
import journal
import papers
import schema
import sealed_items
import secrets_at_rest as rest
import signed
import store_journal
from signed import ROLES, Trust, sha256
from strict_cbor import Refused, Tagged, decode, unpad


class Disagreement(Exception):
    """What a vector states and what was computed differ."""


def load(path):
    """(headers, bytes) of a vector's file."""
    head, body = path.read_text(encoding="utf-8").split("\n\n", 1)
    return dict(line.split(": ", 1) for line in head.splitlines()), bytes.fromhex(body)


def notation(value):
    """Diagnostic notation (RFC 8949 section 8) on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return f"h'{value.hex()}'"
    if isinstance(value, list):
        return f"[{', '.join(map(notation, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {notation(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def expect(name, found, stated):
    """Refuse to go on where two values differ."""
    if found != stated:
        raise Disagreement(f"{name} is {found}, stated is {stated}")


def read_object(folder, headers, data):
    """The payload and the fields of an object; raises Refused."""
    form = headers["form"]
    if form == "signed":
        fields = signed.verified(data, folder, bytes.fromhex(headers["signer"]))
        return signed.envelope(data, folder)[1], fields
    if form.startswith("slot "):
        expect("length of the slot", len(data), int(form.split()[1]))
        data = unpad(data)
    return data, signed.plain(data, folder)


class Reader:
    """Reads vectors; `cddl` is a validator of payloads, or None."""

    def __init__(self, cddl=None):
        self.cddl = cddl
        self.schemas = {}
        self.cddl_refused = 0

    def read(self, path):
        """One line about a vector; raises Disagreement."""
        headers, data = load(path)
        folder = path.parent.name
        try:
            self.accept(folder, headers, data)
            outcome = "good"
        except Refused as refusal:
            outcome, detail = f"refused {refusal.kind}", str(refusal)
        if outcome != headers["expect"]:
            raise Disagreement(f"{outcome}, stated is {headers['expect']}")
        return outcome if outcome == "good" else detail

    def accept(self, folder, headers, data):
        """Read a vector and hold every stated value against a computed one."""
        if headers["form"] == "derivation":
            derivation(headers, data)
        elif headers["form"] == "trust":
            trust(headers, data)
        elif headers["form"] == "journal":
            two_copies(headers, data)
        elif headers["form"] == "kept-stamp":
            expect("kept stamp", store_journal.kept_stamp(data), headers["gives"])
        else:
            payload, fields = self.read_and_validate(folder, headers, data)
            if headers["expect"] == "good":
                hashes(folder, headers, data, payload)
                try:
                    contents(folder, headers, data, fields)
                except InvalidTag:
                    raise Disagreement("what is sealed doesn't open") from None

    def read_and_validate(self, folder, headers, data):
        """Read an object, and let the CDDL validator see what was accepted."""
        payload, fields = read_object(folder, headers, data)
        if headers["form"] == "signed":
            self.validate("signed", data)
            header = decode(data, *schema.limits(folder)).value[0]
            self.validate("protected-header", header)
        self.validate(folder, payload)
        return payload, fields

    def validate(self, rule, payload):
        """Raise Disagreement if the CDDL doesn't allow what the reader accepted."""
        if self.cddl is None:
            return
        import pycddl
        if rule not in self.schemas:
            self.schemas[rule] = pycddl.Schema(f"start = {rule}\n{self.cddl}")
        try:
            self.schemas[rule].validate_cbor(payload)
        except pycddl.ValidationError as fault:
            raise Disagreement(f"scrip.cddl refuses {rule}: {fault}") from None


def hashes(folder, headers, data, payload):
    """Payload, signed message, whole object and decoded value are as stated."""
    expect("payload", sha256(payload).hex(), headers["payload"])
    expect("value", notation(decode(payload, *schema.limits(folder))), headers["value"])
    if headers["form"] == "signed":
        message = signed.sig_structure(data, folder)
        expect("message", sha256(message).hex(), headers["message"])
        expect("hash", sha256(data).hex(), headers["hash"])


def contents(folder, headers, data, fields):
    """What an object holds or leads to, beyond its own fields."""
    check = {
        "sheet": sheet, "voucher": voucher, "manifest": manifest, "access-slot": access_slot,
        "key-file": key_file, "sealed-kit": sealed_kit, "certificate-slot": certificate_slot,
        "signed-manifest": signed_manifest, "kit": kit, "voucher-file": voucher_file,
        "checkpoint-file": checkpoint_file, "papers": kept_papers,
        "record": record, "receipt": receipt, "funding": funding, "item-key": item_key,
        "sealed-secret": sealed_secret,
    }.get(folder)
    if check:
        check(headers, data, fields)


def sheet(headers, _data, fields):
    """The stated code opens the slot that it names."""
    digits = headers["code"].replace("-", "")
    slot, secret = int(digits[:2]), digits[2:18].encode()
    expect("code", derive.code(slot, secret), headers["code"])
    salt = derive.commitment_salt(fields["medium"], fields["id"], slot)
    expect("salt", salt.hex(), headers["salt"])
    made = derive.commitment(secret, salt, fields["rounds"])
    expect("commitment", made.hex(), headers["commitment"])
    expect("place", made, fields["commitments"][16 * slot:16 * slot + 16])
    expect("event", derive.code_event(fields["medium"], fields["id"], slot).hex(), headers["event"])
    expect("amount", str(slot_amount(fields, slot)), headers["amount"])


def slot_amount(fields, slot):
    """What a slot credits."""
    amounts = [run["amount"] for run in fields["runs"] for _ in range(run["count"])]
    expect("commitments", len(fields["commitments"]), 16 * len(amounts))
    return amounts[slot]


def voucher(headers, _data, fields):
    """Id and event follow from store, serial and medium."""
    expect("id", fields["id"], derive.voucher_id(fields["store"], fields["serial"]))
    event = derive.voucher_event(fields["medium"], fields["id"])
    expect("event", event.hex(), headers["event"])


def voucher_file(headers, data, fields):
    """The store of the chain signed the voucher, within its grant; its text is the stated one."""
    role, store, *_ = Trust([], allow_test=True).signer(fields["chain"])
    expect("role", role, "store")
    own = signed.verified(fields["voucher"], "voucher", signed.key_of(store))
    expect("store", own["store"], store["grant"]["store"])
    expect("currency", own["currency"], store["grant"]["currency"])
    text = "SCRIP:" + base64.b32encode(data).decode().rstrip("=")
    expect("text", text, headers["text"])


def checkpoint_file(_headers, _data, fields):
    """The settler of the chain signed it, and it names what goes with it."""
    role, settler, *_ = Trust([], allow_test=True).signer(fields["chain"])
    expect("role", role, "settler")
    own = signed.verified(fields["checkpoint"], "checkpoint", signed.key_of(settler))
    expect("attachments", [sha256(each) for each in fields["attachments"]], own["attachments"])
    events = fields.get("settled_since")
    if events is not None:
        expect("order", events, sorted(events))
        expect("events", sha256(b"".join(events)), own["settled_since"]["events"])


def kept_papers(_headers, _data, fields):
    """It states that it is whole."""
    expect("check", papers.checked(fields), fields["check"])


def record(headers, _data, fields):
    """The event of a purchase or a start follows from its place; a new key signs for itself."""
    history, body, entry = fields["history"], fields["body"], fields.get("accounting")
    place = fields["medium"], fields["prev"], history["kind"]
    if body["form"] == 4:
        event = derive.placed_event(*place, -entry["amount"], history["content"])
        expect("event", event, entry["event"])
    if body["form"] == 7:
        terms, before = body["terms"], body["before"]
        most = journal.segment(terms, before, terms["length"] - before)[0]
        event = derive.segment_event(*place[:2], most, body, history["content"])
        expect("link", event, history["link"])
    if body["form"] == 18:
        message = journal.rekey_message(fields, bytes.fromhex(headers["signer"]))
        expect("proof", signed.is_signed(body["key"], body["proof"], message), True)
    if entry:
        expect("balance", str(entry["balance_after"]), headers["balance"])
        expect("link", history["link"], entry["event"])


def receipt(headers, _data, fields):
    """The fee's event follows from the receipt."""
    event = derive.earn_event(fields, fields["partner"][1])
    expect("event", event.hex(), headers["event"])


def funding(headers, _data, fields):
    """Folded up to the download-start that it covers: balance and reserve are the stated ones."""
    role, store, issuer, *_ = Trust([], allow_test=True).signer(fields["chain"])
    expect("role", role, "store")
    key = signed.key_of(issuer)
    certificate = signed.verified(
        fields["certificate"], "medium-certificate", signed.key_of(store))
    sheets = [signed.verified(sheet, "sheet", key) for sheet in fields["sheets"]]
    for policy in fields["policies"]:
        signed.verified(policy, "policy", key)
    settled = fields.get("settled")
    if settled is None:
        state = journal.blank(signed.key_of(certificate), sha256(fields["certificate"]))
    else:
        settler = signed.verified(settled["certificate"], "certificate", key)
        checkpoint = signed.verified(settled["checkpoint"], "checkpoint", signed.key_of(settler))
        expect("medium", checkpoint["medium"], certificate["medium"])
        starts = {sha256(start): start for start in settled["starts"]}
        state = journal.anchored(checkpoint, sha256(settled["checkpoint"]), starts)
    stores = {signed.key_id(signed.key_of(store)): signed.key_of(store)}
    by_id = {sheet["id"]: sheet for sheet in sheets}
    journal.follow_on(fields["records"], certificate, by_id, stores, state)
    reserved = sum(known["reserved"] for known in state["transfers"].values())
    expect("balance", str(state["balance"]), headers["balance"])
    expect("reserved", str(reserved), headers["reserved"])


def manifest(headers, data, _fields):
    """The edition is the hash of the payload."""
    expect("edition", sha256(signed.envelope(data, "manifest")[1]).hex(), headers["edition"])


def access_slot(headers, _data, fields):
    """The password opens the slot, and the seed in it makes its key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    aad = rest.access_slot_aad(int(headers["medium"]), fields)
    opened = rest.open_with_password(
        headers["password"].encode(), fields["cost"], fields["salt"], fields["nonce"],
        fields["sealed"], aad,
    )
    expect("opened", opened.hex(), headers["opened"])
    key = Ed25519PrivateKey.from_private_bytes(opened[:32]).public_key().public_bytes_raw()
    expect("key", key, fields["key"])


def sealed_secret(headers, _data, fields):
    """The store's key opens the secret."""
    bound = fields["store"].to_bytes(8, "big")
    opened = rest.hpke_open(
        bytes.fromhex(headers["seal-key"]), signed.domain("sealed-secret"), bound, fields["sealed"],
    )
    expect("opened", opened.hex(), headers["opened"])


def item_key(headers, data, _fields):
    """The slot is whole and the ring key opens it."""
    slot = sealed_items.ring_slot(data)
    expect("whole", slot is not None, True)
    key = sealed_items.open_slot(bytes.fromhex(headers["ring"]), int(headers["medium"]), slot)
    expect("opened", key.hex(), headers["opened"])


def key_file(headers, _data, fields):
    """The passphrase opens the key, or the key lies bare."""
    opened = fields["key"]
    if "cost" in fields:
        aad = signed.domain("key-file") + fields["role"].encode()
        opened = rest.open_with_password(
            headers["password"].encode(), fields["cost"], fields["salt"], fields["nonce"],
            opened, aad,
        )
    expect("opened", opened.hex(), headers["opened"])


def sealed_kit(headers, _data, fields):
    """The store's key opens the kit, which the issuer signed for that store."""
    opened = rest.hpke_open(
        bytes.fromhex(headers["seal-key"]), signed.domain("sealed-kit"),
        derive.wide(fields["store"]), fields["sealed"],
    )
    expect("opened", sha256(opened).hex(), headers["opened"])
    role, issuer, *_ = Trust([], allow_test=True).signer(fields["chain"])
    expect("role", role, "issuer")
    inner = signed.verified(opened, "kit", signed.key_of(issuer))
    expect("store", inner["store"], fields["store"])


def kit(headers, _data, fields):
    """All that a kit carries is signed by the kit's issuer; its codes open their slots."""
    issuer = bytes.fromhex(headers["signer"])
    signed.verified(fields["policy"], "policy", issuer)
    if "revocation" in fields:
        signed.verified(fields["revocation"], "revocation", issuer)
    for blank in fields["blanks"]:
        own = signed.verified(blank["sheet"], "sheet", issuer)
        expect("medium", own["medium"], blank["medium"])
        for code in blank["codes"]:
            salt = derive.commitment_salt(own["medium"], own["id"], code["slot"])
            made = derive.commitment(code["secret"], salt, own["rounds"])
            at = 16 * code["slot"]
            expect("commitment", made, own["commitments"][at:at + 16])


def certificate_slot(_headers, _data, fields):
    """The store of the chain signed the certificate."""
    role, store, *_ = Trust([], allow_test=True).signer(fields["chain"])
    expect("role", role, "store")
    signed.verified(fields["certificate"], "medium-certificate", signed.key_of(store))


def signed_manifest(_headers, _data, fields):
    """The rom-signer of the chain signed the manifest; an unsigned one is a bare manifest."""
    if not fields["chain"]:
        signed.plain(fields["manifest"], "manifest")
        return
    role, signer, *_ = Trust([], allow_test=True).signer(fields["chain"])
    expect("role", role, "rom-signer")
    signed.verified(fields["manifest"], "manifest", signed.key_of(signer))


def trust(headers, data):
    """Walk a chain as the headers say."""
    roots = [signed.read_root(bytes.fromhex(headers["root"]))] if "root" in headers else []
    floor = int(headers["floor"]) if "floor" in headers else None
    allow_test = "test-roots" not in headers
    chain = signed.plain(data, "chain")
    role, _, _, root, pinned = Trust(roots, floor, allow_test).signer(chain)
    print_of = signed.fingerprint(signed.key_of(root))
    where = "the pinned root" if pinned else f"unpinned root {print_of}"
    expect("signer", f"{role} under {where}", headers["gives"])


def two_copies(headers, data):
    """Read a journal's two copies."""
    half = len(data) // 2
    held = journal.read([data[:half], data[half:]])
    told = f"generation {held['generation']}: {firsts(held['records'])}"
    for what, records in (("outside", held["outside"]), ("not counted", held["rival"])):
        if records:
            told += f"; {what} {firsts(records)}"
    lacking = ", ".join(f"{copy} lacks {index}" for index, copy in held["lacking"])
    expect("journal", f"{told}; {lacking or 'copies agree'}", headers["gives"])


def firsts(records):
    """The first bytes of some records."""
    return " ".join(str(record[0]) for record in records)


def derivation(headers, data):
    """Compute what follows and hold it against what is stated."""
    for name, value in DERIVATIONS[headers["what"]](headers).items():
        if isinstance(value, tuple):
            value = " ".join(map(str, value))
        if name == "stored-frame":
            expect(name, value, data)
        else:
            stated = value.hex() if isinstance(value, bytes) else str(value)
            expect(name, stated, headers[name])


def _key(headers):
    key = bytes.fromhex(headers["key"])
    return {"id": signed.key_id(key), "fingerprint": signed.fingerprint(key)}


def _number(headers):
    return {"number": f"{derive.medium_number(int(headers['serial'])):012}"}


def _slot(headers):
    return int(headers["medium"]), bytes.fromhex(headers["sheet"]), int(headers["slot"])


def _code(headers):
    medium, own, slot = _slot(headers)
    secret = derive.code_secret(bytes.fromhex(headers["seal-key"]), medium, own, slot)
    return {"secret": secret.decode(), "code": derive.code(slot, secret),
            "event": derive.code_event(medium, own, slot)}


def _commitment(headers):
    salt = derive.commitment_salt(*_slot(headers))
    made = derive.commitment(headers["secret"].encode(), salt, int(headers["rounds"]))
    return {"salt": salt, "commitment": made}


def _voucher(headers):
    own = derive.voucher_id(int(headers["store"]), int(headers["serial"]))
    return {"id": own, "event": derive.voucher_event(int(headers["medium"]), own)}


def _pattern(count):
    return (bytes(range(251)) * (count // 251 + 1))[:count]


def _file_root(headers):
    return {"root": derive.file_root(derive.leaves(_pattern(int(headers["bytes"]))))}


def _tree(headers):
    edition = bytes.fromhex(headers["edition"])
    own = derive.leaves(_pattern(int(headers["blocks"]) * derive.BLOCK))
    root, stored = derive.stored_tree(own, edition)
    return {"uuid": derive.uuid(edition), "root": root, "superblock": stored[:80],
            "stored-bytes": len(stored), "stored": sha256(stored)}


def _names(headers):
    return derive.names(int(headers["medium"]))


def _layout(headers):
    place = derive.layout(*map(int, headers["shape"].split()[:3]))
    own = derive.names(int(headers["medium"]))
    primary, backup = derive.tables(place, own, place["length"])
    if "papers" not in headers:
        del place["papers"]
    return {**place, "primary-header": primary[512:604], "primary": sha256(primary),
            "backup": sha256(backup)}


def _frame(headers):
    record = bytes.fromhex(headers["record"])
    place = int(headers["generation"]), int(headers["index"]), bytes.fromhex(headers["before"])
    return {"stored-frame": derive.frame(*place, record)}


DERIVATIONS = {
    "key": _key, "medium-number": _number, "code": _code, "commitment": _commitment,
    "voucher": _voucher, "file-root": _file_root, "tree": _tree, "names": _names,
    "layout": _layout, "frame": _frame, "sealed-file": sealed_items.derivation,
}
