"""Read a whole medium: tables, volumes, hash tree, seals, slots, access key, journal."""

import struct
from pathlib import Path

import derive
import journal
import papers
import sealed_items
import signed
from fat_volume import DIRECTORY, READ_ONLY, Volume
from mounted_tree import Tree
from signed import Trust, key_of, sha256
from strict_cbor import unpad

SLOTS = {
    "/SCRIP/MEDIUM/CERT.CBR": 8 << 10, "/SCRIP/MEDIUM/POLICY.CBR": 4 << 10,
    "/SCRIP/MEDIUM/REVOKED.CBR": 16 << 10, "/SCRIP/MEDIUM/SHEETS.CBR": 8 << 10,
    "/SCRIP/MEDIUM/USER.CBR": 4 << 10,
}
MANIFEST = "/SCRIP/MANIFEST.CBR"
CATALOGUE = "/SCRIP/CATALOG.CBR"
CERTIFICATE = "/SCRIP/MEDIUM/CERT.CBR"
RESERVE = "/SCRIP/RESERVE."
OUTBOX = "/SCRIP/OUTBOX/"
PARTS = ["rom", "seal", "ram"]


class Wrong(Exception):
    """Something on the medium is not what the specification or a signature says."""


def need(holds, what):
    """Stop where something doesn't hold."""
    if not holds:
        raise Wrong(what)


def read(path, trust_path=None, allow_test=False):
    """Everything that was found and verified, as plain values."""
    data = memoryview(Path(path).read_bytes())
    place = stated_parts(data)
    volume = Volume(data[slice(*place["rom"])])
    found = read_only(volume, trust_path, allow_test)
    check_volume(volume, found["files"])
    by_store = medium_seal(data[slice(*place["seal"])], found["files"], volume, found["walk"])
    slots = read_slots(volume, found["files"], found["walk"], found["edition"], by_store)
    check_layout(data, place, found["manifest"], slots["certificate"])
    root = check_seals(data, place, volume, found, slots, by_store["seal"])
    writable = read_writable(data[slice(*place["ram"])], found["manifest"], slots)
    return {"root": root.hex(), **facts(found, slots), **writable}


def read_mounted(path, trust_path=None, allow_test=False):
    """The same of two folders, ROM and RAM, that show a medium's files: without seals."""
    rom, ram = Tree(Path(path) / "ROM"), Tree(Path(path) / "RAM")
    found = read_only(rom, trust_path, allow_test)
    slot = signed.plain(unpad(content(rom, found["files"], CERTIFICATE)), "certificate-slot")
    by_store = {"store": found["walk"](slot["chain"])}
    slots = read_slots(rom, found["files"], found["walk"], found["edition"], by_store)
    files = {path: facts for path, *facts in ram.walk()}
    held = {name: [content(ram, files, f"/SCRIP/{name}.{copy}") for copy in "AB"]
            for name in kept_beside(found["manifest"]["shape"])}
    need(len(held["JOURNAL"][0]) == found["manifest"]["shape"]["journal"], "size of the journal")
    held["OUTBOX"] = outbox(ram, files)
    return {**facts(found, slots), **judge(held, slots)}


def read_only(volume, trust_path, allow_test):
    """What the signed manifest of a read-only area says, its files held against it."""
    roots = [signed.read_root(Path(trust_path).read_bytes())] if trust_path else []
    trust = Trust(roots, allow_test=allow_test)
    files = {path: facts for path, *facts in volume.walk()}
    edition, manifest, signer, anchor = read_manifest(volume, files, trust)
    check_files(volume, files, manifest)
    items = check_items(volume, files, manifest, signer)
    return {"files": files, "edition": edition, "manifest": manifest, "signer": signer,
            "anchor": anchor, "items": items, "walk": rooted(trust, anchor["fingerprint"])}


def facts(found, slots):
    """What there is to tell of a read-only area."""
    certificate, manifest = slots["certificate"], found["manifest"]
    return {
        "medium": f"{certificate['medium']:012}",
        "edition": found["edition"].hex(),
        "name": manifest["name"],
        "root_certificate": found["anchor"],
        "files": len(manifest["files"]),
        "items": found["items"],
        "store": certificate["store"],
        "currency": certificate["currency"],
        "sheets": [sheet.hex() for sheet in slots["sheets"]],
        "policy": slots["policy"]["number"],
        "sold": slots["user"].get("sold"),
    }


