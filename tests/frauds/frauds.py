"""Frauds and honest accidents, made of real media with cp, dd, a byte editor and pycose.

    python frauds.py TOOLS FOLDER

Issuer, store and two media are made with the built tools in TOOLS; then FOLDER/cases gets a folder
of evidence for each case. Prints the numbers of the media as JSON. What is to be found is written
by hand beside the test that runs this.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cbor2
from pen import (EARN, INTERRUPTED, PLAY, SLOT_LENGTHS, START, UPLOAD, UPLOADED, Export, Key,
                 derive, framed, holder_key, placed, signed, stolen_key)

MIB = 1 << 20
SHAPE = 44 * MIB, 34 * MIB, MIB
RECIPE = """name = "fair"
schema = 1
release = 1
title = "An edition"
language = "en"
currency = "JPY"
rom_label = "SCRIP-ROM"
ram_label = "SCRIP-RAM"
rom_mib = 44
ram_mib = 34
ram = "rewritable"
journal_mib = 1
files = "rom"
"""
ITEMS = {"poem": 50, "song": 300, "story": 400, "film": 2000, "opera": 2000}
PASSWORD = "a password of one's own"
TRANSFER, ENTRY = b"\5" * 16, b"\6" * 32
TERMS = {1: TRANSFER, 2: ENTRY, 3: 300, 4: 100, 5: 200_000}


class Place:
    """The folder, and the tools as anybody runs them there."""

    def __init__(self, tools, folder):
        self.tools, self.folder = Path(tools).resolve(), Path(folder).resolve()
        self.environment = {
            **os.environ, "SCRIP_SERVER_DIR": "issuer", "SCRIP_STORE_DIR": "shop",
            "SCRIP_LANG": "en", "XDG_CONFIG_HOME": str(self.folder / "config"),
        }
        self.environment.pop("SCRIP_SERVER_RECORDS", None)

    def path(self, *names):
        """A place in the folder."""
        return self.folder.joinpath(*names)

    def run(self, tool, *words, home="home", before=()):
        """What a tool that has to succeed prints."""
        command = [*before, self.tools / tool, *words]
        environment = {**self.environment, "XDG_STATE_HOME": str(self.path(home))}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True,
                              stdin=subprocess.DEVNULL, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{tool} {words}: {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def server(self, *words):
        """scrip-server."""
        return self.run("scrip-server", *words)

    def store(self, *words):
        """scrip-store."""
        return self.run("scrip-store", "--allow-test-root", *words)

    def wallet(self, image, *words, home="home", before=()):
        """scrip-wallet on an image, on one of the computers."""
        return self.run("scrip-wallet", "--medium", image, "--trust", "issuer/trust.cbr",
                        "--allow-test-root", *words, home=home, before=before)

    def spend(self, image, *items, home, before=()):
        """Buy with the real wallet."""
        for item in items:
            self.wallet(image, "buy", item, "--password-file", "own", "--yes", home=home,
                        before=before)

    def export(self, image, home="home"):
        """What the real wallet exports."""
        out = self.path("exported")
        out.unlink(missing_ok=True)
        self.wallet(image, "export", "exported", home=home)
        return out.read_bytes()

    def case(self, name, **files):
        """Lay a case's evidence down."""
        folder = self.path("cases", name)
        folder.mkdir(parents=True)
        for file, data in files.items():
            folder.joinpath(file).write_bytes(data)
        return folder

    def copy(self, image, name):
        """cp, as anybody copies a stick."""
        subprocess.run(["cp", "--sparse=always", self.path(image), self.path(name)], check=True)
        return name


def result(said):
    """The object that a tool prints last."""
    return json.loads(said.splitlines()[-1])


def dd(source, out, *words):
    """dd, from a file to a file."""
    subprocess.run(["dd", f"if={source}", f"of={out}", "status=none", *words], check=True)


