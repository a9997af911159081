#!/usr/bin/env python3
"""Fills the start page from the recipe, as `build` does, to look at it in a browser.

    python3 make/preview.py OUT [PLATFORM=PLAYER...]      writes the tree of rom/ and the filled page into OUT
"""

import html
import pathlib
import shutil
import sys
import tomllib
import urllib.parse

import made

ROOT = made.HERE.parent
KINDS = {"text": ("text", "文章"), "audio": ("audio", "音楽"), "picture": ("picture", "絵")}
SCRIPT = ("in a terminal here: <code>sh start.sh</code>", "このフォルダーの端末で <code>sh start.sh</code>")
WINDOWS = r"<code>players\windows-x86_64\scrip-wallet.exe info</code>"
PLATFORMS = {
    "linux-x86_64": ("Linux, 64-bit PC", "Linux（64ビットPC）", *SCRIPT),
    "linux-aarch64": ("Linux, 64-bit ARM", "Linux（64ビットARM）", *SCRIPT),
    "windows-x86_64": ("Windows, 64-bit", "Windows（64ビット）", f"in a terminal here: {WINDOWS}", f"このフォルダーの端末で {WINDOWS}"),
    "macos-universal": ("macOS", "macOS", *SCRIPT),
}


def escape(words):
    """The four marks that mean something in HTML."""
    return html.escape(words, quote=False).replace('"', "&quot;")


def both(english, japanese):
    """Two languages of one thing, already HTML; only the first if there is no second."""
    if japanese is None:
        return english
    return f'<span lang="en">{english}</span><span lang="ja">{japanese}</span>'


def text(item, key):
    """An item's text in the languages it has."""
    japanese = item.get(f"{key}_ja")
    return both(escape(item[key]), japanese and escape(japanese))


def player_row(platform, player):
    """One player, or the note that it isn't there."""
    name, name_ja, how, how_ja = PLATFORMS[platform]
    if player is None:
        return (
            f'<li class="player missing" data-platform="{platform}"><span class="name">{both(name, name_ja)}</span>'
            f' <span class="how">{both("not on this stick", "このスティックには入っていません")}</span></li>'
        )
    program = "scrip-wallet.exe" if platform.startswith("windows") else "scrip-wallet"
    size = f"{player.stat().st_size / 1_000_000:.1f} MB"
    return (
        f'<li class="player" data-platform="{platform}"><a href="players/{platform}/{program}">{both(name, name_ja)}</a>'
        f' <span class="size">{size}</span> <span class="how">{both(how, how_ja)}</span></li>'
    )


def length(item):
    """Minutes and seconds of audio, else the size of the file."""
    if item["kind"] == "audio":
        return f"{item['seconds'] // 60}:{item['seconds'] % 60:02}"
    return f"{-(-(ROOT / 'rom' / item['path']).stat().st_size // 1000)} kB"


def card(item):
    """One item of the catalogue."""
    path, title = urllib.parse.quote(item["path"]), escape(item["title"])
    creator = escape(item.get("creator", item["rights_holder"]))
    holder = escape(item["rights_holder"])
    price = f'<span class="price">¥{item["price"]:,}</span>' if item["price"] else (
        f'<span class="price free">{both("free", "無料")}</span>'
    )
    lines = [f'<li class="item" data-kind="{item["kind"]}" id="item-{item["id"]}">']
    if item["kind"] == "picture":
        lines += [f'<a class="view" href="{path}"><img src="{path}" alt="{title}" loading="lazy"></a>']
    lines += [f'<h3><a href="{path}">{text(item, "title")}</a></h3>']
    if "about" in item:
        lines += [f'<p class="about">{text(item, "about")}</p>']
    if item["kind"] == "audio":
        lines += [f'<audio controls preload="none" src="{path}" aria-label="{title}"></audio>']
    lines += [
        f'<p class="facts"><span class="kind">{both(*KINDS[item["kind"]])}</span>'
        f' <span class="length">{length(item)}</span> {price}</p>',
        f'<p class="creator">{creator}</p>',
    ]
    if creator != holder:
        lines += [f'<p class="rights">{both(f"rights: {holder}", f"権利者：{holder}")}</p>']
    if item["price"]:
        buy = both("Buy it with the player:", "プレーヤーで購入：")
        lines += [f'<p class="buy">{buy} <code>buy {item["id"]}</code></p>']
    return "\n".join([*lines, "</li>"])


def edition(recipe):
    """What the edition says of itself."""
    title = text(recipe, "title")
    rows = [
        (both("Edition", "エディション"), f'{title} ({recipe["name"]}, release {recipe["release"]})'),
        (both("Read-only area", "読み出し専用領域"), f'{recipe["rom_label"]}, {recipe["rom_mib"]} MiB'),
        (both("Your area", "あなたの領域"), f'{recipe["ram_label"]}, {recipe["ram_mib"]} MiB'),
    ]
    return "\n".join(f"<div><dt>{term}</dt><dd>{what}</dd></div>" for term, what in rows)


def main():
    """Copies the tree and fills the three markers."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    out = pathlib.Path(sys.argv[1])
    given = {name: pathlib.Path(path) for name, path in (one.split("=", 1) for one in sys.argv[2:])}
    recipe = tomllib.loads((ROOT / "recipe.toml").read_text(encoding="utf-8"))
    platforms = [player["platform"] for player in recipe["player"]]
    filled = {
        "players": "\n".join(player_row(platform, given.get(platform)) for platform in platforms),
        "catalogue": "\n".join(card(item) for item in recipe["item"]),
        "edition": edition(recipe),
    }
    shutil.copytree(ROOT / "rom", out, dirs_exist_ok=True)
    page = (ROOT / "rom" / "START.HTM").read_text(encoding="utf-8")
    for name, rows in filled.items():
        page = page.replace(f"<!-- scrip:{name} -->", rows)
    (out / "START.HTM").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