def open_items(path, secret_path):
    """Of each sealed item on a medium the length and SHA-256 of what the secret opens."""
    data = memoryview(Path(path).read_bytes())
    volume = Volume(data[slice(*stated_parts(data)["rom"])])
    files = {path: facts for path, *facts in volume.walk()}
    secret = signed.plain(Path(secret_path).read_bytes(), "key-file")
    need(secret["role"] == "edition-secret", "not an edition's secret")
    offered = signed.plain(content(volume, files, CATALOGUE), "catalogue")
    need(offered["secret"] == sealed_items.secret_id(secret["key"]), "another secret")
    opened = {}
    for item in (item for item in offered["items"] if "content" in item):
        key = sealed_items.item_key(secret["key"], item["id"], item["content"])
        plain = sealed_items.unseal(key, content(volume, files, item["path"]))
        need(sha256(plain) == item["content"], f"content of {item['id']}")
        opened[item["id"]] = {"bytes": len(plain), "content": item["content"].hex()}
    return opened


def stated_parts(data):
    """The three partitions that the primary table states, as byte ranges."""
    need(bytes(data[512:520]) == b"EFI PART", "no partition table")
    place = {}
    for number, part in enumerate(PARTS):
        first, last = struct.unpack_from("<QQ", data, 1024 + 128 * number + 32)
        place[part] = first * 512, (last + 1) * 512
        need(first * 512 % derive.MIB == 0 and place[part][1] <= len(data), f"place of {part}")
    return place


def rooted(trust, root_print):
    """Walks a store's chain, which has to end in the manifest's root."""
    def walk(chain):
        role, store, issuer, root, _ = trust.signer(chain)
        need(role == "store", f"a {role} where a store has to sign")
        need(signed.fingerprint(key_of(root)) == root_print, "a store under another root")
        return {"key": key_of(store), "issuer": key_of(issuer), "grant": store["grant"]}
    return walk


def medium_seal(partition, files, volume, walk):
    """The medium seal and the store that signed it."""
    raw = unpad(bytes(partition[-derive.SEAL_SLOT:]))
    slot = signed.plain(unpad(content(volume, files, CERTIFICATE)), "certificate-slot")
    claimed = signed.unverified(raw, "medium-seal")
    store = walk(claimed.get("chain", slot["chain"]))
    seal = signed.verified(raw, "medium-seal", store["key"])
    need(seal["store"] == store["grant"]["store"], "the seal names another store")
    return {"seal": seal, "store": store}


def content(volume, files, path):
    """A file's bytes."""
    need(path in files, f"{path} is missing")
    _, first, size = files[path]
    return volume.content(first, size)


def read_manifest(volume, files, trust):
    """(edition, manifest, rom-signer's key, where its chain ends)."""
    outer = signed.plain(unpad(content(volume, files, MANIFEST)), "signed-manifest")
    role, signer, _, root, pinned = trust.signer(outer["chain"])
    need(role == "rom-signer", f"the manifest is signed by a {role}")
    manifest = signed.verified(outer["manifest"], "manifest", key_of(signer))
    edition = sha256(signed.envelope(outer["manifest"], "manifest")[1])
    anchor = {"fingerprint": signed.fingerprint(key_of(root)), "pinned": pinned}
    return edition, manifest, key_of(signer), anchor


def check_volume(volume, files):
    """Both FATs are alike, and every file is read-only."""
    need(volume.fats_agree, "the two FATs of the read-only volume differ")
    for path, (attributes, _, _) in files.items():
        need(attributes & (DIRECTORY | READ_ONLY), f"{path} is not read-only")


def check_files(volume, files, manifest):
    """There are the manifest's files, the reserve, and nothing else."""
    stated = {path: (size, rest) for path, size, *rest in manifest["files"]}
    need(list(stated) == sorted(stated, key=str.encode), "the manifest's paths are in order")
    found = {path for path, facts in files.items() if not facts[0] & DIRECTORY}
    reserve = {path for path in found if path.startswith(RESERVE)}
    need(found - reserve == set(stated), f"files {sorted(found - reserve ^ set(stated))}")
    for path in reserve:
        need(not any(content(volume, files, path)), f"{path} is not zero")
    for path, (size, root) in stated.items():
        need(files[path][2] == size, f"size of {path}")
        need(bool(root) == (path != MANIFEST and path not in SLOTS), f"root of {path}")
        if root:
            own = derive.leaves(content(volume, files, path))
            need(derive.file_root(own) == root[0], f"content of {path}")