def found_shop(place):
    """Issuer, store, edition, two blanks."""
    place.server("init", "issuer", "--name", "Issuer", "--currency", "JPY", "--test",
                 "--no-passphrase")
    place.run("scrip-store", "init", "shop", "--name", "Kiosk", "--no-passphrase")
    place.server("enrol", "shop/request.cbr", "--out", "store.cert")
    place.store("accept", "store.cert", "--trust", "issuer/trust.cbr")
    place.server("blanks", "2", "--store", "1", "--out", "first.kit")
    place.store("accept", "first.kit")
    content = place.path("fair", "rom", "CONTENT")
    content.mkdir(parents=True)
    recipe = RECIPE
    for item, price in ITEMS.items():
        content.joinpath(item).write_bytes(item.encode() * 50)
        recipe += (f'[[item]]\nid = "{item}"\ntitle = "A {item}"\nkind = "text"\n'
                   f'path = "CONTENT/{item}"\nprice = {price}\nrights_holder = "A poet"\n')
    place.path("fair", "recipe.toml").write_text(recipe, encoding="utf-8")
    place.store("build", "fair", "--out", "fair.edition", "--secret", "fair.secret")
    place.server("sign", "fair.edition")
    place.server("secret", "fair.secret", "--store", "1", "--out", "fair.sealed")
    place.store("accept", "fair.sealed")
    place.path("own").write_text(PASSWORD, encoding="utf-8")


def burnt(place, name):
    """Burn a medium, log in for the first time, sell it; its number."""
    place.store("burn", "fair.edition", "--to", f"{name}.img", "--labels", f"{name}.html")
    page = place.path(f"{name}.html").read_text(encoding="utf-8")
    first = page.split('<p class="password">')[1].split("<")[0]
    place.path("first").write_text(first, encoding="utf-8")
    place.wallet(f"{name}.img", "login", "--password-file", "first", "--new-password-file", "own")
    number = result(place.wallet(f"{name}.img", "info", "--json"))["medium"]
    place.store("sell", number, "--price", "1500")
    return number


def sold(place, number, amount):
    """A code over the counter: its digits, the receipt's number."""
    told = result(place.store("topup", number, amount, "--json"))
    return told["code"], str(told["receipt"])


class Town:
    """Two owners' media as they are before anything goes wrong."""

    def __init__(self, place):
        found_shop(place)
        self.place = place
        self.numbers = {name: burnt(place, name) for name in ("one", "two")}
        for name, amount in (("one", "3000"), ("two", "1000")):
            code, _ = sold(place, self.numbers[name], amount)
            place.wallet(f"{name}.img", "topup", code, "--password-file", "own")
        place.spend("one.img", "poem", home="home")
        self.voided, receipt = sold(place, self.numbers["one"], "1000")
        place.store("void", receipt)
        place.store("topup", self.numbers["one"], "500", "--voucher", "own.voucher")
        # A backup of the shop is put back behind a sale: its journal never had that.
        shutil.copytree(place.path("shop"), place.path("shop.bak"))
        self.unsold, _ = sold(place, self.numbers["one"], "1000")
        shutil.rmtree(place.path("shop"))
        place.path("shop.bak").rename(place.path("shop"))
        place.store("journal", "export", "shop.journal")
        place.server("import", "shop.journal")
        self.base = {name: place.export(f"{name}.img") for name in self.numbers}
        self.keys = {
            name: holder_key(place.path(f"{name}.img"), SHAPE, int(number), PASSWORD.encode())
            for name, number in self.numbers.items()
        }
        self.thief = stolen_key(place.path("shop"))

    def one(self):
        """What the first medium states."""
        return Export(self.base["one"])

    def two(self):
        """What the second one states."""
        return Export(self.base["two"])


def by_the_real_wallet(town):
    """Copies, old images and codes that a shop's journal doesn't have."""
    place, base = town.place, town.base["one"]
    for case, bought in (("clone", "opera"), ("same-goods", "film")):
        place.copy("one.img", "clone.img")
        place.copy("one.img", "original.img")
        place.spend("clone.img", bought, home=f"{case}-elsewhere")
        place.spend("original.img", "film", "story", home=case)
        folder = place.case(case)
        for name in ("clone.img", "original.img"):
            place.path(name).rename(folder / name)
    place.copy("one.img", "stick.img")
    place.copy("one.img", "old.img")
    place.spend("stick.img", "story", home="rewound")
    spent = place.export("stick.img", home="rewound")
    place.copy("old.img", "stick.img")
    # On another computer: the owner's own would give the lost tail back.
    place.spend("stick.img", "song", "film", home="another")
    place.case("rewind", before=spent, now=place.export("stick.img", home="another"))
    for name, code in (("unsold-code", town.unsold), ("voided-code", town.voided)):
        place.copy("one.img", "stick.img")
        place.wallet("stick.img", "topup", code, "--password-file", "own", home=name)
        place.case(name, export=place.export("stick.img", home=name))
    place.copy("one.img", "stick.img")
    place.wallet("stick.img", "topup", "own.voucher", "--password-file", "own", home="voucher")
    voucher = signed.plain(place.path("own.voucher").read_bytes(), "voucher-file")
    other = town.two()
    other.redeem(town.keys["two"], voucher["voucher"], 500)
    place.case("voucher-on-two", one=place.export("stick.img", home="voucher"), two=other.whole())
    subprocess.run(["cp", place.path("one.img"), place.path("longer.img")], check=True)
    place.spend("longer.img", "story", home="longer")
    folder = place.case("older-backup", old=base)
    place.path("longer.img").rename(folder / "longer.img")


