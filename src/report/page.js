"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { words, money, texts } = data;
  const at = (id) => document.getElementById(id);
  const CHUNK = 100;

  const base64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const groups = (text) => text.replace(/.{8}(?=.)/g, "$& ");

  const grouped = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, ",");
  /** A sum of minor units as the tools write it. */
  const sum = (minor) => {
    const unit = 10n ** BigInt(money.exponent);
    const size = minor < 0n ? -minor : minor;
    let text = grouped(size / unit);
    if (money.exponent > 0) text += "." + (size % unit).toString().padStart(money.exponent, "0");
    text = money.sign ? money.sign + text : text + " " + money.code;
    return minor < 0n ? "-" + text : text;
  };
  const filled = (template, values) =>
    template.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));

  const rows = data.findings.map((fields, place) => {
    const [id, whole, kind, medium, store, seq, minor, state, checkpoint, rule, owner, sides,
      decided] = fields;
    const row = {
      place, id, whole, class: kind, medium, store, seq, amount: BigInt(minor), state, checkpoint,
      rule: texts[rule], owner: texts[owner], sides, decided,
    };
    const seen = sides.map(([what, hash]) => (hash ? what + " " + hex(base64(hash)) : what));
    row.text = [
      id, whole, kind, data.classes[kind], medium || "", (medium || "").replaceAll(" ", ""),
      store === null ? "" : words.store + " " + store, seq === null ? "" : "#" + seq,
      sum(row.amount), minor, data.states[state], row.rule, row.owner, decided || "",
      ...seen,
    ].join("\n").toLowerCase();
    return row;
  });

  const element = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const cell = (row, className, text) => row.appendChild(element("td", className, text));

  /** What the list is narrowed to, in the order that is asked for. */
  let shown = rows;
  let drawn = 0;
  const list = at("list");

  const compare = {
    medium: (a, b) => a.place - b.place,
    id: (a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0),
    class: (a, b) => (a.class < b.class ? -1 : a.class > b.class ? 1 : 0),
    state: (a, b) => (a.state < b.state ? -1 : a.state > b.state ? 1 : 0),
    store: (a, b) => (a.store ?? -1) - (b.store ?? -1),
    seq: (a, b) => (a.seq ?? -1) - (b.seq ?? -1),
    amount: (a, b) => (a.amount < b.amount ? -1 : a.amount > b.amount ? 1 : 0),
  };

  const told = (row) => {
    if (row.checkpoint === null) return data.states[row.state];
    const how = row.state === "settled" ? words.answered : words.answers;
    return data.states[row.state] + ": " + filled(how, { number: row.checkpoint });
  };

  /** One side of a finding; its bytes are written out once somebody looks. */
  const side = ([what, hash, bytes]) => {
    const made = element("li");
    made.appendChild(element("bdi", "what", what));
    made.appendChild(element("p", "hash", hash ? "SHA-256 " + hex(base64(hash)) : words.nothing));
    if (bytes !== null) {
      const raw = base64(bytes);
      const more = made.appendChild(element("details"));
      more.appendChild(element("summary", "", filled(words.bytes, { count: raw.length })));
      more.addEventListener("toggle", () => {
        if (more.open && !more.querySelector("pre")) {
          more.appendChild(element("pre", "hash", groups(hex(raw))));
        }
      });
    }
    return made;
  };

  const details = (row) => {
    const line = element("tr", "details");
    const inside = cell(line, "");
    inside.colSpan = 6;
    const facts = inside.appendChild(element("dl"));
    const fact = (name, text) => {
      facts.appendChild(element("dt", "", name));
      facts.appendChild(element("dd", "", text));
    };
    fact(words.rule, row.rule);
    fact(words.owner, row.owner);
    fact(words.state, told(row));
    if (row.decided) fact(words.decided, row.decided);
    fact(words.whole, row.whole);
    inside.appendChild(element("p", "name", words.sides));
    const sides = inside.appendChild(element("ul", "sides"));
    row.sides.forEach((one) => sides.appendChild(side(one)));
    return line;
  };

  const draw = (row, open) => {
    const body = element("tbody");
    const line = body.appendChild(element("tr", "finding"));
    const first = line.appendChild(element("th", "id"));
    first.scope = "row";
    const button = first.appendChild(element("button", "", row.id));
    button.type = "button";
    button.title = words.details;
    const where = cell(line, "medium");
    if (row.medium !== null) where.appendChild(element("span", "digits", row.medium));
    if (row.store !== null) where.appendChild(element("span", "store", words.store + " " + row.store));
    cell(line, "seq", row.seq === null ? "" : "#" + row.seq);
    cell(line, "class", data.classes[row.class]);
    cell(line, "state", data.states[row.state]);
    cell(line, row.amount < 0n ? "number minus" : "number", sum(row.amount));
    const toggle = (wanted) => {
      const there = body.querySelector("tr.details");
      if (wanted && !there) body.appendChild(details(row));
      if (!wanted && there) there.remove();
      button.setAttribute("aria-expanded", String(wanted));
    };
    button.addEventListener("click", () => toggle(!body.querySelector("tr.details")));
    toggle(open);
    return body;
  };

  const clear = () => {
    for (const body of [...list.tBodies]) body.remove();
    drawn = 0;
  };
  const drawMore = () => {
    const part = document.createDocumentFragment();
    for (const row of shown.slice(drawn, drawn + CHUNK)) part.appendChild(draw(row, false));
    drawn = Math.min(drawn + CHUNK, shown.length);
    list.appendChild(part);
    const left = shown.length - drawn;
    at("more").hidden = left === 0;
    at("more").textContent = filled(words.more, { count: grouped(Math.min(CHUNK, left)) });
  };

  const chosen = () => ({
    words: at("text").value.toLowerCase().split(/\s+/).filter(Boolean),
    medium: at("medium").value.replace(/\D/g, ""),
    class: at("class").value,
    store: at("store").value,
    state: at("state").value,
  });
  const fits = (row, wanted) =>
    (!wanted.class || row.class === wanted.class) &&
    (!wanted.store || String(row.store) === wanted.store) &&
    (!wanted.state || row.state === wanted.state) &&
    (!wanted.medium || (row.medium || "").replaceAll(" ", "").includes(wanted.medium)) &&
    wanted.words.every((word) => row.text.includes(word));

  const apply = () => {
    const wanted = chosen();
    const key = at("sort").value;
    const by = compare[key.replace("-", "")];
    const turn = key.startsWith("-") ? -1 : 1;
    shown = rows.filter((row) => fits(row, wanted));
    shown.sort((a, b) => turn * by(a, b) || a.place - b.place);
    for (const head of list.tHead.querySelectorAll("button")) {
      const own = head.dataset.sort === key.replace("-", "");
      const order = turn < 0 ? "descending" : "ascending";
      if (own) head.parentElement.setAttribute("aria-sort", order);
      else head.parentElement.removeAttribute("aria-sort");
    }
    const all = shown.reduce((all, row) => all + row.amount, 0n);
    at("count").textContent = filled(words.shown, {
      shown: grouped(shown.length), all: grouped(rows.length), sum: sum(all),
    });
    at("nothing").hidden = shown.length > 0;
    clear();
    drawMore();
  };

  let waiting = 0;
  at("filters").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 120);
  });
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  at("filters").addEventListener("reset", () => setTimeout(apply, 0));
  at("more").addEventListener("click", drawMore);
  for (const head of list.tHead.querySelectorAll("button")) {
    head.addEventListener("click", () => {
      const key = head.dataset.sort;
      const sort = at("sort");
      const other = "-" + key;
      const turned = sort.value === key && sort.querySelector('[value="' + other + '"]');
      sort.value = turned ? other : key;
      apply();
    });
  }

  // On paper nothing can be opened: all findings are printed, with what they rest on.
  let printing = false;
  const print = () => {
    if (printing) return;
    printing = true;
    clear();
    const part = document.createDocumentFragment();
    rows.forEach((row) => part.appendChild(draw(row, true)));
    list.appendChild(part);
  };
  addEventListener("beforeprint", print);
  addEventListener("afterprint", () => {
    printing = false;
    apply();
  });

  at("filters").hidden = false;
  apply();
})();