def check_items(volume, files, manifest, signer):
    """The ids of the signed items, which follow from catalogue and manifest."""
    outer = signed.plain(unpad(content(volume, files, MANIFEST)), "signed-manifest")
    found = [signed.verified(raw, "item", signer) for raw in outer.get("items", [])]
    offered = {"items": []}
    if CATALOGUE in files:
        offered = signed.plain(content(volume, files, CATALOGUE), "catalogue")
        need(offered["currency"] == manifest["currency"], "currency of the catalogue")
    roots = {(path, size): rest for path, size, *rest in manifest["files"]}
    expected = []
    for item in offered["items"]:
        path = item.pop("path")
        need(roots.get((path, item["size"])), f"file of item {item['id']}")
        expected.append({**item, "name": path.rsplit("/", 1)[1], "root": roots[path, item["size"]][0],
                         "currency": manifest["currency"]})
    need(found == expected, "the signed items are those of the catalogue")
    need(len({item["id"] for item in found}) == len(found), "ids of items")
    return [item["id"] for item in found]


def read_slots(volume, files, walk, edition, sealed):
    """What is stamped on the medium, verified."""
    held = {}
    for path, size in SLOTS.items():
        raw = content(volume, files, path)
        need(len(raw) == size, f"size of {path}")
        held[path.rsplit("/", 1)[1].split(".")[0]] = unpad(raw)
    slot = signed.plain(held["CERT"], "certificate-slot")
    store = walk(slot["chain"])
    certificate = signed.verified(slot["certificate"], "medium-certificate", store["key"])
    need(certificate["edition"] == edition, "the certificate names another edition")
    for what in ("store", "currency"):
        need(certificate[what] == store["grant"][what], f"the certificate names another {what}")
    last = sealed["store"]
    may = [last["grant"]["store"], *last["grant"].get("refreshes", [])]
    need(certificate["store"] in may, "the store that sealed it may not refresh it")
    sheets = {}
    for raw in signed.plain(held["SHEETS"], "sheet-slot")["sheets"]:
        sheet = signed.verified(raw, "sheet", store["issuer"])
        for what in ("medium", "currency"):
            need(sheet[what] == certificate[what], f"a sheet of another {what}")
        sheets[sheet["id"]] = sheet
    need(len(sheets) <= 2, "more than two sheets")
    user = signed.verified(held["USER"], "user-information", last["key"])
    need(user["medium"] == certificate["medium"], "user information of another medium")
    if held["REVOKED"]:
        signed.verified(held["REVOKED"], "revocation", store["issuer"])
    return {
        "certificate": certificate, "hash": sha256(slot["certificate"]),
        "store_key": store["key"], "issuer": store["issuer"], "sheets": sheets, "user": user,
        "policy": signed.verified(held["POLICY"], "policy", store["issuer"]),
    }


def check_layout(data, place, manifest, certificate):
    """Tables and places are the ones that the shape and the medium's number give."""
    shape = manifest["shape"]
    expected = derive.layout(shape["rom"], shape["ram"], shape["journal"])
    for part in PARTS:
        need(place[part] == expected[part], f"place of {part}")
    need(len(data) >= expected["length"], "the medium is too short")
    names = derive.names(certificate["medium"])
    primary, backup = derive.tables(expected, names, len(data))
    need(bytes(data[:len(primary)]) == primary, "the primary partition table")
    need(bytes(data[-len(backup):]) == backup, "the backup partition table")
    need(not any(data[len(primary):derive.MIB]), "bytes behind the primary table")
    need(not any(data[-derive.MIB:-len(backup)]), "bytes in front of the backup table")
    serial, = struct.unpack_from("<I", data, place["rom"][0] + 67)
    need(serial == names["rom-serial"], "serial of the read-only volume")