def by_pen(town):
    """Records that a changed player would sign."""
    place, key = town.place, town.keys["one"]
    cheaper = town.one()
    cheaper.records.pop()
    cheaper.buy(key, "poem", 5)
    cheaper.put(key, PLAY, content="poem")
    place.case("edited-price", before=town.base["one"], edited=cheaper.whole())
    richer = town.one()
    topup = signed.unverified(richer.records[2], "record")
    del richer.records[2:]
    body = topup["body"]
    richer.enter(key, body["sheet"], body["slot"], body["secret"], 9000)
    place.case("edited-topup", edited=richer.whole())
    invented, sheet = town.one(), town.one().sheet()
    invented.enter(key, sheet["id"], 20, b"1234567890123456", 3000)
    place.case("invented-code", export=invented.whole())
    foreign, theirs = town.one(), signed.unverified(town.two().records[2], "record")["body"]
    foreign.enter(key, theirs["sheet"], theirs["slot"], theirs["secret"], 1000)
    place.case("anothers-code", export=foreign.whole())
    forged = town.one()
    forged.records[3] = forged.records[3][:-1] + bytes([forged.records[3][-1] ^ 1])
    place.case("wrong-signature", export=forged.whole())
    poor = town.one()
    poor.buy(key, "castle", 9999, balance=0)
    place.case("overdraft", export=poor.whole())


def voucher_of(town, number, amount, serial, currency="JPY"):
    """A voucher by the shop's stolen key."""
    issued = town.one().last()["history"]["at"]
    return town.thief.sign("voucher", {
        1: derive.voucher_id(1, serial), 2: number, 3: amount, 4: currency, 5: 1, 6: serial,
        7: issued, 8: issued + 86_400 * 300,
    })


def by_a_stolen_key(town):
    """What a shop's key makes in other hands."""
    place, key = town.place, town.keys["one"]
    grant = signed.unverified(town.one().chain[0], "certificate")["grant"]
    last = grant["serial_last"]
    twins = town.one(), town.two()
    for twin, name, amount in ((twins[0], "one", 700), (twins[1], "two", 800)):
        voucher = voucher_of(town, twin.medium, amount, last)
        twin.redeem(town.keys[name], voucher, amount)
    place.case("twin-vouchers", one=twins[0].whole(), two=twins[1].whole())
    swapped = town.one()
    swapped.redeem(key, voucher_of(town, swapped.medium, 500, last, "USD"), 500)
    place.case("other-currency", export=swapped.whole())
    large = town.one()
    amount = grant["single_max"] + 1
    large.redeem(key, voucher_of(town, large.medium, amount, last), amount)
    place.case("large-voucher", export=large.whole())
    second_medium(town)


def second_medium(town):
    """Another medium of one number: certificate, first record and its use under new keys."""
    real, burner, owner = town.one(), Key(b"\x21" * 32), Key(b"\x22" * 32)
    held = signed.decode(signed.envelope(real.certificate, "medium-certificate")[1],
                         *signed.schema.limits("medium-certificate"))
    held[8] = {1: {1: 1, -1: 6, -2: burner.public}}
    certificate = town.thief.sign("medium-certificate", held)
    slot = cbor2.dumps({1: certificate, 2: real.chain}, canonical=True)
    genesis = signed.unverified(real.records[0], "record")
    first = burner.sign("record", {
        1: real.medium, 2: 0, 3: signed.sha256(certificate), 4: genesis["floor"], 5: bytes(8),
        6: {1: bytes(16), 2: genesis["history"]["at"], 3: 0, 4: "store"},
        8: {0: 0, 1: signed.sha256(certificate)},
    })
    second = Export(town.base["one"])
    second.slots = slot.ljust(SLOT_LENGTHS[0], b"\0") + second.slots[SLOT_LENGTHS[0]:]
    second.records = [first]
    second.put(owner, PLAY, content="poem")
    town.place.case("second-medium", real=town.base["one"], second=second.whole())


