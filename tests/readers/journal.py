"""Read a journal's two copies and add its records up, as SPEC.md's section "Journal" has it."""

import re
import struct

import derive
import signed
from strict_cbor import Refused

HEADER = 28
OPENING = 40
ANCHOR = 2  # a compacted chain begins with so many frames behind its opening
RECORD_MAX = 4096
KINDS = {0: 0, 1: 1, **{form: form - 1 for form in range(2, 20)}}
CREDITS, PURCHASE, EARN, REKEY = (1, 2, 19), 4, 13, 18
ARCHIVED = re.compile(r"JOURNAL-([0-9]+)-([0-9]+)\.JRN")


def frames(bank, parity):
    """{generation: {(index, offset): frame}} of a bank; what is no frame is passed over."""
    found, at = {}, 0
    while at + 512 <= len(bank):
        held = frame(bank, at, parity)
        if held is None:
            at += 512
            continue
        generation, index = held[:2]
        found.setdefault(generation, {})[index, at] = held[2:]
        at += stored_bytes(held[2])
    return found


def stored_bytes(record):
    """How much a record takes with its frame."""
    return -(-(HEADER + len(record)) // 512) * 512


def frame(bank, at, parity):
    """(generation, index, record, frame before, checksum) if a whole frame begins here."""
    if bank[at:at + 4] != b"SCRJ":
        return None
    crc, generation, index, length, before = struct.unpack_from(">IQIII", bank, at + 4)
    end = at + HEADER + length
    stored = at - (at - end) // 512 * 512
    if length > RECORD_MAX or stored > len(bank) or generation % 2 != parity:
        return None
    if derive.crc32c(bank[at + 8:end]) != crc or any(bank[end:stored]):
        return None
    return generation, index, bank[at + HEADER:end], before, crc


def read(copies):
    """What the two copies' bytes hold together, as a dict."""
    half, held = len(copies[0]) // 2, [{}, {}]
    for parity in (0, 1):
        for copy, found in zip(copies, held):
            found.update(frames(copy[parity * half:(parity + 1) * half], parity))
    uncounted, unopened = [], False
    for generation in sorted({*held[0], *held[1]}, reverse=True):
        both = [copy.get(generation, {}) for copy in held]
        found = read_generation(generation, both)
        if found is not None:
            if any(begun_after(newer, found) for newer in uncounted):
                raise Refused("journal", "frame 0 is damaged in both copies")
            return found
        uncounted.append(both)
        unopened |= not longest(both)[0]
    lost = "frame 0 is damaged in both copies" if unopened else "neither copy holds a first record"
    raise Refused("journal", lost)


def begun_after(held, older):
    """Were records added to a generation without an opening that fits?"""
    known = {*older["records"], *older["outside"], *older["rival"]}
    return any(index > ANCHOR and frame[0] not in known
               for copy in held for (index, _), frame in copy.items())


def read_generation(generation, held):
    """What a generation holds; None if it was never begun."""
    row, rival = longest(held)
    later = max(index for copy in held for index, _ in copy)
    opening, count, outside = 0, 0, 0
    if generation > 0:
        opening = 1
        first = row[0][1] if row else b""
        if len(first) != OPENING:
            return None
        count, outside = struct.unpack_from(">II", first)
        if not carries(row[1:], first, count, outside):
            if later > count and len(row) <= later:
                raise Refused("journal", f"frame {len(row)} is damaged in both copies")
            return None
    if not row or later >= len(row):
        raise Refused("journal", f"frame {len(row)} is damaged in both copies")
    records = [record for _, record, _ in row[opening:]]
    chain = count - outside
    return {
        "generation": generation,
        "records": records[:chain] + records[count:],
        "outside": records[chain:count],
        "rival": rival,
        "lacking": [(index, "AB"[copy]) for index, (copy, _, _) in enumerate(row)
                    if copy is not None],
    }


def carries(row, opening, count, outside):
    """Does all that was to be carried stand behind the opening?"""
    carried = [record for _, record, _ in row[:count]]
    parts = b"".join(struct.pack(">I", len(record)) + record for record in carried)
    whole = len(carried) == count and signed.sha256(parts) == opening[8:]
    return whole and outside <= count


def longest(held):
    """The longest row of frames, and what the shorter holds where the copies part."""
    row, place = follow(held, (0, 0, 0), None)
    if place is None:
        return row, []
    ours, theirs = (follow(held, place, copy)[0] for copy in (0, 1))
    if len(ours) == len(theirs):
        raise Refused("journal", f"copies hold different records {place[0]}")
    if len(ours) < len(theirs):
        ours, theirs = theirs, ours
    return row + ours, [record for _, record, _ in theirs]


def follow(held, place, preferred):
    """([(copy that lacks it, record, checksum)], where the copies part) from a place on."""
    row = []
    while True:
        index, end, before = place
        found = [copy.get((index, end)) for copy in held]
        found = [frame if frame and frame[1] == before else None for frame in found]
        if found == [None, None]:
            return row, None
        if None in found:
            lacking = found.index(None)
        elif found[0] == found[1]:
            lacking = None
        elif preferred is None:
            return row, place
        else:
            lacking = 1 - preferred
        record, _, checksum = found[0 if lacking is None else 1 - lacking]
        row.append((lacking, record, checksum))
        place = index + 1, end + stored_bytes(record), checksum


def fold(found, certificate, slots, stores):
    """The entries of a journal's signed records, and the state behind them; raises Refused."""
    state, records = blank(signed.key_of(certificate), slots["hash"]), found["records"]
    state["issuer"] = slots["issuer"]
    policies = {"stamped": slots["policy"]["number"], "later": slots.get("later", {})}
    state["policies"] = policies
    if signed.is_kind(records[0], "checkpoint"):
        stated = checkpoint(records[0], records[1], certificate["medium"], state)
        if stated["number"] == 1 and stated["prev"] != slots["hash"]:
            raise Refused("journal", "the first checkpoint names another certificate")
        outside = {signed.sha256(data): data for data in found["outside"]}
        listed = {each["start"] for each in stated["open"]} | set(stated["exceptions"])
        if not set(outside) <= listed:
            raise Refused("journal", "what is carried outside the chain is not listed")
        state = anchored(stated, signed.sha256(records[0]), outside)
        state["issuer"], state["policies"] = slots["issuer"], policies
        records = records[2:]
    return follow_on(records, certificate, slots["sheets"], stores, state), state


def older(outbox, copies, found, certificate, slots, stores):
    """The entries of the rows that compactions put into the OUTBOX, the oldest first.

    The checkpoint in front of a row has its head in the row before; the newest row still stands in
    the bank that doesn't count, of both copies. Of rows that an owner removed nothing is said.
    """
    named = {name: ARCHIVED.fullmatch(name) for name in outbox}
    rows = sorted((int(match[1]), int(match[2]), outbox[name])
                  for name, match in named.items() if match)
    entries, hashes = [], None
    for _, generation, row in rows:
        held = frames(row, generation % 2)[generation]
        held = read_generation(generation, [held, held])
        settles(held, hashes)
        entries += fold(held, certificate, slots, stores)[0]
        hashes = [signed.sha256(record) for record in held["records"]]
    settles(found, hashes)
    if rows:
        _, generation, row = rows[-1]
        half = len(copies[0]) // 2
        start = generation % 2 * half
        if any(copy[start:start + len(row)] != row for copy in copies):
            raise Refused("journal", "the older bank is not what was archived")
    return entries


def settles(found, hashes):
    """The checkpoint in front of a row names a record of the row before as its head."""
    if hashes is None:
        return
    if signed.unverified(found["records"][0], "checkpoint")["head"] not in hashes:
        raise Refused("journal", "the archived row has no record of the checkpoint's head")


def sums(state):
    """What is on the medium, and which parts of it can't be spent."""
    return {**{name: state[name] for name in ("balance", "provisional", "debt")},
            "reserved": reserved(state), "free": free(state)}


def reserved(state):
    """What open segments hold."""
    return sum(transfer["reserved"] for transfer in state["transfers"].values())


def blank(key, head):
    """The state before a chain's first record."""
    return {
        "head": head, "floor": 0, "balance": 0, "credited": set(), "owned": False,
        "key": key, "transfers": {}, "uploads": {}, "next": 0, "settled": None,
        "from": 0, "tail": [], "debt": 0, "provisional": 0, "base": head,
    }


def anchored(stated, hashed, starts):
    """The state behind a checkpoint's head; `starts` are the download-starts that it lists."""
    state = blank(stated["holder"], stated["head"])
    after = stated["seq"] + 1
    state.update({"owned": True, "next": after, "from": after, "settled": hashed})
    state["credited"] = used(stated)
    for listed in stated["open"]:
        start = signed.unverified(starts[listed["start"]], "record")
        event = start["history"]["link"] if listed["reserved"] else None
        state["transfers"][listed["transfer"]] = {
            "terms": start["body"]["terms"], "covered": listed["covered"], "open": event,
            "reserved": listed["reserved"], "start": start["seq"],
        }
    add_up(stated, state)
    return state


def follow_on(records, certificate, sheets, stores, state):
    """The entries of the signed records that continue a state, which becomes the one after them."""
    entries = []
    for data in records:
        record = signed.verified(data, "record", state["key"])
        check_chain(record, state["next"], certificate, state)
        act(record, certificate, sheets, stores, state)
        state["head"], state["floor"] = signed.sha256(data), record["floor"]
        state["next"] += 1
        form = record["body"]["form"]
        moved = record.get("accounting", {"event": None, "amount": 0})
        state["tail"].append([state["head"], moved["event"], moved["amount"], form])
        entries.append(entry(record))
    return entries


def checkpoint(data, certificate, medium, state):
    """A checkpoint of this medium, by a settler under the medium's issuer."""
    settler = signed.verified(certificate, "certificate", state["issuer"])
    if signed.ROLES[settler["role"]] != "settler":
        raise Refused("journal", "a checkpoint is a settler's to sign")
    stated = signed.verified(data, "checkpoint", signed.key_of(settler))
    if stated["medium"] != medium:
        raise Refused("journal", "a checkpoint of another medium")
    return stated


def used(stated):
    """The events of the codes and vouchers that a checkpoint lists."""
    medium = stated["medium"]
    codes = {
        derive.code_event(medium, each["sheet"], slot)
        for each in stated["slots"] for slot in range(104)
        if each["slots"][slot // 8] >> slot % 8 & 1
    }
    return codes | {derive.voucher_event(medium, each["id"]) for each in stated["vouchers"]}


def add_up(stated, state):
    """Balance, debt and fees: a checkpoint, and what the tail adds."""
    fees = stated["provisional"] + sum(step[2] for step in state["tail"] if step[3] == EARN)
    own = sum(step[2] for step in state["tail"] if step[3] != EARN)
    start = stated["settled"] + sum(each["reserved"] for each in stated["open"]) - stated["debt"]
    held = reserved(state)
    net = start + own
    state["debt"] = max(0, held - net)
    state["balance"], state["provisional"] = max(net, held) + fees, fees


def take_over(record, certificate, state):
    """A settled state, on this chain or from another branch."""
    body = record["body"]
    stated = checkpoint(body["checkpoint"], body["certificate"], certificate["medium"], state)
    counted = set(stated["counted"])
    if body["form"] == 14:
        settled = stated["seq"] + 1 - state["from"]
        need(0 <= settled <= len(state["tail"]), record, "its checkpoint's place")
        head = state["tail"][settled - 1][0] if settled else state["base"]
        need(head == stated["head"], record, "its checkpoint's head")
        state["tail"], state["from"] = state["tail"][settled:], stated["seq"] + 1
    else:
        events = body["settled_since"]
        need(signed.sha256(b"".join(events)) == stated["settled_since"]["events"], record, "events")
        counted |= set(events) | used(stated)
    for step in state["tail"]:
        if step[1] in counted:
            step[1:3] = None, 0
    listed = {each["transfer"] for each in stated["open"]}
    state["transfers"] = {
        name: transfer for name, transfer in state["transfers"].items()
        if transfer["start"] >= state["from"] or name in listed
    }
    state["credited"] |= used(stated)
    state["base"], state["key"], state["owned"] = stated["head"], stated["holder"], True
    state["settled"] = signed.sha256(body["checkpoint"])
    add_up(stated, state)


def need(holds, record, what):
    """Refuse a record of which something does not hold."""
    if not holds:
        raise Refused("journal", f"record {record['seq']}: {what}")


def check_chain(record, place, certificate, state):
    """Is it the record that is due, and may the key sign it?"""
    form = record["body"]["form"]
    need(record["medium"] == certificate["medium"], record, "medium")
    need(record["seq"] == place, record, "sequence")
    need(record["prev"] == state["head"], record, "prev")
    need(record["floor"] >= state["floor"], record, "floor")
    need(record["history"]["kind"] == KINDS[form], record, "kind")
    need((form == 0) == (place == 0), record, "genesis")
    store_made = form in (0, REKEY) or (KINDS[form] == 1 and place == 1)
    need(store_made or state["owned"], record, "the store-made key may not sign it")
    need(form != REKEY or not state["owned"], record, "a second rekey")


def act(record, certificate, sheets, stores, state):
    """What the record does."""
    body, medium = record["body"], certificate["medium"]
    form = body["form"]
    if form in CREDITS:
        amount, event = credited(record, certificate, sheets, stores)
        need(event not in state["credited"], record, "credited before")
        account(record, amount, event, state)
        state["credited"].add(event)
    elif form == PURCHASE:
        price = -record["accounting"]["amount"]
        need(0 < price <= free(state), record, "price")
        account(record, -price, placed(record, medium, price), state)
    elif form in (7, 8, 9):
        download(record, medium, state)
    elif form in (10, 11, 12, 13):
        upload(record, medium, state)
    else:
        need("accounting" not in record and "link" not in record["history"], record, "entry")
        if form == 0:
            need(body["certificate"] == record["prev"], record, "names another certificate")
        elif form == REKEY:
            message = rekey_message(record, state["key"])
            need(signed.is_signed(body["key"], body["proof"], message), record, "proof")
            state["key"], state["owned"] = body["key"], True
        elif form == 15 and state.get("policies"):
            known = state["policies"]
            need(body["number"] <= known["stamped"]
                 or known["later"].get(body["number"]) == body["hash"], record, "policy")
        elif form in (14, 17):
            if signed.sha256(body["checkpoint"]) != state["settled"]:
                take_over(record, certificate, state)


def free(state):
    """What is neither reserved nor provisional."""
    return state["balance"] - reserved(state) - state["provisional"]


def placed(record, medium, price):
    """The event of a purchase."""
    history = record["history"]
    return derive.placed_event(medium, record["prev"], history["kind"], price, history["content"])


def rekey_message(record, old):
    """What a new holder key signs."""
    place = derive.wide(record["medium"]) + derive.wide(record["seq"])
    return b"scrip/v1/rekey" + place + record["prev"] + old + record["body"]["key"]


def segment(terms, before, got):
    """(charge, fee) of a segment."""
    def total(count):
        charge = terms["price"] * count // terms["length"]
        return charge, charge * terms["share_ppm"] // 10**6
    low, high = total(before), total(before + got)
    return high[0] - low[0], high[1] - low[1]


def download(record, medium, state):
    """A segment begins or closes."""
    body = record["body"]
    if body["form"] == 7:
        terms = body["terms"]
        known = state["transfers"].get(terms["transfer"])
        stands = known or {"terms": terms, "covered": 0, "open": None, "reserved": 0}
        need((stands["terms"], stands["covered"], stands["open"])
             == (terms, body["before"], None), record, "terms or place of the transfer")
        most = segment(terms, body["before"], terms["length"] - body["before"])[0]
        need(most <= free(state), record, "reserve")
        content = record["history"]["content"]
        event = derive.segment_event(medium, record["prev"], most, body, content)
        need(record["history"]["link"] == event, record, "link")
        state["transfers"][terms["transfer"]] = {
            **stands, "open": event, "reserved": most, "start": record["seq"],
        }
        return
    known = state["transfers"].get(body["transfer"])
    need(known is not None and known["open"], record, "no open segment")
    charge, _ = segment(known["terms"], known["covered"], body["got"])
    covered, event = known["covered"] + body["got"], known["open"]
    need((covered == known["terms"]["length"]) == (body["form"] == 9), record, "end")
    need(covered <= known["terms"]["length"], record, "more bytes than there are")
    need(record["history"]["link"] == event, record, "link")
    known.update(covered=covered, open=None, reserved=0)
    if body["form"] == 9:
        del state["transfers"][body["transfer"]]
    if charge:
        account(record, -charge, event, state)
    else:
        need("accounting" not in record, record, "entry")


def upload(record, medium, state):
    """A segment that is sent begins or closes, or its fee is earned."""
    body, uploads = record["body"], state["uploads"]
    if body["form"] == 10:
        uploads[body["terms"]["transfer"]] = body
    elif body["form"] in (11, 12):
        uploads[body["transfer"]]["got"] = body["got"]
    else:
        claimed = signed.unverified(body["receipt"], "receipt")
        known = uploads.pop(claimed["transfer"])
        receipt = signed.verified(body["receipt"], "receipt", known["key"])
        stated = [0, receipt["medium"]], receipt["partner"], receipt["before"], receipt["got"]
        due = known["partner"], [0, medium], known["before"], known.get("got")
        need(stated == due, record, "receipt")
        fee = segment(known["terms"], known["before"], receipt["got"])[1]
        account(record, fee, derive.earn_event(receipt, medium), state)
        state["provisional"] += fee


def credited(record, certificate, sheets, stores):
    """(amount, event) that a top-up's body gives."""
    body, medium = record["body"], certificate["medium"]
    if body["form"] == 1:
        sheet = sheets[body["sheet"]]
        salt = derive.commitment_salt(medium, body["sheet"], body["slot"])
        made = derive.commitment(body["secret"], salt, sheet["rounds"])
        at = 16 * body["slot"]
        opens = made == sheet["commitments"][at:at + 16] and sheet["medium"] == medium
        need(opens, record, f"the code of slot {body['slot']} opens nothing")
        amounts = [run["amount"] for run in sheet["runs"] for _ in range(run["count"])]
        return amounts[body["slot"]], derive.code_event(medium, body["sheet"], body["slot"])
    key = stores[signed.envelope(body["voucher"], "voucher")[0]]
    voucher = signed.verified(body["voucher"], "voucher", key)
    need(voucher["medium"] == medium, record, "a voucher of another medium")
    return voucher["amount"], derive.voucher_event(medium, voucher["id"])


def account(record, amount, event, state):
    """Move money, if the record claims the same."""
    need("accounting" in record, record, "its accounting entry is missing")
    entry_of = record["accounting"]
    owed = min(state["debt"], max(amount, 0))
    balance = state["balance"] + amount - owed
    claims = entry_of["amount"], entry_of["event"], entry_of["balance_after"]
    need(claims == (amount, event, balance), record, "its accounting entry")
    need(record["history"].get("link") == event, record, "link")
    state["balance"], state["debt"] = balance, state["debt"] - owed


def entry(record):
    """What a person sees of a record."""
    accounting = record.get("accounting")
    return {
        "seq": record["seq"],
        "kind": record["history"]["kind"],
        "form": record["body"]["form"],
        "partner": record["history"]["partner"],
        "amount": accounting["amount"] if accounting else None,
        "balance_after": accounting["balance_after"] if accounting else None,
    }