def check_seals(data, place, volume, found, slots, by_store):
    """Both roots are recomputed; every byte of SEAL is the one that it must be."""
    files, edition, signer = found["files"], found["edition"], found["signer"]
    rom, seal = data[slice(*place["rom"])], bytes(data[slice(*place["seal"])])
    own = derive.leaves(rom)
    root, stored = derive.stored_tree(own, edition)
    ends = len(seal) - 2 * derive.SEAL_SLOT, len(seal) - derive.SEAL_SLOT
    need(seal[:len(stored)] == stored, "the stored hash tree")
    need(not any(seal[len(stored):ends[0]]), "bytes behind the hash tree")
    by_press = signed.verified(unpad(seal[ends[0]:ends[1]]), "edition-seal", signer)
    certificate = slots["certificate"]
    length = {part: place[part][1] - place[part][0] for part in PARTS}
    unstamped = unstamped_root(bytearray(rom), own, volume, files)
    need(by_press == {"edition": edition, "root": unstamped, "rom": length["rom"]}, "edition seal")
    stated = {name: by_store[name] for name in by_store if name not in ("at", "chain")}
    need(stated == {
        "medium": certificate["medium"], "edition": edition, "certificate": slots["hash"],
        "root": root, "store": by_store["store"], **length,
    }, "medium seal")
    return root


def unstamped_root(rom, own, volume, files):
    """The root with the slots and the volume serial zero."""
    stamped = [(67, 4), (6 * 512 + 67, 4)]
    stamped += [(volume.offset(files[path][1]), size) for path, size in SLOTS.items()]
    own = list(own)
    for at, size in stamped:
        rom[at:at + size] = bytes(size)
    for at, size in stamped:
        for block in range(at // derive.BLOCK, -(-(at + size) // derive.BLOCK)):
            own[block] = sha256(rom[block * derive.BLOCK:(block + 1) * derive.BLOCK])
    while len(own) > 1:
        own = derive.parents(own)
    return own[0]


def read_writable(ram, manifest, slots):
    """Access key, journal and OUTBOX of the writable volume, each at its place."""
    volume = Volume(ram)
    files = {path: facts for path, *facts in volume.walk()}
    shape = manifest["shape"]
    place = derive.layout(shape["rom"], shape["ram"], shape["journal"])
    sizes = {"access": derive.ACCESS_BYTES, "journal": shape["journal"], "ring": derive.RING_BYTES}
    sizes |= {"papers": papers.FILE_BYTES} if "papers" in shape else {}
    held = {name.upper(): [] for name in sizes}
    for number, copy in enumerate("AB"):
        for name, size in sizes.items():
            path = f"/SCRIP/{'ITEMS' if name == 'ring' else name.upper()}.{copy}"
            need(path in files and files[path][2] == size, f"size of {path}")
            chain, at = volume.chain(files[path][1]), place[name][number]
            need(volume.offset(chain[0]) == at, f"place of {path}")
            need(chain == list(range(chain[0], chain[0] + len(chain))), f"{path} is in pieces")
            held[name.upper()].append(bytes(ram[at:at + size]))
    return judge({**held, "OUTBOX": outbox(volume, files)}, slots)


def kept_beside(shape):
    """The names of the files that stand in two copies, but for the ring."""
    return ("ACCESS", "JOURNAL") + (("PAPERS",) if "papers" in shape else ())


def outbox(volume, files):
    """The files of the OUTBOX by their names."""
    inside = [path for path in files if path.startswith(OUTBOX) and not files[path][0] & DIRECTORY]
    return {path[len(OUTBOX):]: content(volume, files, path) for path in inside}


def judge(held, slots):
    """What the journal comes to, and whose key it is."""
    certificate, copies = slots["certificate"], held["JOURNAL"]
    kept = papers.read(held.get("PAPERS", []), certificate, slots["issuer"])
    slots = {**slots, "sheets": {**{sheet["id"]: sheet for sheet in kept["sheets"]},
                                 **slots["sheets"]},
             "later": {policy["number"]: hashed for policy, hashed in kept["policies"]}}
    found = journal.read(copies)
    stores = {signed.key_id(slots["store_key"]): slots["store_key"]}
    entries, state = journal.fold(found, certificate, slots, stores)
    need(state["key"] in access_keys(held["ACCESS"]), "no access key is the journal's holder key")
    older = journal.older(held["OUTBOX"], copies, found, certificate, slots, stores)
    return {"generation": found["generation"], "copies_agree": not found["lacking"],
            "papers": papers.told(kept), "records": entries, "older": older, **journal.sums(state)}


def access_keys(files):
    """The holder keys of all filled slots of both access files."""
    keys = set()
    for file in files:
        for at in range(0, derive.ACCESS_BYTES, 4096):
            slot = unpad(file[at:at + 4096])
            if slot:
                keys.add(signed.plain(slot, "access-slot")["key"])
    return keys