def begins(town, payer, key):
    """The first medium begins to take something from the second."""
    begun = {"terms": {"transfer": TRANSFER}, "partner": [0, int(town.numbers["two"])]}
    prev = signed.sha256(payer.records[-1])
    event = derive.segment_event(payer.medium, prev, 300, begun, "song")
    body = {1: TERMS, 2: begun["partner"], 3: 0}
    payer.put(key, START, body, content="song", link=event)
    return event


def receipt_of(town, key, start, got):
    """A receipt of the first medium for so many bytes of 100 from the second."""
    one, two = (int(town.numbers[name]) for name in ("one", "two"))
    return key.sign("receipt", {1: one, 2: TRANSFER, 3: start, 4: [0, two], 5: 0, 6: got})


def by_lying_partners(town):
    """Receipts that don't agree with what was charged, or with who signed."""
    place, key = town.place, town.keys["one"]
    payer = town.one()
    event = begins(town, payer, key)
    # 10 bytes are charged, 40 were signed for: 30 and 120 of 300.
    payer.put(key, INTERRUPTED, {1: TRANSFER, 2: 10}, content="song",
              money=(event, -30, payer.balance() - 30))
    receipt = receipt_of(town, key, 4, 40)
    place.case("more-signed-than-charged", payer=payer.whole(), receipt=receipt)
    payer, giver, liar = town.one(), town.two(), Key(b"\x23" * 32)
    begins(town, payer, key)
    one, own = int(town.numbers["one"]), town.keys["two"]
    receipt = receipt_of(town, liar, 4, 100)
    start = signed.sha256(payer.records[-1])
    giver.put(own, UPLOAD, {1: TERMS, 2: [0, one], 3: 0, 4: start, 5: liar.public}, content="song",
              partner=f"{one:012}")
    giver.put(own, UPLOADED, {1: TRANSFER, 2: 100}, content="song", partner=f"{one:012}")
    fields = {"medium": one, "transfer": TRANSFER, "start": 4}
    earned = derive.earn_event(fields, int(town.numbers["two"]))
    giver.put(own, EARN, {1: receipt}, content="song", partner=f"{one:012}",
              money=(earned, 60, giver.balance() + 60))
    place.case("forged-receipt", payer=payer.whole(), giver=giver.whole())


def by_dd(town):
    """What broken sticks, cut copies and old backups look like; and a tail that was cut off."""
    place, base, export = town.place, town.base["one"], town.one()
    source = place.path("export")
    source.write_bytes(base)
    tail = len(framed(export.records)) - len(framed(export.records[:-1]))
    cuts = {"lost-tail": len(base) - tail, "cut-in-a-frame": len(base) - 100, "cut-early": 30_000}
    kept = {"lost-tail": export.frames(), "cut-in-a-frame": None, "cut-early": base}
    for name, length in cuts.items():
        folder = place.case(name)
        dd(source, folder / "cut", "bs=1", f"count={length}")
        if kept[name]:
            folder.joinpath("whole").write_bytes(kept[name])
    first = placed(SHAPE, "journal")
    last = first + len(framed(export.records)) - 100
    for name, at, length in (("torn-frame", last, 100), ("lost-copy", first, MIB)):
        image = place.copy("one.img", "torn.img")
        dd("/dev/zero", place.path(image), "conv=notrunc", "bs=1", f"seek={at}", f"count={length}")
        place.path(image).rename(place.case(name) / "one.img")
    folder = place.case("spare-copy")
    for name in ("one.img", "copy.img"):
        shutil.copy(place.path("one.img"), folder / name)


def by_clocks(town):
    """A computer that lost its battery."""
    town.place.copy("one.img", "stick.img")
    before = ("faketime", "2001-02-03 04:05:06")
    town.place.spend("stick.img", "story", home="clock", before=before)
    town.place.case("dead-clock", export=town.place.export("stick.img", home="clock"))


def main():
    """Make everything."""
    town = Town(Place(*sys.argv[1:]))
    for make in (by_the_real_wallet, by_pen, by_a_stolen_key, by_lying_partners, by_dd, by_clocks):
        make(town)
    print(json.dumps(town.numbers))


if __name__ == "__main__":
    main()
